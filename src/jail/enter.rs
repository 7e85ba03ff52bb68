//! Entering a jail: fork, join, setns, drop, enter, exec. The trusted core; small enough to read in an evening.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use nix::unistd::Pid;

use super::{Host, JailError};
use crate::kernel::{JailName, Jid};

/// The standard descriptors of a process in a jail.
pub enum Stdio {
    /// The caller's own. A terminal is refused: give the process a pty ([`super::exec`]).
    Inherit,
    /// These three.
    Given { stdin: OwnedFd, stdout: OwnedFd, stderr: OwnedFd },
    /// The slave side of a pty, which becomes the controlling terminal.
    Terminal(OwnedFd),
}

/// What to run in a jail.
pub struct Command {
    /// Program and arguments; a program without `/` is looked up in PATH inside the jail.
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
pub fn spawn(_host: &Host, _name: &JailName, _jid: Jid, _command: Command) -> Result<Child, JailError> {
    todo!()
}
