//! The run directory: a place whose mounts propagate nowhere, as pins of mount namespaces need.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::jail::store::{Directory, Lock};
use crate::jail::{Config, JailError};

/// Makes `run_dir` and turns `run_dir/jails` into a private mount of itself. Safe to call at any time, also by several
/// processes at once; mounts beside it, such as the module's `run_dir/kmod`, are not touched.
pub fn prepare_run_dir(config: &Config) -> Result<(), JailError> {
    let run = Directory::open_or_make(&config.run_dir)?.vetted()?;
    let jails = run.ensure("jails", 0o700)?.vetted()?;
    if is_private_mount(&jails)? {
        return Ok(());
    }
    let _lock = Lock::run_dir(config)?;
    // Opened again under the lock: another process may have mounted in between.
    let jails = run.sub("jails")?;
    let itself = format!("/proc/self/fd/{}", jails.fd().as_raw_fd());
    if !is_mount(&jails)? {
        mount(Some(itself.as_str()), itself.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .map_err(JailError::system(format!("mount {} on itself", jails.path().display())))?;
    }
    let mounted = run.sub("jails")?;
    let itself = format!("/proc/self/fd/{}", mounted.fd().as_raw_fd());
    mount(None::<&str>, itself.as_str(), None::<&str>, MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(JailError::system(format!("make {} private", mounted.path().display())))
}

/// `run_dir/jails`, prepared.
pub fn jails(config: &Config) -> Result<Directory, JailError> {
    prepare_run_dir(config)?;
    Directory::open(&config.run_dir)?.vetted()?.sub("jails")?.vetted()
}

fn is_mount(directory: &Directory) -> Result<bool, JailError> {
    Ok(statx(directory)?.stx_attributes & libc::STATX_ATTR_MOUNT_ROOT as u64 != 0)
}

/// A mount root whose line in mountinfo names no peer group.
fn is_private_mount(directory: &Directory) -> Result<bool, JailError> {
    let status = statx(directory)?;
    if status.stx_attributes & libc::STATX_ATTR_MOUNT_ROOT as u64 == 0 {
        return Ok(false);
    }
    let doing = || JailError::io("read /proc/self/mountinfo");
    let id = status.stx_mnt_id.to_string();
    // No further than to its line: those of the jails come after it.
    for line in BufReader::new(File::open("/proc/self/mountinfo").map_err(doing())?).split(b'\n') {
        let line = line.map_err(doing())?;
        let line = String::from_utf8_lossy(&line);
        if line.split(' ').next() == Some(id.as_str()) {
            return Ok(!line.split(" - ").next().unwrap_or(&line).contains(" shared:"));
        }
    }
    Ok(false)
}

fn statx(directory: &Directory) -> Result<libc::statx, JailError> {
    let mut found = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let (fd, mask) = (directory.fd().as_raw_fd(), libc::STATX_BASIC_STATS | libc::STATX_MNT_ID);
    // SAFETY: an open descriptor, an empty text meaning itself, and room for one struct statx.
    Errno::result(unsafe { libc::statx(fd, c"".as_ptr(), libc::AT_EMPTY_PATH, mask, found.as_mut_ptr()) })
        .map_err(JailError::system(format!("look at {}", directory.path().display())))?;
    // SAFETY: zeroed before and filled by the kernel; every bit pattern is a valid struct statx.
    Ok(unsafe { found.assume_init() })
}
