//! A jail for a test: made and started by the real programs, and stopped, destroyed and looked for afterwards.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;

use jailsh::kernel::{JailName, Jid, Kernel, Level};

use super::body;
use super::stage::{BAIT, Stage};

/// Where jails run; the kernel is one per machine, and so is this.
const RUN_DIR: &str = "/run/jailsh";

/// First part of a keeper's argv[0]: the process of a jail that others are forked from, where the body needs one.
const KEEPER: &[u8] = b"jailctl: keep jail=";

fn kernel() -> Rc<dyn Kernel> {
    body::chosen().expect("a test asks first whether it may run").kernel()
}

/// `jailctl` or `jailmgr` over the chosen kernel body and the data directory of a stage.
pub fn tool(name: &str, stage: &Stage) -> Command {
    let body = body::chosen().expect("a test asks first whether it may run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
    command.arg0(name).args(["--kernel", body.name()]).arg("--data-dir").arg(stage.path("jails"));
    command
}

/// Runs it to its end.
pub fn output_of(mut command: Command) -> Output {
    command.output().expect("the program starts")
}

fn must(command: Command) -> String {
    let shown = format!("{command:?}");
    let output = output_of(command);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// A running jail; gone on drop, with an assertion that nothing of it is left.
pub struct TestJail<'a> {
    pub name: JailName,
    pub jid: Jid,
    stage: &'a Stage,
}

impl<'a> TestJail<'a> {
    /// A jail whose service sleeps, with the stage's tree below /opt/bait.
    pub fn start(stage: &'a Stage, name: &str, level: Level, ports: &[u16]) -> TestJail<'a> {
        TestJail::with_service(stage, name, level, ports, "/usr/bin/sleep 100000")
    }

    /// The same that has this port, and the next one on the address that the attacks upon ports go for.
    pub fn with_an_address(stage: &'a Stage, name: &str, port: u16) -> TestJail<'a> {
        let ports = [port.to_string(), format!("127.0.0.2:{}/tcp", port + 1)];
        TestJail::reserving(stage, name, Level::Medium, &ports, "/usr/bin/sleep 100000")
    }

    pub fn with_service(stage: &'a Stage, name: &str, level: Level, ports: &[u16], service: &str) -> TestJail<'a> {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        TestJail::reserving(stage, name, level, &ports, service)
    }

    /// The same with ports as `-r` takes them.
    pub fn reserving(stage: &'a Stage, name: &str, level: Level, ports: &[String], service: &str) -> TestJail<'a> {
        let mut create = tool("jailmgr", stage);
        create.args(["create", "-l", level.name(), "-x", service]);
        for port in ports {
            create.arg("-r").arg(port);
        }
        create.arg(name);
        let name: JailName = name.parse().expect("a jail name");
        // From here on, whatever happens, drop cleans up.
        let mut jail = TestJail { name, jid: Jid::new(u32::MAX).expect("not the host"), stage };
        must(create);
        must(jail.tool("jailmgr", "start"));
        jail.jid = jail.in_kernel().expect("a started jail is in the kernel");
        stage.show_in(&jail.namespace());
        jail
    }

    /// Its number, while the kernel knows it.
    fn in_kernel(&self) -> Option<Jid> {
        kernel().find(&self.name).expect("the kernel lists its jails").map(|jail| jail.jid)
    }

    fn namespace(&self) -> PathBuf {
        Path::new(RUN_DIR).join("jails").join(self.name.as_str()).join("mnt")
    }

    fn tool(&self, tool_name: &str, verb: &str) -> Command {
        let mut command = tool(tool_name, self.stage);
        command.args([verb, self.name.as_str()]);
        command
    }

    /// `jailctl exec` of a command, to be given its arguments.
    pub fn exec(&self, program: &str) -> Command {
        let mut command = self.tool("jailctl", "exec");
        command.arg("--").arg(program);
        command
    }

    /// The attack program in the jail.
    pub fn attacks(&self, arguments: &[&str]) -> Command {
        let mut command = self.exec(&format!("{BAIT}/attacks"));
        command.args(arguments);
        command
    }

    /// Live members but the keeper, as the kernel tells.
    pub fn members(&self) -> Vec<i32> {
        let keeper = self.keeper();
        self.everybody().into_iter().filter(|pid| Some(*pid) != keeper).collect()
    }

    /// The process that comers are forked from, if there is one. Its forks bear its title too until they run their program,
    /// but are younger.
    pub fn keeper(&self) -> Option<i32> {
        self.everybody().into_iter().filter_map(|pid| Some((born_with_title(pid)?, pid))).min().map(|(_, pid)| pid)
    }

    fn everybody(&self) -> Vec<i32> {
        if self.in_kernel().is_none() {
            return Vec::new();
        }
        kernel().members(self.jid).expect("the kernel lists members").into_iter().map(|member| member.pid).collect()
    }
}

impl Drop for TestJail<'_> {
    fn drop(&mut self) {
        // A failed test wants its own message, not that of the second thing that went wrong.
        let failing = std::thread::panicking();
        let members: Vec<(i32, String)> =
            if failing { Vec::new() } else { self.everybody().into_iter().filter_map(birth_of).collect() };
        for verb in ["stop", "destroy"] {
            let output = output_of(self.tool("jailmgr", verb));
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(failing || output.status.success(), "{verb} {}: {text}", self.name);
        }
        if failing {
            return;
        }
        for member in members {
            assert_ne!(birth_of(member.0), Some(member.clone()), "process {} outlived its jail", member.0);
        }
        assert_gone(self.name.as_str());
    }
}

/// Nothing on the host goes by the name, and the kernel does not know it.
pub fn assert_gone(name: &str) {
    let known = kernel().find(&name.parse().expect("a jail name")).expect("the kernel lists its jails");
    assert!(known.is_none(), "{name} is still in the kernel");
    assert_eq!(mentions(name), Vec::<String>::new(), "left over of {name}");
}

/// A field of proc(5)'s stat from the third on, counted from 0; the command's name before may hold blanks.
fn stat_field(pid: i32, index: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split(' ').nth(index)?.to_owned())
}

/// A live process and its start time, which together are never used again.
fn birth_of(pid: i32) -> Option<(i32, String)> {
    let is_dead = matches!(stat_field(pid, 0)?.as_str(), "Z" | "X");
    if is_dead { None } else { Some((pid, stat_field(pid, 19)?)) }
}

/// When a process that bears a keeper's title was born, in ticks since the machine's start.
fn born_with_title(pid: i32) -> Option<u64> {
    let is_titled = fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|title| title.starts_with(KEEPER));
    if is_titled { stat_field(pid, 19)?.parse().ok() } else { None }
}

/// Everything on the host that goes by the name: mounts, control groups, files of the run directory, processes. A file
/// that was locked stays: removing it would let two hold the lock.
fn mentions(name: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let mut found: Vec<String> = mounts.lines().filter(|line| line.contains(name)).map(|line| format!("mount {line}")).collect();
    for place in ["/sys/fs/cgroup", RUN_DIR] {
        walk(Path::new(place), &mut |path| {
            if !path.starts_with(Path::new(RUN_DIR).join("locks"))
                && path.file_name().is_some_and(|file| file.to_string_lossy().contains(name))
            {
                found.push(format!("file {}", path.display()));
            }
        });
    }
    for process in fs::read_dir("/proc").expect("/proc").flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if process.file_name().to_string_lossy() != std::process::id().to_string()
            && String::from_utf8_lossy(&line).contains(name)
        {
            found.push(format!("process {}", process.path().display()));
        }
    }
    found
}

fn walk(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        visit(&entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), visit);
        }
    }
}
