//! A program's file, held until this process becomes it.

use std::ffi::c_char;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::Result;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::Mode;

/// What was opened is what is executed, whatever its name leads to by then.
#[derive(Debug)]
pub struct Executable(OwnedFd);

impl Executable {
    pub fn open(path: &Path) -> Result<Executable> {
        open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).map(Executable)
    }

    /// The same by another way to it.
    pub fn by(self, way: impl FnOnce(&OwnedFd) -> Result<OwnedFd>) -> Result<Executable> {
        way(&self.0).map(Executable)
    }

    /// Moved to a descriptor from `above` on.
    pub fn out_of_the_way(self, above: RawFd) -> Result<Executable> {
        let raw = fcntl(&self.0, FcntlArg::F_DUPFD_CLOEXEC(above))?;
        // SAFETY: F_DUPFD_CLOEXEC returned a fresh descriptor that nobody else owns.
        Ok(Executable(unsafe { OwnedFd::from_raw_fd(raw) }))
    }

    /// Closes every descriptor from `place` on, goes to `/` and becomes the program; exits if it cannot.
    ///
    /// # Safety
    /// For a forked child, which never returns. `argv` and `environment` end with a null. Calls nothing that is not
    /// async-signal-safe.
    pub unsafe fn become_it(&self, place: RawFd, argv: *const *const c_char, environment: *const *const c_char) -> ! {
        // SAFETY: descriptors of this process and texts of the caller's.
        unsafe {
            // Kept until the exec closes it.
            let own = libc::dup2(self.0.as_raw_fd(), place);
            if own < 0 || libc::fcntl(own, libc::F_SETFD, libc::FD_CLOEXEC) < 0 {
                libc::_exit(1);
            }
            libc::syscall(libc::SYS_close_range, place + 1, libc::c_uint::MAX, 0);
            libc::chdir(c"/".as_ptr());
            libc::syscall(libc::SYS_execveat, own, c"".as_ptr(), argv, environment, libc::AT_EMPTY_PATH);
            libc::_exit(1)
        }
    }
}
