//! A terminal for a command in a jail: a pty of the host's, whose name is not in the jail's /dev/pts. Both ends are made at
//! once (openpty(3)); nothing in the jail is asked.

use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};

use crate::jail::JailError;

/// A fresh pty: the master, which does not block, and the slave.
pub fn open_pty(_root: &OwnedFd) -> Result<(OwnedFd, OwnedFd), JailError> {
    let doing = || JailError::system("open a terminal for the jail");
    let pty = nix::pty::openpty(None, None).map_err(doing())?;
    for fd in [&pty.master, &pty.slave] {
        fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(doing())?;
    }
    fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(doing())?;
    Ok((pty.master, pty.slave))
}
