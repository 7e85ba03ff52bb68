//! Composing a jail's root on the directory that the administrator made for it, and taking it down. The jail is not in the
//! kernel meanwhile, or has no members: nobody but root changes what is below.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, fchmodat, mknodat, stat};

use super::plan::{self, DEVICES};
use super::{JailError, mounts, walk};

/// Where the nodes of devices go.
const DEV: &str = "dev";

/// Mounts the base's programs, /dev, its ptys and /tmp below `root`. After an error nothing of it is left.
pub fn compose(root: &Path, base: Option<&Path>) -> Result<(), JailError> {
    let top = walk::open_vetted(root).map_err(JailError::walk(root))?;
    if let Some(base) = base {
        walk::open_vetted(base).map_err(JailError::walk(base))?;
        if let Some(source) = plan::overlap(base, root) {
            let why = format!("{} and the root lie in one another", source.display());
            return Err(JailError::Path {
                path: root.to_owned(),
                why,
                remedy: "take a directory apart from the base's programs",
            });
        }
    }
    let mut made = Made { root, places: Vec::new() };
    for mount in plan::mounts(base, |source| walk::open_vetted(source).is_ok()) {
        let at = root.join(&mount.place);
        walk::ensure(&top, &mount.place, 0o755).map_err(JailError::walk(&at))?;
        if is_mounted(top.as_fd(), root, &mount.place)? {
            let why = "something is mounted there".into();
            return Err(JailError::Path { path: at, why, remedy: "jailctl destroy the jail that has it, or umount(8) it" });
        }
        mounts::mount(&mount, &at).map_err(JailError::system(format!("mount {}", at.display())))?;
        made.places.push(mount.place.clone());
        if !is_mounted(top.as_fd(), root, &mount.place)? {
            let why = "what was mounted there is not to be seen".into();
            return Err(JailError::Path { path: at, why, remedy: "look at mount(8)" });
        }
        if mount.place == Path::new(DEV) {
            devices(top.as_fd(), &at)?;
        }
    }
    made.places.clear();
    Ok(())
}

fn is_mounted(top: BorrowedFd<'_>, root: &Path, place: &Path) -> Result<bool, JailError> {
    walk::is_mount_point(top, place).map_err(JailError::walk(&root.join(place)))
}

/// The host's own nodes again, numbers and all: they differ from port to port.
fn devices(top: BorrowedFd<'_>, at: &Path) -> Result<(), JailError> {
    let dev = walk::below(top, Path::new(DEV)).map_err(JailError::walk(at))?;
    let everyone = Mode::from_bits_truncate(0o666);
    for name in DEVICES {
        // A port without one of them has none for the jail either.
        let Ok(host) = stat(&Path::new("/dev").join(name)) else { continue };
        let kind = SFlag::from_bits_truncate(host.st_mode & SFlag::S_IFMT.bits());
        if kind != SFlag::S_IFCHR {
            continue;
        }
        let doing = || JailError::system(format!("make {}", at.join(name).display()));
        mknodat(&dev, name, SFlag::S_IFCHR, Mode::from_bits_truncate(0o600), host.st_rdev).map_err(doing())?;
        fchmodat(&dev, name, everyone, nix::sys::stat::FchmodatFlags::NoFollowSymlink).map_err(doing())?;
    }
    Ok(())
}

/// Takes away what [`compose`] mounted; places that have nothing are passed over.
pub fn take_down(root: &Path) -> Result<(), JailError> {
    let top = walk::open_root(root).map_err(JailError::walk(root))?;
    for place in plan::places() {
        // What is not there, or is no directory, or a link that a jail made, is no mount of ours.
        if !walk::is_mount_point(&top, &place).unwrap_or(false) {
            continue;
        }
        let at = root.join(&place);
        mounts::unmount(&at).map_err(JailError::system(format!("unmount {}; see fstat(1) for who uses it", at.display())))?;
    }
    Ok(())
}

/// The mounts made so far, which go when one fails.
struct Made<'a> {
    root: &'a Path,
    places: Vec<PathBuf>,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        for place in self.places.iter().rev() {
            // The first error is the one to tell.
            let _ = mounts::unmount(&self.root.join(place));
        }
    }
}
