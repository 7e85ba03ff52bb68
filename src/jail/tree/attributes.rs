//! What a file has besides its content: mode, owner, time, extended attributes. Read and set through a descriptor, so
//! never through a link.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, SFlag};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid};

use crate::kernel::system::{Handle, mtime_nanos};

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
    /// Of a file of this status.
    pub fn read(file: &Handle, status: &FileStat) -> nix::Result<Attributes> {
        let mode = status.st_mode & 0o7777;
        let mtime = (status.st_mtime, mtime_nanos(status) as u32);
        Ok(Attributes { mode, uid: status.st_uid, gid: status.st_gid, mtime, xattrs: xattrs(file)? })
    }

    /// Sets all of it; `kind` is the file's. Says how many extended attributes this file system cannot hold.
    pub fn apply(&self, file: &Handle, kind: SFlag) -> nix::Result<u64> {
        file.set_owner(Uid::from_raw(self.uid), Gid::from_raw(self.gid))?;
        // Changing the owner clears setuid bits and capabilities, so these come after.
        if kind != SFlag::S_IFLNK {
            file.set_mode(Mode::from_bits_truncate(self.mode))?;
        }
        let mut lost = 0;
        for (name, value) in &self.xattrs {
            match file.set_attribute(name, value) {
                Ok(()) => {}
                Err(Errno::EOPNOTSUPP | Errno::EPERM) => lost += 1,
                Err(errno) => return Err(errno),
            }
        }
        file.set_time(TimeSpec::new(self.mtime.0, self.mtime.1.into()))?;
        Ok(lost)
    }

    /// The same on an open file.
    pub fn apply_to(&self, file: BorrowedFd<'_>, kind: SFlag) -> nix::Result<u64> {
        self.apply(&Handle::of(file)?, kind)
    }
}

fn xattrs(file: &Handle) -> nix::Result<Vec<(CString, Vec<u8>)>> {
    let list = file.attribute_names()?;
    let mut found = Vec::new();
    let mut room = XATTR_LIMIT;
    for name in list.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok()) {
        if !is_kept(name) {
            continue;
        }
        let value = file.attribute(name)?;
        room = room.checked_sub(name.to_bytes().len() + value.len()).ok_or(Errno::E2BIG)?;
        found.push((name.to_owned(), value));
    }
    found.sort();
    Ok(found)
}
