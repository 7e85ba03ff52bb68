//! What can go wrong with a jail's files, mounts and processes.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::walk::Refusal;
use crate::kernel::KernelError;

#[derive(Debug, thiserror::Error)]
pub enum JailError {
    #[error("{}: {why}; {remedy}", path.display())]
    Path { path: PathBuf, why: String, remedy: &'static str },
    #[error("no user {user} in the jail; use a number, or a name of its etc/passwd")]
    NoSuchUser { user: String },
    #[error("{program}: not found in the jail; give its whole path, or install it there")]
    NotFound { program: String },
    #[error("{program}: {}", errno.desc())]
    NotExecutable { program: String, errno: Errno },
    #[error("{doing}: {}", errno.desc())]
    System { doing: String, errno: Errno },
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

impl JailError {
    /// For `map_err` on a system call: says what was being done.
    pub fn system(doing: impl Into<String>) -> impl FnOnce(Errno) -> JailError {
        let doing = doing.into();
        move |errno| JailError::System { doing, errno }
    }

    pub fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> JailError {
        let doing = doing.into();
        move |error| JailError::System { doing, errno: Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)) }
    }

    /// For `map_err` on a strict walk to `path`.
    pub fn walk(path: &Path) -> impl FnOnce(Refusal) -> JailError {
        let path = path.to_owned();
        move |refusal| JailError::Path { path, why: refusal.to_string(), remedy: refusal.remedy() }
    }
}
