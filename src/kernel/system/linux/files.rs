//! Files and directories.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{
    AT_FDCWD, AtFlags, FcntlArg, OFlag, OpenHow, RenameFlags, ResolveFlag, SealFlag, fcntl, open, openat, openat2, renameat2,
};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, makedev};
use nix::unistd::{Whence, linkat, lseek};
use nix::{NixPath, Result};

use crate::kernel::system::Bounds;

// linux/fs.h
nix::ioctl_write_int_bad!(ficlone, libc::FICLONE as libc::c_ulong);

/// For a directory that is only gone through.
pub const TO_GO_THROUGH: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// Opens what a path names below a directory, close-on-exec.
pub fn open_below(top: BorrowedFd<'_>, path: &Path, flags: OFlag, mode: Mode, bounds: Bounds) -> Result<OwnedFd> {
    let strict = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let resolve = match bounds {
        Bounds::Beneath => strict,
        Bounds::SameMount => strict | ResolveFlag::RESOLVE_NO_XDEV,
        Bounds::InRoot => ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS | ResolveFlag::RESOLVE_NO_XDEV,
        Bounds::Inside => ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS,
    };
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode).resolve(resolve);
    // EAGAIN: a rename went on somewhere and the kernel cannot tell whether the walk stayed inside.
    loop {
        match openat2(top, path, how) {
            Err(Errno::EAGAIN | Errno::EINTR) => continue,
            other => return other,
        }
    }
}

/// A regular file or directory, opened to read; `None` for anything else: to open a device or a pipe can be an action of its
/// own, so what is there is looked at before it is opened.
///
/// # Errors
/// `ENOENT`: nothing is there.
pub fn open_plain(directory: BorrowedFd<'_>, name: &Path) -> Result<Option<(OwnedFd, FileStat)>> {
    let handle = match open_below(directory, name, OFlag::O_PATH | OFlag::O_NOFOLLOW, Mode::empty(), Bounds::Beneath) {
        Err(Errno::ELOOP) => return Ok(None),
        other => other?,
    };
    let status = fstat(&handle)?;
    if !matches!(SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()), SFlag::S_IFREG | SFlag::S_IFDIR) {
        return Ok(None);
    }
    // The very same file: the link leads to what the handle holds, whatever its name leads to by now.
    let again = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    Ok(Some((open(again.as_str(), flags, Mode::empty())?, status)))
}

/// Renames to a name that is free.
///
/// # Errors
/// `EEXIST` if it is not.
pub fn rename_new<P: ?Sized + NixPath, Q: ?Sized + NixPath>(from: impl AsFd, old: &P, to: impl AsFd, new: &Q) -> Result<()> {
    renameat2(from, old, to, new, RenameFlags::RENAME_NOREPLACE)
}

/// Exchanges two entries in one step.
pub fn exchange<P: ?Sized + NixPath, Q: ?Sized + NixPath>(from: impl AsFd, old: &P, to: impl AsFd, new: &Q) -> Result<()> {
    renameat2(from, old, to, new, RenameFlags::RENAME_EXCHANGE)
}

/// A file without a name in a directory, to write; `EOPNOTSUPP` where the file system has none.
pub fn nameless(directory: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    match openat(directory, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR) {
        Err(Errno::EISDIR | Errno::ENOENT) => Err(Errno::EOPNOTSUPP),
        other => other,
    }
}

/// Gives a [`nameless`] file a name that is free.
pub fn give_name(file: BorrowedFd<'_>, directory: BorrowedFd<'_>, name: &Path) -> Result<()> {
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(AT_FDCWD, own.as_str(), directory, name, AtFlags::AT_SYMLINK_FOLLOW)
}

/// A file in memory, without a name.
pub fn memory_file() -> Result<OwnedFd> {
    memfd_create(c"jailsh", MFdFlags::MFD_CLOEXEC)
}

/// A file in memory that nobody can change any more.
pub fn sealed(bytes: &[u8]) -> Result<OwnedFd> {
    let mut file = File::from(memfd_create(c"jailsh", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?);
    file.write_all(bytes).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(|_| Errno::ENOMEM)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SEAL | all_changes()))?;
    Ok(file.into())
}

/// Can nobody change this memory file any more?
pub fn is_sealed(file: BorrowedFd<'_>) -> bool {
    fcntl(file, FcntlArg::F_GET_SEALS).is_ok_and(|seals| SealFlag::from_bits_truncate(seals).contains(all_changes()))
}

fn all_changes() -> SealFlag {
    SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE
}

/// Has `to` share the blocks of `from`.
///
/// # Errors
/// Where that cannot be: `EOPNOTSUPP`.
pub fn share_blocks(to: BorrowedFd<'_>, from: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: two open descriptors; the call changes no memory.
    match unsafe { ficlone(to.as_raw_fd(), from.as_raw_fd()) } {
        Ok(_) => Ok(()),
        Err(Errno::EXDEV | Errno::EINVAL | Errno::ENOTTY | Errno::ENOSYS) => Err(Errno::EOPNOTSUPP),
        Err(errno) => Err(errno),
    }
}

/// Where the next bytes are that are no hole; `ENXIO`: nothing but a hole up to the end.
pub fn next_data(file: BorrowedFd<'_>, at: i64) -> Result<i64> {
    lseek(file, at, Whence::SeekData)
}

/// Where the next hole is, or the end.
pub fn next_hole(file: BorrowedFd<'_>, at: i64) -> Result<i64> {
    lseek(file, at, Whence::SeekHole)
}

/// Begins to write a file to disk. A hint, and one that directories do not take; who waits for the end is told what fails.
pub fn begin_to_disk(file: BorrowedFd<'_>) {
    // SAFETY: takes an open descriptor and numbers.
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// Brings everything written to the file system of this directory to disk, at the price of one wait for all of it.
pub fn sync_file_system(directory: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: an open descriptor.
    Errno::result(unsafe { libc::syncfs(directory.as_raw_fd()) }).map(drop)
}

/// Of the time of the last change, beside its seconds.
pub fn mtime_nanos(status: &FileStat) -> i64 {
    status.st_mtime_nsec
}

/// The number of a device.
pub fn device(major: u32, minor: u32) -> libc::dev_t {
    makedev(major.into(), minor.into())
}

/// Where the program's loader is in memory; 0 where the kernel mapped none.
pub fn loader() -> u64 {
    // SAFETY: takes a number.
    unsafe { libc::getauxval(libc::AT_BASE) }
}

/// Was it opened to be looked at only? A directory among such is a way out of a jail.
pub fn is_path_only(file: BorrowedFd<'_>) -> Result<bool> {
    Ok(fcntl(file, FcntlArg::F_GETFL)? & libc::O_PATH != 0)
}
