//! mount(2) and unmount(2) of NetBSD, which take paths: a caller goes along each strictly first, while the jail has no
//! members who could change it, and looks at what came of it.

use std::ffi::{CStr, CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use nix::errno::Errno;

use super::args::{ExportArgs30, NullArgs, PTYFS_VERSION, PtyfsArgs, TMPFS_VERSION, TmpfsArgs};
use super::plan::{Kind, Mount};

/// Group of terminals in NetBSD's /etc/group: tty.
const TTY_GROUP: u32 = 4;

pub fn mount(mount: &Mount, at: &Path) -> Result<(), Errno> {
    let mut flags = 0;
    for (wanted, flag) in [
        (mount.read_only, libc::MNT_RDONLY),
        (mount.no_suid, libc::MNT_NOSUID),
        (mount.no_exec, libc::MNT_NOEXEC),
        (mount.no_devices, libc::MNT_NODEV),
    ] {
        flags |= if wanted { flag } else { 0 };
    }
    match &mount.kind {
        Kind::Null(source) => {
            let source = text(source)?;
            // SAFETY: integers, arrays of integers and pointers, all valid as zero.
            let unused: ExportArgs30 = unsafe { std::mem::zeroed() };
            call(c"null", at, flags, &NullArgs { target: source.as_ptr(), unused })
        }
        Kind::Tmpfs(bytes, mode) => {
            let size_max = i64::try_from(*bytes).map_err(|_| Errno::EINVAL)?;
            let (version, root_mode) = (TMPFS_VERSION, *mode);
            call(c"tmpfs", at, flags, &TmpfsArgs { version, nodes_max: 0, size_max, root_uid: 0, root_gid: 0, root_mode })
        }
        Kind::Ptyfs => call(c"ptyfs", at, flags, &PtyfsArgs { version: PTYFS_VERSION, gid: TTY_GROUP, mode: 0o620, flags: 0 }),
    }
}

fn call<T>(kind: &CStr, at: &Path, flags: i32, args: &T) -> Result<(), Errno> {
    let at = text(at)?;
    // The kernel may write into the arguments when it is asked what is mounted; it is not.
    let args = ptr::from_ref(args).cast_mut().cast::<c_void>();
    // SAFETY: both texts are NUL-terminated, the arguments are this kind's and as long as said; all outlive the call.
    Errno::result(unsafe { libc::mount(kind.as_ptr(), at.as_ptr(), flags, args, size_of::<T>()) }).map(drop)
}

/// Never by force: what is in use stays.
pub fn unmount(at: &Path) -> Result<(), Errno> {
    let at = text(at)?;
    // SAFETY: a NUL-terminated text that outlives the call.
    Errno::result(unsafe { libc::unmount(at.as_ptr(), 0) }).map(drop)
}

fn text(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}
