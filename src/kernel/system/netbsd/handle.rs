//! A file for its attributes: an entry of a directory by its name, since there are no descriptors of links; never through a
//! link.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::Result;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, fstat, fstatat, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat};

/// An open file, or an entry of a directory.
#[derive(Debug)]
pub struct Handle {
    /// The directory, where there is a name.
    file: OwnedFd,
    name: Option<PathBuf>,
}

impl From<OwnedFd> for Handle {
    fn from(file: OwnedFd) -> Handle {
        Handle { file, name: None }
    }
}

impl Handle {
    /// An entry of a directory itself, not what it points to. `EXDEV` if something is mounted there.
    pub fn at(directory: BorrowedFd<'_>, name: &Path) -> Result<Handle> {
        if name.components().count() != 1 {
            return Err(Errno::EINVAL);
        }
        let found = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if found.st_dev != fstat(directory)?.st_dev {
            return Err(Errno::EXDEV);
        }
        let file = directory.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
        Ok(Handle { file, name: Some(name.to_owned()) })
    }

    /// Of an open file or directory.
    pub fn of(file: BorrowedFd<'_>) -> Result<Handle> {
        file.try_clone_to_owned().map(Handle::from).map_err(|_| Errno::EMFILE)
    }

    pub fn set_owner(&self, uid: Uid, gid: Gid) -> Result<()> {
        match &self.name {
            Some(name) => fchownat(&self.file, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW),
            None => fchown(self.file.as_fd(), Some(uid), Some(gid)),
        }
    }

    /// Not of a link.
    pub fn set_mode(&self, mode: Mode) -> Result<()> {
        match &self.name {
            Some(name) => fchmodat(&self.file, name, mode, FchmodatFlags::NoFollowSymlink),
            None => fchmod(&self.file, mode),
        }
    }

    pub fn set_time(&self, time: TimeSpec) -> Result<()> {
        match &self.name {
            Some(name) => utimensat(&self.file, name, &time, &time, UtimensatFlags::NoFollowSymlink),
            None => futimens(&self.file, &time, &time),
        }
    }

    /// Extended attributes are not kept here: those of Linux (ACLs, capabilities) mean nothing.
    ///
    /// # Errors
    /// `EOPNOTSUPP`.
    pub fn set_attribute(&self, _name: &CStr, _value: &[u8]) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// None.
    pub fn attribute_names(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// # Errors
    /// `EOPNOTSUPP`.
    pub fn attribute(&self, _name: &CStr) -> Result<Vec<u8>> {
        Err(Errno::EOPNOTSUPP)
    }
}
