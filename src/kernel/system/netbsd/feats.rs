//! Trying out jails: the calls that stand for rights on Linux are none of NetBSD's, so that is not done here.

use std::os::fd::OwnedFd;

use nix::errno::Errno;

/// Jails can be tried out here.
pub const HAS_FEATS: bool = false;

/// A tmpfs that is mounted nowhere: there is no such thing.
///
/// # Errors
/// `EOPNOTSUPP`.
pub fn new_tmpfs() -> Result<OwnedFd, Errno> {
    Err(Errno::EOPNOTSUPP)
}

/// # Errors
/// `EOPNOTSUPP`.
pub fn try_feat(_name: &str) -> Result<(), Errno> {
    Err(Errno::EOPNOTSUPP)
}
