//! Entering a jail: fork, join, setns, drop, enter, exec. The trusted core; small enough to read in an evening.
//!
//! [`spawn`] prepares everything that needs the host's files; [`child`] then walks the steps in one direction and never
//! returns to the caller's code. Nothing of the caller but its three standard descriptors reaches the jail.

mod account;
mod capability;
mod child;
mod environment;
mod reset;
mod step;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{Pid, pipe2};

use super::{Host, JailError, fork, root};
use crate::kernel::{JailName, Jid, KernelError};
use account::Who;
use step::{Failure, Step};

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
}

/// A process that was started in a jail.
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    /// Readable when the process ends.
    pub pidfd: OwnedFd,
}

/// Starts `command` in a jail that is up, as a child of the caller. Returns once execve succeeded; a failed step of the
/// child is [`JailError::Enter`] or, for the program itself, [`JailError::NotFound`] / [`JailError::NotExecutable`].
///
/// # Errors
/// Also [`JailError::Threads`] when the caller has more than one thread, [`JailError::Terminal`] and
/// [`JailError::DirectoryGiven`] for standard descriptors that would lead out of the jail.
pub fn spawn(host: &Host, name: &JailName, jid: Jid, command: Command) -> Result<Child, JailError> {
    let user = command.user.clone().unwrap_or_default();
    let who = Who::parse(command.user.as_deref()).ok_or_else(|| no_such_user(name, &user))?;
    let argv: Vec<CString> = command.argv.iter().map(|argument| c_string(argument)).collect::<Result<_, _>>()?;
    let workdir = command.workdir.as_deref().map(c_string).transpose()?;
    check_stdio(name, &command.stdio)?;

    let namespace = root::pinned(&host.config, name)?.ok_or_else(|| JailError::NotRunning(name.clone()))?;
    let info = host.kernel.list()?.into_iter().find(|jail| jail.jid == jid).ok_or(KernelError::NoSuchJail(jid))?;
    let keep = capability::kept(&host.kernel.describe(), info.policy.rights);
    let gate = host.kernel.gate(jid)?;
    let (report, told) = pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))?;

    let entry = child::Entry {
        argv: &argv,
        env: &command.env,
        who: &who,
        workdir: workdir.as_deref(),
        stdio: &command.stdio,
        namespace: namespace.as_fd(),
        gate: gate.as_ref(),
        capabilities: keep,
    };
    let pid = fork::in_child(|| entry.run(told.as_fd()))?;
    drop(told);
    let failure = hear(report);
    if let Some(failure) = failure {
        fork::wait(pid);
        return Err(explain(name, &command, &user, failure));
    }
    match fork::pidfd(pid) {
        Ok(pidfd) => Ok(Child { pid, pidfd }),
        Err(errno) => {
            // Without a descriptor nobody could wait for it or end it: it must not stay.
            // The child is not reaped, so the pid is its own; it may have ended already.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            fork::wait(pid);
            Err(JailError::System { doing: "open a pidfd of the new process".into(), errno })
        }
    }
}

/// What the child says before it ends; `None` when it became the program.
fn hear(report: OwnedFd) -> Option<Failure> {
    let mut bytes = Vec::new();
    match File::from(report).take(Failure::SIZE as u64).read_to_end(&mut bytes) {
        Ok(0) => None,
        Ok(_) => Some(Failure::decode(&bytes)),
        Err(error) => Some(Failure { step: Step::Report, errno: Errno::from_raw(error.raw_os_error().unwrap_or(0)) }),
    }
}

fn explain(name: &JailName, command: &Command, user: &str, Failure { step, errno }: Failure) -> JailError {
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
        let path_only = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFL).map_err(doing())? & libc::O_PATH != 0;
        if path_only || SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR {
            return Err(JailError::DirectoryGiven(name.clone()));
        }
    }
    Ok(())
}
