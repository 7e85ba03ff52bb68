//! Limits of disk space by projects, which NetBSD's file systems do not have: `admits_limits` of its body refuses such a limit.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use crate::kernel::Bytes;

/// None.
pub fn project_of(_file: BorrowedFd<'_>) -> nix::Result<u32> {
    Ok(0)
}

/// No project is.
pub fn is_ours(_project: u32) -> bool {
    false
}

/// # Errors
/// `EOPNOTSUPP`.
pub fn join(_file: BorrowedFd<'_>, _project: u32, _is_directory: bool) -> nix::Result<()> {
    Err(Errno::EOPNOTSUPP)
}

/// # Errors
/// `EOPNOTSUPP`.
pub fn take(_directory: BorrowedFd<'_>, _limit: Option<Bytes>) -> nix::Result<u32> {
    Err(Errno::EOPNOTSUPP)
}

/// # Errors
/// `EOPNOTSUPP`.
pub fn set(_directory: BorrowedFd<'_>, _project: u32, _limit: Option<Bytes>) -> nix::Result<()> {
    Err(Errno::EOPNOTSUPP)
}
