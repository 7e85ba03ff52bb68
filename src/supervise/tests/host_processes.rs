//! A workload of plain host processes. Its members are the descendants of the monitor, its kernel is a directory: a file
//! `gone` there stands for a jail that was destroyed.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, setsid};

use super::super::history::Point;
use super::super::pidfd;
use super::super::service::Service;
use super::super::workload::{Run, Workload};
use crate::jail::{Child, JailError};
use crate::kernel::KernelError;

pub struct HostProcesses {
    service: Service,
    dir: PathBuf,
}

impl HostProcesses {
    pub fn of(service: &Service) -> Self {
        HostProcesses { service: service.clone(), dir: service.units[0].env["DIR"].clone().into() }
    }
}

impl Workload for HostProcesses {
    fn spawn(&mut self, Run { argv, env, output, notify, .. }: Run) -> Result<Child, JailError> {
        let name = self.service.name.clone();
        let program = argv[0].clone();
        let mut command = Command::new(&program);
        command.args(&argv[1..]).env_clear().env("PATH", "/usr/bin:/bin").envs(env);
        if let Some(notify) = &notify {
            fcntl(notify, FcntlArg::F_SETFD(FdFlag::empty())).map_err(JailError::system("fcntl"))?;
            command.env("NOTIFY_FD", notify.as_raw_fd().to_string());
        }
        command.stdin(Stdio::from(output.stdin)).stdout(Stdio::from(output.stdout)).stderr(Stdio::from(output.stderr));
        let as_in_a_jail = || {
            SigSet::empty().thread_set_mask()?;
            Ok(setsid().map(drop)?)
        };
        // SAFETY: both are async-signal-safe.
        unsafe { command.pre_exec(as_in_a_jail) };
        let child = command.spawn().map_err(|error| JailError::NotExecutable {
            name,
            program,
            errno: Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
        })?;
        let pid = child.id() as i32;
        Ok(Child::own(Pid::from_raw(pid), pidfd::open(pid).map_err(JailError::system("pidfd_open"))?))
    }

    fn gone(&self) -> Option<String> {
        self.dir.join("gone").exists().then(|| "the jail is gone from the kernel".into())
    }

    fn sample(&self) -> Result<(), KernelError> {
        if self.gone().is_some() { Err(KernelError::NoSuchJail(self.service.jid)) } else { Ok(()) }
    }

    fn used(&self) -> Option<Point> {
        None
    }

    fn hold(&self, held: bool) -> Result<(), KernelError> {
        fs::write(self.dir.join("held"), held.to_string()).map_err(KernelError::io("held"))
    }

    fn kill_members(&mut self) -> Result<usize, KernelError> {
        let members = descendants(std::process::id() as i32);
        for pid in &members {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        Ok(members.len())
    }
}

fn descendants(of: i32) -> Vec<i32> {
    let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    let children: Vec<i32> = children.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect();
    children.iter().copied().chain(children.iter().flat_map(|pid| descendants(*pid))).collect()
}

#[test]
fn descriptors_of_the_monitor_do_not_reach_the_service() {
    let bench = super::Bench::new("ls -l /proc/self/fd > $DIR/fds.new; mv $DIR/fds.new $DIR/fds; exec sleep 1000").started();
    bench.until("the list", |bench| !bench.file("fds").is_empty());
    // ls itself opens one, the directory.
    let fds = bench.file("fds");
    assert_eq!(fds.lines().filter(|line| line.contains("->")).count(), 4, "{fds}");
    assert!(fds.contains("0 -> /dev/null"), "{fds}");
}
