//! What a file has besides its content: mode, owner, time, extended attributes. Read and set through a descriptor, so
//! never through a link.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags, fchmodat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};

/// What all extended attributes of a file may hold together, names included (the kernel's own bound for one is 64 KiB).
pub const XATTR_LIMIT: usize = 1 << 20;
/// File capabilities, capabilities(7).
pub const CAPABILITY: &CStr = c"security.capability";
/// POSIX ACLs, acl(5).
const ACLS: [&CStr; 2] = [c"system.posix_acl_access", c"system.posix_acl_default"];

/// Attributes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Permissions with the setuid, setgid and sticky bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since the epoch, and nanoseconds.
    pub mtime: (i64, u32),
    /// By name. Those that [`is_kept`] only.
    pub xattrs: Vec<(CString, Vec<u8>)>,
}

/// The extended attributes that belong to a file rather than to this host: users' own, ACLs, file capabilities.
pub fn is_kept(name: &CStr) -> bool {
    name.to_bytes().starts_with(b"user.") || name == CAPABILITY || ACLS.contains(&name)
}

pub fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}

impl Attributes {
    /// Of an open file, also one opened with `O_PATH`.
    pub fn read(file: BorrowedFd<'_>, status: &FileStat) -> nix::Result<Attributes> {
        let mode = status.st_mode & 0o7777;
        let mtime = (status.st_mtime, status.st_mtime_nsec as u32);
        Ok(Attributes { mode, uid: status.st_uid, gid: status.st_gid, mtime, xattrs: xattrs(file)? })
    }

    /// Sets all of it; `kind` is the file's. Says how many extended attributes this file system cannot hold.
    pub fn apply(&self, file: BorrowedFd<'_>, kind: SFlag) -> nix::Result<u64> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        fchownat(file, "", Some(uid), Some(gid), AtFlags::AT_EMPTY_PATH)?;
        let path = proc_path(file);
        let path = path.as_c_str();
        // Changing the owner clears setuid bits and capabilities, so these come after.
        if kind != SFlag::S_IFLNK {
            let mode = Mode::from_bits_truncate(self.mode);
            fchmodat(nix::fcntl::AT_FDCWD, path, mode, FchmodatFlags::FollowSymlink)?;
        }
        let mut lost = 0;
        for (name, value) in &self.xattrs {
            // SAFETY: both texts are NUL-terminated, the value is as long as said; all outlive the call.
            let set = unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
            match Errno::result(set) {
                Ok(_) => {}
                Err(Errno::EOPNOTSUPP | Errno::EPERM) => lost += 1,
                Err(errno) => return Err(errno),
            }
        }
        let mtime = TimeSpec::new(self.mtime.0, self.mtime.1.into());
        utimensat(nix::fcntl::AT_FDCWD, path, &mtime, &mtime, UtimensatFlags::FollowSymlink)?;
        Ok(lost)
    }
}

/// A name of the very file, whatever it is: the link in /proc leads to it and no further, be it a symlink itself.
fn proc_path(file: BorrowedFd<'_>) -> CString {
    CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("digits hold no NUL")
}

fn xattrs(file: BorrowedFd<'_>) -> nix::Result<Vec<(CString, Vec<u8>)>> {
    let path = proc_path(file);
    let path = path.as_c_str();
    // SAFETY: a NUL-terminated text, and room as large as said (none: it then asks for the size).
    let list = whole(|to, size| unsafe { libc::listxattr(path.as_ptr(), to.cast(), size) });
    let list = match list {
        Err(Errno::EOPNOTSUPP) => return Ok(Vec::new()),
        list => list?,
    };
    let mut found = Vec::new();
    let mut room = XATTR_LIMIT;
    for name in list.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok()) {
        if !is_kept(name) {
            continue;
        }
        // SAFETY: both texts are NUL-terminated, and room is as large as said.
        let value = whole(|to, size| unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), to.cast(), size) })?;
        room = room.checked_sub(name.to_bytes().len() + value.len()).ok_or(Errno::E2BIG)?;
        found.push((name.to_owned(), value));
    }
    found.sort();
    Ok(found)
}

/// Asks for a size, then for the bytes, until both fit together.
fn whole(mut ask: impl FnMut(*mut u8, usize) -> isize) -> nix::Result<Vec<u8>> {
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
