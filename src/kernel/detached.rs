//! File systems made attached nowhere, filled, then attached: above all bpffs, where pinned programs and maps outlive their
//! loader.

use std::ffi::{CStr, CString};
use std::fs::{DirBuilder, OpenOptions};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;

use super::KernelError;

/// Makes a directory unless it is there.
pub fn make_directory(path: &Path, mode: u32) -> Result<(), KernelError> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(KernelError::io(format!("make {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

pub fn open_directory(path: &Path) -> std::io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC);
    Ok(options.open(path)?.into())
}

/// A system call that answers a new descriptor or -1.
fn descriptor(answer: libc::c_long) -> Result<OwnedFd, Errno> {
    let raw = Errno::result(answer)?;
    // SAFETY: a descriptor just made by the kernel, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(raw as i32) })
}

/// A new bpffs that is attached nowhere.
pub fn detached_bpffs() -> Result<OwnedFd, Errno> {
    file_system(c"bpf", &[(c"mode", c"0700")])
}

/// A new file system of a kind, attached nowhere: fsopen(2), fsconfig(2), fsmount(2), which neither nix nor libc wraps.
pub fn file_system(kind: &CStr, options: &[(&CStr, &CStr)]) -> Result<OwnedFd, Errno> {
    const FSOPEN_CLOEXEC: libc::c_uint = 1;
    const FSCONFIG_SET_STRING: libc::c_uint = 1;
    const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
    const FSMOUNT_CLOEXEC: libc::c_uint = 1;
    const MOUNT_ATTR_NOSUID_NODEV_NOEXEC: libc::c_uint = 0x2 | 0x4 | 0x8;
    // SAFETY: the name is NUL-terminated and lives through the call.
    let context = descriptor(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })?;
    let raw = context.as_raw_fd();
    for (key, value) in options {
        let (key, value) = (key.as_ptr(), value.as_ptr());
        // SAFETY: both texts are NUL-terminated and live through the call.
        Errno::result(unsafe { libc::syscall(libc::SYS_fsconfig, raw, FSCONFIG_SET_STRING, key, value, 0) })?;
    }
    let none = std::ptr::null::<libc::c_char>();
    // SAFETY: this command takes no key and no value.
    Errno::result(unsafe { libc::syscall(libc::SYS_fsconfig, raw, FSCONFIG_CMD_CREATE, none, none, 0) })?;
    // SAFETY: only takes numbers.
    descriptor(unsafe { libc::syscall(libc::SYS_fsmount, raw, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID_NODEV_NOEXEC) })
}

/// move_mount(2) of a mount that is attached nowhere; beneath the one that is there (Linux 6.5) or on top.
pub fn attach_mount(mount: BorrowedFd<'_>, place: &Path, beneath: bool) -> Result<(), Errno> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    const MOVE_MOUNT_BENEATH: libc::c_uint = 0x200;
    let flags = if beneath { MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH } else { MOVE_MOUNT_F_EMPTY_PATH };
    let place = CString::new(place.as_os_str().as_encoded_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: both texts are NUL-terminated and live through the call.
    let answer =
        unsafe { libc::syscall(libc::SYS_move_mount, mount.as_raw_fd(), c"".as_ptr(), libc::AT_FDCWD, place.as_ptr(), flags) };
    Errno::result(answer).map(drop)
}
