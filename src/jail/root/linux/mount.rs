//! The mount system calls that work on descriptors (fsopen(2) and kin, Linux 5.2; mount_setattr(2), 5.12), which libc
//! does not wrap. No path of a jail is ever walked by name from the host.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

// include/uapi/linux/mount.h
pub const RDONLY: u64 = 0x1;
pub const NOSUID: u64 = 0x2;
pub const NODEV: u64 = 0x4;
pub const NOEXEC: u64 = 0x8;
const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_CMD_CREATE: u32 = 6;
const OPEN_TREE_CLONE: u32 = 1;
const MOVE_MOUNT_F_EMPTY_PATH: u32 = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: u32 = 0x40;

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

/// A new file system of a kind, mounted nowhere yet.
pub fn new(kind: &CStr, options: &[(&CStr, &CStr)], flags: u64) -> nix::Result<OwnedFd> {
    // SAFETY: a NUL-terminated text and a flag.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })?;
    // Shown as the device in /proc/mounts, as mount(8) would have it.
    for (key, value) in [(c"source", kind)].iter().chain(options) {
        configure(&context, FSCONFIG_SET_STRING, Some((key, value)))?;
    }
    configure(&context, FSCONFIG_CMD_CREATE, None)?;
    // SAFETY: integers only.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, flags as u32) })
}

fn configure(context: &OwnedFd, command: u32, option: Option<(&CStr, &CStr)>) -> nix::Result<()> {
    let null = std::ptr::null();
    let (key, value) = option.map_or((null, null), |(key, value)| (key.as_ptr(), value.as_ptr()));
    // SAFETY: both texts are NUL-terminated and outlive the call, or both are null, as this command takes them.
    Errno::result(unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key, value, 0) }).map(drop)
}

/// A copy of the mounts at `source`, mounted nowhere yet, with `flags` added to each.
pub fn copy(source: BorrowedFd<'_>, recursive: bool, flags: u64) -> nix::Result<OwnedFd> {
    let depth = if recursive { libc::AT_RECURSIVE as u32 } else { 0 };
    let how = OPEN_TREE_CLONE | libc::O_CLOEXEC as u32 | libc::AT_EMPTY_PATH as u32 | depth;
    // SAFETY: an open descriptor and an empty text, meaning the descriptor itself.
    let tree = owned(unsafe { libc::syscall(libc::SYS_open_tree, source.as_raw_fd(), c"".as_ptr(), how) })?;
    set(tree.as_fd(), recursive, flags)?;
    Ok(tree)
}

/// Adds flags to the mount whose root this is, and to all below it.
pub fn set(mount: BorrowedFd<'_>, recursive: bool, flags: u64) -> nix::Result<()> {
    let attr = MountAttr { set: flags, clear: 0, propagation: 0, userns: 0 };
    let depth = if recursive { libc::AT_RECURSIVE as u32 } else { 0 };
    let how = libc::AT_EMPTY_PATH as u32 | depth;
    let size = size_of::<MountAttr>();
    // SAFETY: `attr` is the kernel's struct mount_attr, version 0, of the size given; it outlives the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), c"".as_ptr(), how, &attr, size) }).map(drop)
}

/// Mounts what [`new`] or [`copy`] made on a directory or file.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> nix::Result<()> {
    let (from, to, empty) = (mount.as_raw_fd(), target.as_raw_fd(), c"".as_ptr());
    let how = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: two open descriptors and empty texts, meaning the descriptors themselves.
    Errno::result(unsafe { libc::syscall(libc::SYS_move_mount, from, empty, to, empty, how) }).map(drop)
}

fn owned(result: libc::c_long) -> nix::Result<OwnedFd> {
    let fd = Errno::result(result)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
