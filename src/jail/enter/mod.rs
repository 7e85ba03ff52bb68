//! Entering a jail: fork, join, setns, drop, enter, exec. The trusted core; small enough to read in an evening.
//!
//! [`spawn`] prepares everything that needs the host's files; [`child`] then walks the steps in one direction and never
//! returns to the caller's code. Where only a keeper can fork members, it is asked to. Nothing of the caller but its three
//! standard descriptors reaches the jail.

pub(super) mod account;
mod capability;
mod child;
mod environment;
pub(super) mod program;
pub(super) mod step;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{Pid, pipe2};

use super::keeper::{self, Keeper, Order};
use super::{Host, JailError, fork, root, store};
use crate::kernel::system;
use crate::kernel::system::pidfd::{self, Process};
use crate::kernel::{JailName, Jid, KernelError, Right, WayIn};
use account::Who;
use program::Program;
use step::{Failure, Step};

/// How long a new process may take to become its program. Reading two files and an exec take no time; a slow disk may.
const PATIENCE: Duration = Duration::from_secs(60);

/// The standard descriptors of a process in a jail.
pub enum Stdio {
    /// The caller's own. A terminal is refused: give the process a pty ([`super::exec`]).
    Inherit,
    /// These three.
    Given { stdin: OwnedFd, stdout: OwnedFd, stderr: OwnedFd },
    /// The slave side of a pty, which becomes the controlling terminal.
    Terminal(OwnedFd),
    /// The same, with output that goes elsewhere.
    TerminalWith { terminal: OwnedFd, stdout: Option<OwnedFd>, stderr: Option<OwnedFd> },
}

/// What to run in a jail.
pub struct Command {
    /// Program and arguments; a program without `/` is looked up in PATH inside the jail. Empty: the user's shell, as
    /// at a login.
    pub argv: Vec<String>,
    /// Added to (or replacing) the clean environment.
    pub env: BTreeMap<String, String>,
    /// A user of the jail's /etc/passwd or a number; root if absent.
    pub user: Option<String>,
    /// Directory inside the jail; the user's home if absent, `/` if that is missing.
    pub workdir: Option<String>,
    pub stdio: Stdio,
    /// Its orphaned descendants are to become its children, or those of a caller that adopts orphans itself, so that all
    /// it started can be found.
    pub adopts: bool,
}

/// A process that was started in a jail.
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    /// Readable when the process ends.
    pub pidfd: Process,
    /// Whose child it is, if not this process's.
    keeper: Option<keeper::Asked>,
}

impl Child {
    /// A child of this process, not reaped.
    pub fn own(pid: Pid, pidfd: Process) -> Child {
        Child { pid, pidfd, keeper: None }
    }

    /// Waits for its end; exit status, 128+n for signal n. `None` when it cannot be told.
    pub fn wait(&self) -> Option<i32> {
        match &self.keeper {
            None => fork::wait(self.pid),
            Some(keeper) => keeper.wait(),
        }
    }

    /// Sends a signal to the process group that it leads, never to a later one of the same number.
    pub fn signal_group(&self, signal: i32) -> Result<(), Errno> {
        match &self.keeper {
            // SAFETY: only takes numbers; it is not reaped, so the number is its own.
            None => Errno::result(unsafe { libc::killpg(self.pid.as_raw(), signal) }).map(drop),
            Some(_) => pidfd::signal_group(&self.pidfd, signal),
        }
    }

    /// Is it to be reaped by this process?
    pub fn is_own(&self) -> bool {
        self.keeper.is_none()
    }
}

/// Starts `command` in a jail that is up. Returns once execve succeeded; a failed step on the way in is
/// [`JailError::Enter`] or, for the program itself, [`JailError::NotFound`] / [`JailError::NotExecutable`].
///
/// # Errors
/// Also [`JailError::Terminal`] and [`JailError::DirectoryGiven`] for standard descriptors that would lead out of the jail;
/// where this process forks itself, [`JailError::Threads`] when it has more than one thread; where a keeper does,
/// [`JailError::Keeper`] and [`JailError::Unjoinable`].
pub fn spawn(host: &Host, name: &JailName, jid: Jid, command: Command) -> Result<Child, JailError> {
    check(name, &command)?;
    match host.kernel.way_in() {
        WayIn::Gate => pass_gate(host, name, jid, &command, None),
        WayIn::Keeper => {
            let (report, told) = pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))?;
            let asked = keeper::run(host, name, jid, &order(host, name, &command), told, standard(&command.stdio))?;
            judge(name, &command, report)?;
            let pidfd = asked.pidfd.again().map_err(JailError::io("keep the pidfd of the new process"))?;
            Ok(Child { pid: asked.pid, pidfd, keeper: Some(asked) })
        }
    }
}

/// The same for a supervisor: the process becomes a child of this one. Where that takes a keeper that is a child as well,
/// it is brought, and kept in `keeper`. `notify` is left to the program, which learns its number as `NOTIFY_FD`.
///
/// # Errors
/// Those of [`spawn`], and [`JailError::Occupied`] when others are in the jail and a keeper cannot be brought.
pub fn spawn_service(
    host: &Host,
    name: &JailName,
    jid: Jid,
    command: Command,
    notify: Option<OwnedFd>,
    keeper: &mut Option<Keeper>,
) -> Result<Child, JailError> {
    check(name, &command)?;
    let notify = notify.as_ref().map(AsFd::as_fd);
    if host.kernel.way_in() == WayIn::Gate {
        return pass_gate(host, name, jid, &command, notify);
    }
    let keeper = match keeper {
        Some(keeper) => keeper,
        None => keeper.insert(Keeper::take_over(host, name, jid)?),
    };
    let (report, told) = pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))?;
    let pid = keeper.run(host, name, &order(host, name, &command), told, standard(&command.stdio), notify)?;
    if let Err(failure) = judge(name, &command, report) {
        // It ends by itself, or came never to its exec: not reaped, so the pid is its own.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        fork::wait(pid);
        return Err(failure);
    }
    own(pid)
}

fn pass_gate(
    host: &Host,
    name: &JailName,
    jid: Jid,
    command: &Command,
    notify: Option<BorrowedFd<'_>>,
) -> Result<Child, JailError> {
    let user = command.user.clone().unwrap_or_default();
    let who = Who::parse(command.user.as_deref()).ok_or_else(|| no_such_user(name, &user))?;
    let argv: Vec<CString> = command.argv.iter().map(|argument| c_string(argument)).collect::<Result<_, _>>()?;
    let workdir = command.workdir.as_deref().map(c_string).transpose()?;

    let namespace = root::pinned(&host.config, name)?.ok_or_else(|| JailError::NotRunning(name.clone()))?;
    let info = host.kernel.jail(jid)?.ok_or(KernelError::NoSuchJail(jid))?;
    let keep = capability::kept(&host.kernel.describe(), info.policy.rights);
    let gate = host.kernel.gate(jid)?;
    let (report, told) = pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))?;
    let told = program::out_of_the_way(told).map_err(JailError::system("move a pipe"))?;

    let term = term(&command.stdio);
    let entry = child::Entry {
        program: Program {
            argv: &argv,
            env: &command.env,
            who: &who,
            workdir: workdir.as_deref(),
            terminal: has_terminal(&command.stdio),
            term: term.as_deref(),
            notify,
            low_ports: gives_low_ports(host, name, command.user.as_deref()),
        },
        stdio: &command.stdio,
        namespace: namespace.as_fd(),
        gate: gate.as_ref(),
        capabilities: keep,
    };
    let pid = fork::in_group(gate.group().as_ref().map(AsFd::as_fd), |born| entry.run(told.as_fd(), born))?;
    drop(told);
    if let Err(failure) = judge(name, command, report) {
        fork::wait(pid);
        return Err(failure);
    }
    own(pid)
}

/// A child of this process that has become its program.
fn own(pid: Pid) -> Result<Child, JailError> {
    match pidfd::open(pid.as_raw()) {
        Ok(pidfd) => Ok(Child::own(pid, pidfd)),
        Err(errno) => {
            // Without a descriptor nobody could wait for it or end it: it must not stay.
            // The child is not reaped, so the pid is its own; it may have ended already.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            fork::wait(pid);
            Err(JailError::System { doing: "open a pidfd of the new process".into(), errno })
        }
    }
}

/// What can be seen to be wrong before anything is done.
fn check(name: &JailName, command: &Command) -> Result<(), JailError> {
    let user = command.user.as_deref();
    Who::parse(user).ok_or_else(|| no_such_user(name, user.unwrap_or_default()))?;
    command.argv.iter().chain(&command.workdir).try_for_each(|text| c_string(text).map(drop))?;
    check_stdio(name, &command.stdio)
}

/// Was the right to ports below 1024 granted on purpose, and not only with a level? Then the users that run services have it
/// too: a level means it for root, as everywhere.
fn gives_low_ports(host: &Host, name: &JailName, user: Option<&str>) -> bool {
    // Root has it by its capabilities.
    if matches!(Who::parse(user), Some(Who::Uid(0))) {
        return false;
    }
    let right: Right = "privileged_port".parse().expect("a right of the table");
    let jail = store::jail(&host.config, name);
    let spec = jail.and_then(|jail| store::read_spec(&jail, name)).ok().flatten();
    spec.is_some_and(|spec| spec.profile.grant.contains(right) && spec.profile.rights().holds(right))
}

fn order(host: &Host, name: &JailName, command: &Command) -> Order {
    Order {
        argv: command.argv.clone(),
        env: command.env.clone(),
        user: command.user.clone(),
        workdir: command.workdir.clone(),
        terminal: has_terminal(&command.stdio),
        term: term(&command.stdio),
        sibling: false,
        adopts: command.adopts,
        low_ports: gives_low_ports(host, name, command.user.as_deref()),
    }
}

/// TERM of the caller, for a process that gets a terminal.
fn term(stdio: &Stdio) -> Option<String> {
    std::env::var("TERM").ok().filter(|_| has_terminal(stdio))
}

/// Hears the new process out: has it become the program?
fn judge(name: &JailName, command: &Command, report: OwnedFd) -> Result<(), JailError> {
    match hear(report) {
        None => Ok(()),
        Some(failure) => Err(explain(name, command, failure)),
    }
}

/// What the child says before it ends; `None` when it became the program.
fn hear(report: OwnedFd) -> Option<Failure> {
    let mut bytes = Vec::new();
    if let Err(errno) = keeper::wait(report.as_fd(), Some(Instant::now() + PATIENCE)) {
        return Some(Failure { step: Step::Report, errno });
    }
    match File::from(report).take(Failure::SIZE as u64).read_to_end(&mut bytes) {
        Ok(0) => None,
        Ok(_) => Some(Failure::decode(&bytes)),
        Err(error) => Some(Failure { step: Step::Report, errno: Errno::from_raw(error.raw_os_error().unwrap_or(0)) }),
    }
}

fn explain(name: &JailName, command: &Command, Failure { step, errno }: Failure) -> JailError {
    let user = command.user.as_deref().unwrap_or_default();
    let program = command.argv.first().cloned().unwrap_or_else(|| "the user's shell".into());
    match (step, errno) {
        (Step::User, Errno::ENOENT) => no_such_user(name, user),
        (Step::Exec, Errno::ENOENT) => {
            let path = environment::path(&command.env).to_owned();
            JailError::NotFound { name: name.clone(), program, path }
        }
        (Step::Exec, errno) => JailError::NotExecutable { name: name.clone(), program, errno },
        (step, errno) => JailError::Enter { name: name.clone(), step: step.text(), errno },
    }
}

fn no_such_user(name: &JailName, user: &str) -> JailError {
    JailError::NoSuchUser { name: name.clone(), user: user.to_owned() }
}

fn c_string(text: &str) -> Result<CString, JailError> {
    CString::new(text)
        .map_err(|_| JailError::System { doing: "pass a text with a NUL byte to a program".into(), errno: Errno::EINVAL })
}

/// The descriptors that become 0, 1 and 2.
fn standard(stdio: &Stdio) -> [BorrowedFd<'_>; 3] {
    match stdio {
        // SAFETY: 0, 1 and 2 are open: Rust's start-up code opens /dev/null for those that were closed.
        Stdio::Inherit => [0, 1, 2].map(|fd| unsafe { BorrowedFd::borrow_raw(fd) }),
        Stdio::Given { stdin, stdout, stderr } => [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()],
        Stdio::Terminal(terminal) => [terminal.as_fd(); 3],
        Stdio::TerminalWith { terminal, stdout, stderr } => {
            [terminal, stdout.as_ref().unwrap_or(terminal), stderr.as_ref().unwrap_or(terminal)].map(AsFd::as_fd)
        }
    }
}

fn has_terminal(stdio: &Stdio) -> bool {
    matches!(stdio, Stdio::Terminal(_) | Stdio::TerminalWith { .. })
}

/// The host's terminal could be read and typed into (TIOCSTI); a directory is a way out.
fn check_stdio(name: &JailName, stdio: &Stdio) -> Result<(), JailError> {
    for fd in standard(stdio) {
        if matches!(stdio, Stdio::Inherit | Stdio::Given { .. }) && fd.is_terminal() {
            return Err(JailError::Terminal);
        }
        let doing = || JailError::system(format!("look at descriptor {}", fd.as_raw_fd()));
        let status = fstat(fd).map_err(doing())?;
        if system::is_path_only(fd).map_err(doing())?
            || SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR
        {
            return Err(JailError::DirectoryGiven(name.clone()));
        }
    }
    Ok(())
}
