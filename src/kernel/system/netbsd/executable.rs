//! A program's file, held until this process becomes it.

use std::ffi::{CString, c_char};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::Result;
use nix::errno::Errno;

/// By its path: execution by descriptor is not to be had in every version.
#[derive(Debug)]
pub struct Executable(CString);

impl Executable {
    pub fn open(path: &Path) -> Result<Executable> {
        CString::new(path.as_os_str().as_bytes()).map(Executable).map_err(|_| Errno::EINVAL)
    }

    /// The same by another way to it, which there is none of.
    ///
    /// # Errors
    /// `EOPNOTSUPP`.
    pub fn by(self, _way: impl FnOnce(&OwnedFd) -> Result<OwnedFd>) -> Result<Executable> {
        Err(Errno::EOPNOTSUPP)
    }

    pub fn out_of_the_way(self, _above: RawFd) -> Result<Executable> {
        Ok(self)
    }

    /// Closes every descriptor from `place` on, goes to `/` and becomes the program; exits if it cannot.
    ///
    /// # Safety
    /// For a forked child, which never returns. `argv` and `environment` end with a null. Calls nothing that is not
    /// async-signal-safe.
    pub unsafe fn become_it(&self, place: RawFd, argv: *const *const c_char, environment: *const *const c_char) -> ! {
        // SAFETY: numbers, and texts of the caller's.
        unsafe {
            libc::closefrom(place);
            libc::chdir(c"/".as_ptr());
            libc::execve(self.0.as_ptr(), argv, environment);
            libc::_exit(1)
        }
    }
}
