//! A jail that lives and dies by the real programs, and the traces it may leave on the host.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::body;

const JAILSH: &str = env!("CARGO_BIN_EXE_jailsh");

/// One jail of its own name, gone at the end of the test however that ends.
pub struct Subject {
    pub name: &'static str,
    pub data: tempfile::TempDir,
}

impl Subject {
    pub fn new(name: &'static str) -> Subject {
        Subject { name, data: tempfile::tempdir().unwrap() }
    }

    pub fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(JAILSH);
        let body = body::chosen().expect("a test asks first whether it may run");
        command.arg0(tool).args(["--kernel", body.name()]).arg("--data-dir").arg(self.data.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        self.command(tool, arguments).output().unwrap()
    }

    /// The same, with the jail's name last; the output, which must be a success's.
    pub fn must(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.run(tool, &[arguments, &[self.name]].concat());
        assert!(output.status.success(), "{tool} {arguments:?} {}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn create(&self, service: &str) {
        self.must("jailmgr", &["create", "-x", service, "-l", "medium"]);
    }

    /// Runs a command inside; its standard output.
    pub fn inside(&self, command: &[&str]) -> String {
        let output = self.run("jailctl", &[&["exec", self.name, "--"], command].concat());
        assert!(output.status.success(), "exec {command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The pid of the supervisor and of the service under it, from the host's process table.
    pub fn supervised(&self) -> Option<(Pid, Pid)> {
        let known = processes();
        let supervisor = known.iter().find(|process| process.command.starts_with(&self.title("supervise")))?;
        let is_service = |process: &&Process| {
            let is_ours = process.command.starts_with("jailctl: ");
            process.parent == supervisor.pid && !is_ours && !process.command.is_empty()
        };
        let service = known.iter().find(is_service)?;
        Some((Pid::from_raw(supervisor.pid), Pid::from_raw(service.pid)))
    }

    /// The process that comers are forked from, where the body needs one. Its forks bear its title until they run their
    /// program, but are its or its parent's children, and younger.
    pub fn keeper(&self) -> Option<Pid> {
        let known = processes();
        let titled: Vec<&Process> = known.iter().filter(|process| process.command.starts_with(&self.title("keep"))).collect();
        let oldest = titled.iter().min_by_key(|process| process.born)?;
        Some(Pid::from_raw(oldest.pid))
    }

    /// argv[0] of the jail's processes of ours.
    pub fn title(&self, what: &str) -> String {
        format!("jailctl: {what} jail={} jid=", self.name)
    }

    /// What of the jail is left on the host.
    pub fn left(&self) -> BTreeSet<String> {
        let mut left = traces().into_iter().filter(|trace| trace.contains(self.name)).collect::<BTreeSet<_>>();
        let jails = self.data.path().join("jails");
        left.extend(entries(&jails).into_iter().map(|entry| format!("{}/{entry}", jails.display())));
        left
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        for verb in ["stop", "destroy"] {
            self.run("jailmgr", &[verb, self.name]);
        }
    }
}

#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// In ticks since the machine's start.
    pub born: u64,
    pub command: String,
}

pub fn processes() -> Vec<Process> {
    let read = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc(5): from the third field on.
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let (parent, born) = (fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?);
        let command = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).ok()?).replace('\0', " ");
        Some(Process { pid, parent, born, command })
    };
    entries(Path::new("/proc")).iter().filter_map(|entry| entry.parse().ok()).filter_map(read).collect()
}

pub fn entries(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Everything on the host that a jail can leave a trace in. Others mount and unmount on a machine that is no guest.
pub fn traces() -> BTreeSet<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(str::to_owned);
    let mut traces: BTreeSet<String> =
        places.filter(|place| body::in_guest() || place.starts_with("/run/jailsh") || place.starts_with("/sys/fs")).collect();
    for folder in [
        "/run/jailsh/jails",
        "/run/jailsh/kmod",
        "/run/jailsh/landlock",
        "/run/jailsh/landlock/jails",
        "/sys/fs/cgroup/jailsh",
        "/sys/fs/cgroup/unified/jailsh",
    ] {
        traces.extend(entries(Path::new(folder)).into_iter().map(|entry| format!("{folder}/{entry}")));
    }
    // A live jail gets its samples in its first second.
    let samples = entries(Path::new("/run/jailsh/landlock/samples"));
    let orphans = samples.difference(&entries(Path::new("/run/jailsh/landlock/jails"))).cloned().collect::<Vec<_>>();
    traces.extend(orphans.into_iter().map(|jid| format!("samples of jail {jid}")));
    traces.extend(processes().into_iter().map(|process| process.command).filter(|command| command.contains("jail=")));
    traces
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within 30 s");
        sleep(Duration::from_millis(50));
    }
}
