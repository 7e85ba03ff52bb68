//! Files and directories.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use nix::{NixPath, Result};

use crate::kernel::system::{Bounds, walk};

/// For a directory that is only gone through.
pub const TO_GO_THROUGH: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// Opens what a path names below a directory, close-on-exec.
pub fn open_below(top: BorrowedFd<'_>, path: &Path, flags: OFlag, mode: Mode, bounds: Bounds) -> Result<OwnedFd> {
    walk::open(top, path, flags, mode, bounds)
}

fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}

/// A regular file or directory, opened to read; `None` for anything else: to open a device or a pipe can be an action of its
/// own, so what is there is looked at before it is opened.
///
/// # Errors
/// `ENOENT`: nothing is there.
pub fn open_plain(directory: BorrowedFd<'_>, name: &Path) -> Result<Option<(OwnedFd, FileStat)>> {
    let seen = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if !matches!(kind(&seen), SFlag::S_IFREG | SFlag::S_IFDIR) {
        return Ok(None);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(directory, name, flags, Mode::empty())?;
    let status = fstat(&file)?;
    // Another one has the name by now: what is there changes, and is as good as something else.
    Ok(((status.st_dev, status.st_ino) == (seen.st_dev, seen.st_ino)).then_some((file, status)))
}

/// Renames to a name that is free. Of a file in one step; a directory's name is looked at first, for directories of ours are
/// named by who holds their lock.
///
/// # Errors
/// `EEXIST` if it is not.
pub fn rename_new<P: ?Sized + NixPath, Q: ?Sized + NixPath>(from: impl AsFd, old: &P, to: impl AsFd, new: &Q) -> Result<()> {
    let (from, to) = (from.as_fd(), to.as_fd());
    if kind(&fstatat(from, old, AtFlags::AT_SYMLINK_NOFOLLOW)?) != SFlag::S_IFDIR {
        linkat(from, old, to, new, AtFlags::empty())?;
        return unlinkat(from, old, UnlinkatFlags::NoRemoveDir);
    }
    match fstatat(to, new, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => renameat(from, old, to, new),
        Ok(_) => Err(Errno::EEXIST),
        Err(errno) => Err(errno),
    }
}

/// Exchanges two entries in one step, which NetBSD has no call for.
///
/// # Errors
/// `EOPNOTSUPP`.
pub fn exchange<P: ?Sized + NixPath, Q: ?Sized + NixPath>(_from: impl AsFd, _old: &P, _to: impl AsFd, _new: &Q) -> Result<()> {
    Err(Errno::EOPNOTSUPP)
}

/// A file without a name in a directory: there is no such thing.
///
/// # Errors
/// `EOPNOTSUPP`.
pub fn nameless(_directory: BorrowedFd<'_>) -> Result<OwnedFd> {
    Err(Errno::EOPNOTSUPP)
}

/// Gives a [`nameless`] file a name.
///
/// # Errors
/// `EOPNOTSUPP`.
pub fn give_name(_file: BorrowedFd<'_>, _directory: BorrowedFd<'_>, _name: &Path) -> Result<()> {
    Err(Errno::EOPNOTSUPP)
}

/// A file that nobody else can open: without a name, and root's.
pub fn memory_file() -> Result<OwnedFd> {
    let mut template = *b"/tmp/.jailsh-XXXXXX\0";
    // SAFETY: a NUL-terminated template, which the call fills in.
    let raw = Errno::result(unsafe { libc::mkostemp(template.as_mut_ptr().cast(), libc::O_CLOEXEC) })?;
    // SAFETY: a descriptor just made, owned by nobody else.
    let file = unsafe { OwnedFd::from_raw_fd(raw) };
    // SAFETY: the NUL-terminated name that the call above made.
    Errno::result(unsafe { libc::unlink(template.as_ptr().cast()) })?;
    Ok(file)
}

/// A file that nobody else can open, with these bytes. Nothing seals it: who is given its descriptor could write it, and is a
/// process of ours.
pub fn sealed(bytes: &[u8]) -> Result<OwnedFd> {
    let mut file = File::from(memory_file()?);
    file.write_all(bytes).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(|_| Errno::ENOSPC)?;
    Ok(file.into())
}

/// Is this a file of root's that has no name any more?
pub fn is_sealed(file: BorrowedFd<'_>) -> bool {
    fstat(file).is_ok_and(|status| kind(&status) == SFlag::S_IFREG && status.st_nlink == 0 && status.st_uid == 0)
}

/// Has `to` share the blocks of `from`, which no file system here can.
///
/// # Errors
/// `EOPNOTSUPP`.
pub fn share_blocks(_to: BorrowedFd<'_>, _from: BorrowedFd<'_>) -> Result<()> {
    Err(Errno::EOPNOTSUPP)
}

/// Where the next bytes are that are no hole. Holes are not told here: all are bytes.
pub fn next_data(_file: BorrowedFd<'_>, at: i64) -> Result<i64> {
    Ok(at)
}

/// Where the next hole is, or the end.
pub fn next_hole(file: BorrowedFd<'_>, _at: i64) -> Result<i64> {
    Ok(fstat(file)?.st_size)
}

/// Begins to write a file to disk: a hint, which is not taken here.
pub fn begin_to_disk(_file: BorrowedFd<'_>) {}

/// Brings everything written to disk. sync(2) begins that for all file systems; what is to be on disk for sure is brought there
/// by fsync(2) of its own.
pub fn sync_file_system(directory: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: takes nothing.
    unsafe { libc::sync() };
    nix::unistd::fsync(directory)
}

/// Of the time of the last change, beside its seconds.
pub fn mtime_nanos(status: &FileStat) -> i64 {
    status.st_mtimensec
}

/// The number of a device.
pub fn device(major: u32, minor: u32) -> libc::dev_t {
    libc::makedev(major, minor)
}

/// Where the program's loader is in memory, which is not told here.
pub fn loader() -> u64 {
    0
}

/// Was it opened to be looked at only? There are no such descriptors.
pub fn is_path_only(_file: BorrowedFd<'_>) -> Result<bool> {
    Ok(false)
}
