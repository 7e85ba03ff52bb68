//! Removing a tree that a jail filled: no symlink followed, no mount entered, no depth that could exhaust anything.

use std::ffi::OsStr;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::directory::Directory;
use crate::jail::JailError;
use crate::kernel::system::rename_new;

/// Names taken from a directory at once: bounds memory, however many files a jail made.
const BATCH: usize = 4096;

/// Removes `name` from `parent`, whatever it is. Nothing there: done.
///
/// A tree is flattened rather than descended: directories found inside are moved up beside their parent, so no
/// directory is ever deeper than one level and a path of any length costs neither stack nor descriptors.
pub fn remove_tree(parent: &Directory, name: &str) -> Result<(), JailError> {
    let doing = || format!("remove {}", parent.path_of(name).display());
    match unlinkat(parent.fd(), name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EISDIR) => {}
        Err(errno) => return Err(JailError::System { doing: doing(), errno }),
    }
    let top = open_same_mount(parent, OsStr::new(name))?;
    let mut moved = 0_u64;
    loop {
        let names = top.names(BATCH)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            remove_entry(&top, &name, &mut moved)?;
        }
    }
    drop(top);
    unlinkat(parent.fd(), name, UnlinkatFlags::RemoveDir).map_err(JailError::system(doing()))
}

/// Removes one entry of the top, moving the directories inside it up into the top.
fn remove_entry(top: &Directory, name: &OsStr, moved: &mut u64) -> Result<(), JailError> {
    if unlinked(top, name)? {
        return Ok(());
    }
    let inner = open_same_mount(top, name)?;
    loop {
        let names = inner.names(BATCH)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            if !unlinked(&inner, &name)? {
                move_up(&inner, &name, top, moved)?;
            }
        }
    }
    unlinkat(top.fd(), name, UnlinkatFlags::RemoveDir).map_err(|errno| blocked(top, name, errno))
}

/// Unlinks what is no directory; false for a directory.
fn unlinked(directory: &Directory, name: &OsStr) -> Result<bool, JailError> {
    match unlinkat(directory.fd(), name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(Errno::EISDIR) => Ok(false),
        Err(errno) => Err(blocked(directory, name, errno)),
    }
}

fn move_up(from: &Directory, name: &OsStr, top: &Directory, moved: &mut u64) -> Result<(), JailError> {
    // Empty directories, the common case, need no move.
    if unlinkat(from.fd(), name, UnlinkatFlags::RemoveDir).is_ok() {
        return Ok(());
    }
    loop {
        *moved += 1;
        let fresh = format!(".moved-{moved}");
        match rename_new(from.fd(), name, top.fd(), fresh.as_str()) {
            Ok(()) => return Ok(()),
            Err(Errno::EEXIST) => continue,
            Err(errno) => return Err(blocked(from, name, errno)),
        }
    }
}

fn open_same_mount(parent: &Directory, name: &OsStr) -> Result<Directory, JailError> {
    let open = || parent.open_in_mount(name, OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty());
    let fd = match open() {
        // Only without CAP_DAC_OVERRIDE: a directory that its owner closed to himself.
        Err(Errno::EACCES) => fchmodat(parent.fd(), name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink).and_then(|()| open()),
        other => other,
    };
    fd.map(|fd| Directory::from_parts(fd, parent.path().join(name))).map_err(|errno| blocked(parent, name, errno))
}

fn blocked(directory: &Directory, name: &OsStr, errno: Errno) -> JailError {
    let path = directory.path().join(name);
    match errno {
        Errno::EXDEV | Errno::EBUSY => {
            JailError::Path { path, why: "something is mounted there".into(), remedy: "unmount it, then try again".into() }
        }
        errno => JailError::System { doing: format!("remove {}", path.display()), errno },
    }
}
