//! The slave side of a jail's pty.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;

/// The slave of a pty, opened without its path, which in a jail is the jail's.
pub fn slave_of(master: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    /// Asks for the slave's descriptor, asm-generic/ioctls.h.
    const TIOCGPTPEER: libc::c_ulong = nix::request_code_none!(b'T', 0x41);
    let unlock: libc::c_int = 0;
    // SAFETY: an open master and one integer.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &unlock) })?;
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    // SAFETY: an open master and open(2) flags.
    let fd = Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), TIOCGPTPEER, flags.bits()) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
