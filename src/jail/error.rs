//! What can go wrong with a jail on this host.

use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use super::archive::ArchiveError;
use super::label::Label;
use super::spec::SpecError;
use crate::kernel::{JailName, KernelError, NameError, Processes};

#[derive(Debug, thiserror::Error)]
pub enum JailError {
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("{path}: {error}")]
    Spec { path: String, error: SpecError },
    #[error("no jail named {name}{}", hint.as_ref().map(|h| format!("; did you mean {h}?")).unwrap_or_else(|| "; create it first".into()))]
    NoSuchJail { name: JailName, hint: Option<JailName> },
    #[error("jail {0} is running; stop it first")]
    Running(JailName),
    #[error("jail {0} is not running; start it first")]
    NotRunning(JailName),
    #[error("jail {0} is frozen, and nothing can be run in it; jailctl thaw {0} lets it go on")]
    Frozen(JailName),
    #[error("{path}: {why}; {remedy}")]
    Path { path: PathBuf, why: String, remedy: String },
    #[error("{doing}: {}", errno.desc())]
    System { doing: String, errno: Errno },
    #[error("cannot enter jail {name}: {step}: {}", errno.desc())]
    Enter { name: JailName, step: &'static str, errno: Errno },
    #[error("{program}: not found in jail {name}; its PATH is {path}")]
    NotFound { name: JailName, program: String, path: String },
    #[error("{program}: cannot be run in jail {name}: {}", errno.desc())]
    NotExecutable { name: JailName, program: String, errno: Errno },
    #[error("jail {name} has no user {user:?} in its /etc/passwd; use a number or add the user")]
    NoSuchUser { name: JailName, user: String },
    #[error("the command in jail {name} was killed after {after:?}")]
    TimedOut { name: JailName, after: Duration },
    #[error("the keeper of jail {name} cannot be used: {why}")]
    Keeper { name: JailName, why: String },
    #[error(
        "the keeper of jail {name} is gone, and its {} cannot be joined without it; run `jailmgr stop {name}` and start it again",
        Processes(*members)
    )]
    Unjoinable { name: JailName, members: usize },
    #[error(
        "jail {name} has {} from before it had a supervisor, which one of its own could not reach; end them, or run `jailmgr stop {name}` first",
        Processes(*members)
    )]
    Occupied { name: JailName, members: usize },
    #[error("no base {base}{}", hint.as_ref().map(|h| format!("; did you mean {h}?")).unwrap_or_else(|| "; import one with jailmgr base import".into()))]
    NoSuchBase { base: String, hint: Option<String> },
    #[error("jail {name} has no snapshot {snapshot}{}", hint.as_ref().map(|h| format!("; did you mean {h}?")).unwrap_or_else(|| "; take one first".into()))]
    NoSuchSnapshot { name: JailName, snapshot: Label, hint: Option<String> },
    /// What is wanted and what is there do not go together.
    #[error("{what}; {remedy}")]
    Conflict { what: String, remedy: String },
    #[error("{archive}: {error}")]
    Archive { archive: String, error: ArchiveError },
    #[error("another jailsh holds jail {0}; try again when it is done")]
    Locked(JailName),
    #[error("the command in jail {name} wrote more than {limit} bytes; pass its output through or write it to a file")]
    TooMuchOutput { name: JailName, limit: usize },
    #[error("a jail is never given the caller's terminal; give the process a pty")]
    Terminal,
    #[error("standard input or output is a directory, which would lead out of jail {0}; give it a file or a pipe")]
    DirectoryGiven(JailName),
    #[error("this process has several threads and cannot fork safely; run the verb from a process with one")]
    Threads,
}

impl JailError {
    /// For `map_err` on a system call: says what was being done.
    pub fn system(doing: impl Into<String>) -> impl FnOnce(Errno) -> JailError {
        let doing = doing.into();
        move |errno| JailError::System { doing, errno }
    }

    /// The same for [`std::io::Error`].
    pub fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> JailError {
        let doing = doing.into();
        move |error| JailError::System { doing, errno: Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32)) }
    }
}
