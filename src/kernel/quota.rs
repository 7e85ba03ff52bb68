//! What the files of a directory take of their file system, and how much they may: project quotas (quotactl(2), xfs_quota(8),
//! Documentation/filesystems/ext4 "Project"). A directory belongs to a project by its number, and what is made in it does too.
//! Touches the directories it is given and the quotas of their file system.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statfs::{EXT4_SUPER_MAGIC, FsType, fstatfs};

use super::{Bytes, KernelError, Limits, Usage};

/// linux/quota.h: quotas of projects, and what the kernel calls of quotas of any kind; a block is 1 KiB there.
const PRJQUOTA: i32 = 2;
const BLOCK: u64 = 1024;
/// linux/dqblk_xfs.h: is it counted and held? Every file system with quotas answers.
const Q_XGETQSTATV: i32 = 0x5808;
const COUNTED: u16 = 1 << 4;
const HELD: u16 = 1 << 5;
/// linux/fs.h
const FS_XFLAG_PROJINHERIT: u32 = 0x200;
/// linux/magic.h
const XFS_SUPER_MAGIC: FsType = FsType(0x5846_5342);

/// Numbers that jails' data gets, of the 2^32 that a file system has: those that people give by hand are small.
pub const PROJECTS: std::ops::Range<u32> = 0x4a60_0000..0x4a70_0000;

/// struct fsxattr
#[repr(C)]
#[derive(Default)]
struct Attributes {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    cow_extent_size: u32,
    reserved: [u8; 8],
}

nix::ioctl_read!(get_attributes, b'X', 31, Attributes);
nix::ioctl_write_ptr!(set_attributes, b'X', 32, Attributes);

/// struct fs_quota_statv, of which the flags are looked at.
#[repr(C)]
struct State {
    version: i8,
    reserved: u8,
    flags: u16,
    rest: [u64; 19],
}

/// What a project takes, and may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    pub limit: Option<Bytes>,
    pub bytes: u64,
    pub inodes: u64,
}

impl Account {
    fn is_free(&self) -> bool {
        *self == Account::default()
    }
}

/// Can the files below `data` be held to a limit of space? Why not, with the remedy.
pub fn check(limits: &Limits, data: &Path) -> Result<(), (String, String)> {
    if limits.disk.is_none() {
        return Ok(());
    }
    let unheld = |why: String| ("the limit disk".to_owned(), why);
    let found = data.ancestors().find_map(|place| Some((place, File::open(place).ok()?)));
    let (place, directory) = found.ok_or_else(|| unheld(format!("{} is not there", data.display())))?;
    let flags = state(directory.as_fd()).unwrap_or(0);
    if flags & COUNTED != 0 && flags & HELD != 0 {
        return Ok(());
    }
    let kind = fstatfs(&directory).map_or(FsType(0), |found| found.filesystem_type());
    Err(unheld(lacking(place, kind, flags & COUNTED != 0)))
}

fn lacking(place: &Path, kind: FsType, is_counted: bool) -> String {
    let place = place.display();
    match kind {
        EXT4_SUPER_MAGIC if is_counted => {
            format!("the ext4 file system of {place} counts projects, but holds none to a limit; mount it with prjquota")
        }
        EXT4_SUPER_MAGIC => format!(
            "the ext4 file system of {place} has no project quotas; unmount it, run tune2fs -O quota,project on its device, and \
             mount it with prjquota"
        ),
        XFS_SUPER_MAGIC => format!(
            "the XFS file system of {place} holds no project quotas; mount it with prjquota (that of /: boot with \
             rootflags=prjquota)"
        ),
        _ => format!("the file system of {place} has no project quotas; put the data directory on ext4 or XFS with prjquota"),
    }
}

/// The project of an open file or directory; 0 for none, and where there are none.
pub fn project_of(file: BorrowedFd<'_>) -> nix::Result<u32> {
    match attributes(file) {
        Ok(found) => Ok(found.project),
        Err(Errno::ENOTTY | Errno::EOPNOTSUPP) => Ok(0),
        Err(errno) => Err(errno),
    }
}

/// Is this one of the projects that are jails' data?
pub fn is_ours(project: u32) -> bool {
    PROJECTS.contains(&project)
}

/// Makes an open file part of a project; a directory hands it on to what is made in it.
pub fn join(file: BorrowedFd<'_>, project: u32, is_directory: bool) -> nix::Result<()> {
    let found = attributes(file)?;
    let flags = if is_directory { found.flags | FS_XFLAG_PROJINHERIT } else { found.flags };
    if (found.project, found.flags) == (project, flags) {
        return Ok(());
    }
    let wanted = Attributes { project, flags, ..found };
    // SAFETY: an open descriptor, and a struct fsxattr that outlives the call.
    unsafe { set_attributes(file.as_raw_fd(), &raw const wanted) }.map(drop)
}

/// A project that nobody of this file system uses, held to `limit` at once, by which others see that it is taken. Two
/// callers at a time may find the same.
pub fn take(directory: BorrowedFd<'_>, limit: Option<Bytes>) -> nix::Result<u32> {
    for project in PROJECTS {
        if account(directory, project)?.is_free() {
            set(directory, project, limit)?;
            return Ok(project);
        }
    }
    Err(Errno::ENOSPC)
}

/// Holds a project to so much space; absent: to none.
pub fn set(directory: BorrowedFd<'_>, project: u32, limit: Option<Bytes>) -> nix::Result<()> {
    // SAFETY: every bit pattern is a valid struct dqblk.
    let mut wanted: libc::dqblk = unsafe { MaybeUninit::zeroed().assume_init() };
    wanted.dqb_bhardlimit = limit.map_or(0, |limit| (limit.0 / BLOCK).max(1));
    wanted.dqb_valid = libc::QIF_BLIMITS;
    // SAFETY: the command takes a struct dqblk, which outlives the call.
    unsafe { ask(directory, libc::Q_SETQUOTA, project, (&raw mut wanted).cast()) }
}

/// What the files of a project take. One that there never was takes nothing.
pub fn account(directory: BorrowedFd<'_>, project: u32) -> nix::Result<Account> {
    // SAFETY: every bit pattern is a valid struct dqblk.
    let mut found: libc::dqblk = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the command fills a struct dqblk, which outlives the call.
    match unsafe { ask(directory, libc::Q_GETQUOTA, project, (&raw mut found).cast()) } {
        Ok(()) => Ok(Account {
            limit: (found.dqb_bhardlimit != 0).then(|| Bytes(found.dqb_bhardlimit.saturating_mul(BLOCK))),
            bytes: found.dqb_curspace,
            inodes: found.dqb_curinodes,
        }),
        Err(Errno::ENOENT) => Ok(Account::default()),
        Err(errno) => Err(errno),
    }
}

/// Holds the data of the jail in this directory to its limit of space, or to none. It has to be a project of ours already if
/// it is to be held.
pub fn apply(limits: &Limits, jail: &Path) -> Result<(), KernelError> {
    let doing = || format!("limit disk of {}", jail.join("data").display());
    let data = match data_of(jail) {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound && limits.disk.is_none() => return Ok(()),
        Err(error) => return Err(KernelError::io(doing())(error)),
    };
    match (project_of(data.as_fd()).map_err(KernelError::system(doing()))?, limits.disk) {
        (project, limit) if is_ours(project) => set(data.as_fd(), project, limit).map_err(KernelError::system(doing())),
        (_, None) => Ok(()),
        (_, Some(_)) => Err(KernelError::Other {
            doing: doing(),
            why: "its files are not counted as one project; restart the jail, which has them counted".into(),
        }),
    }
}

/// What the data of the jail in this directory takes, and may; `None` where nobody counts it.
pub fn of_jail(jail: &Path) -> Option<Account> {
    let data = data_of(jail).ok()?;
    let project = project_of(data.as_fd()).ok().filter(|project| is_ours(*project))?;
    account(data.as_fd(), project).ok()
}

/// The limits of a jail's groups, with that of its data.
pub fn limits(jail: &Path, of_groups: Limits) -> Limits {
    Limits { disk: of_jail(jail).and_then(|found| found.limit), ..of_groups }
}

/// The same of what is used.
pub fn usage(jail: &Path, of_groups: Usage) -> Usage {
    let found = of_jail(jail);
    Usage { disk_bytes: found.map(|found| found.bytes), disk_files: found.map(|found| found.inodes), ..of_groups }
}

fn data_of(jail: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    File::options().read(true).custom_flags(flags).open(jail.join("data"))
}

fn attributes(file: BorrowedFd<'_>) -> nix::Result<Attributes> {
    let mut found = Attributes::default();
    // SAFETY: an open descriptor, and room for one struct fsxattr.
    unsafe { get_attributes(file.as_raw_fd(), &raw mut found) }?;
    Ok(found)
}

fn state(directory: BorrowedFd<'_>) -> nix::Result<u16> {
    let mut found = State { version: 1, reserved: 0, flags: 0, rest: [0; 19] };
    // SAFETY: the command fills a struct fs_quota_statv, which State is as large as and outlives the call.
    unsafe { ask(directory, Q_XGETQSTATV, 0, (&raw mut found).cast()) }.map(|()| found.flags)
}

/// quotactl_fd(2): of the file system that the descriptor is of, whatever its device is called.
///
/// # Safety
/// `argument` is what the command takes or fills.
unsafe fn ask(directory: BorrowedFd<'_>, command: i32, project: u32, argument: *mut libc::c_void) -> nix::Result<()> {
    let command = (command << 8) | PRJQUOTA;
    // SAFETY: an open descriptor; the caller vouches for the argument.
    let answer = unsafe { libc::syscall(libc::SYS_quotactl_fd, directory.as_raw_fd(), command, project, argument) };
    Errno::result(answer).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_as_large_as_the_kernels() {
        assert_eq!(size_of::<Attributes>(), 28);
        // linux/dqblk_xfs.h: 8, three of 24, 5 times 4 and what fills up to 8 times 8.
        assert_eq!(size_of::<State>(), 160);
    }

    #[test]
    fn what_a_file_system_lacks_is_told_with_the_remedy() {
        let told = |kind, is_counted| lacking(Path::new("/srv"), kind, is_counted);
        assert!(told(EXT4_SUPER_MAGIC, true).ends_with("; mount it with prjquota"));
        assert!(told(EXT4_SUPER_MAGIC, false).contains("tune2fs -O quota,project"));
        assert!(told(XFS_SUPER_MAGIC, false).contains("rootflags=prjquota"));
        assert!(told(FsType(0x0102_1994), false).ends_with("put the data directory on ext4 or XFS with prjquota"));
    }

    #[test]
    fn where_nothing_is_counted_a_limit_is_refused_and_none_is_not() {
        let asked = Limits { disk: Some(Bytes(1 << 30)), ..Limits::default() };
        let (what, why) = check(&asked, Path::new("/proc/self/fdinfo")).unwrap_err();
        assert_eq!((what.as_str(), why.contains("has no project quotas; ")), ("the limit disk", true), "{why}");
        assert_eq!(check(&Limits::default(), Path::new("/proc/self/fdinfo")), Ok(()));
        assert_eq!(of_jail(Path::new("/proc/self")), None);
    }
}
