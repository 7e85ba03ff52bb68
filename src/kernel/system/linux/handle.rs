//! A file by descriptor, whatever it is, for its attributes: never through a link.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::ptr;

use nix::Result;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmodat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};

use super::files::open_below;
use crate::kernel::system::Bounds;

/// An open file, be it one that can only be looked at.
#[derive(Debug)]
pub struct Handle {
    file: OwnedFd,
    /// A name of the very file: the link in /proc leads to it and no further, be it a symlink itself.
    path: CString,
}

impl From<OwnedFd> for Handle {
    fn from(file: OwnedFd) -> Handle {
        let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("digits hold no NUL");
        Handle { file, path }
    }
}

impl Handle {
    /// An entry of a directory itself, not what it points to. `EXDEV` if something is mounted there.
    pub fn at(directory: BorrowedFd<'_>, name: &Path) -> Result<Handle> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        open_below(directory, name, flags, Mode::empty(), Bounds::SameMount).map(Handle::from)
    }

    /// Of an open file or directory.
    pub fn of(file: BorrowedFd<'_>) -> Result<Handle> {
        file.try_clone_to_owned().map(Handle::from).map_err(|_| Errno::EMFILE)
    }

    pub fn set_owner(&self, uid: Uid, gid: Gid) -> Result<()> {
        fchownat(&self.file, "", Some(uid), Some(gid), AtFlags::AT_EMPTY_PATH)
    }

    /// Not of a link.
    pub fn set_mode(&self, mode: Mode) -> Result<()> {
        fchmodat(AT_FDCWD, self.path.as_c_str(), mode, FchmodatFlags::FollowSymlink)
    }

    pub fn set_time(&self, time: TimeSpec) -> Result<()> {
        utimensat(AT_FDCWD, self.path.as_c_str(), &time, &time, UtimensatFlags::FollowSymlink)
    }

    /// `EOPNOTSUPP` or `EPERM` where the file system, or this kind of file, has none.
    pub fn set_attribute(&self, name: &CStr, value: &[u8]) -> Result<()> {
        // SAFETY: both texts are NUL-terminated, the value is as long as said; all outlive the call.
        let set = unsafe { libc::setxattr(self.path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
        Errno::result(set).map(drop)
    }

    /// Names of the extended attributes, each ended by a NUL; none where the file system has none.
    pub fn attribute_names(&self) -> Result<Vec<u8>> {
        // SAFETY: a NUL-terminated text, and room as large as said (none: it then asks for the size).
        match whole(|to, size| unsafe { libc::listxattr(self.path.as_ptr(), to.cast(), size) }) {
            Err(Errno::EOPNOTSUPP) => Ok(Vec::new()),
            list => list,
        }
    }

    pub fn attribute(&self, name: &CStr) -> Result<Vec<u8>> {
        // SAFETY: both texts are NUL-terminated, and room is as large as said.
        whole(|to, size| unsafe { libc::getxattr(self.path.as_ptr(), name.as_ptr(), to.cast(), size) })
    }
}

/// Asks for a size, then for the bytes, until both fit together.
fn whole(mut ask: impl FnMut(*mut u8, usize) -> isize) -> Result<Vec<u8>> {
    loop {
        let size = Errno::result(ask(ptr::null_mut(), 0))? as usize;
        if size == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; size];
        match Errno::result(ask(bytes.as_mut_ptr(), size)) {
            Ok(length) => {
                bytes.truncate(length as usize);
                return Ok(bytes);
            }
            Err(Errno::ERANGE) => continue,
            Err(errno) => return Err(errno),
        }
    }
}
