//! Where the module is pinned, so that it outlives its loader.
//!
//! `/run/jailsh/kmod` holds one bpffs per generation (`g1`, `g2`, ...) and a link `current` to the one in use. A generation
//! is filled while its mount is not attached anywhere and attached when complete: a loader that dies before leaves
//! nothing, one that dies after leaves a complete generation. Touches that directory and its lock only.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::mount::MntFlags;

use crate::kernel::KernelError;
use crate::kernel::detached::{attach_mount, detached_bpffs, make_directory, open_directory};

const CURRENT: &str = "current";
const LOCK: &str = "/run/jailsh/kmod.lock";

/// Where the pins of the generation in use are found.
pub fn current(pin: &str) -> PathBuf {
    Path::new(super::Lsm::DIRECTORY).join(CURRENT).join(pin)
}

/// Held while the module, its ports or its control groups change. One jailsh at a time.
pub fn lock() -> Result<Flock<File>, KernelError> {
    make_directory(Path::new("/run/jailsh"), 0o755)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    let file = options.open(LOCK).map_err(KernelError::io(format!("open {LOCK}")))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| KernelError::System { doing: format!("lock {LOCK}"), errno })
}

/// One generation: a bpffs, attached or not.
pub struct Generation {
    root: OwnedFd,
    /// Where it is attached.
    place: Option<PathBuf>,
}

impl Generation {
    /// A new bpffs that is attached nowhere. It vanishes with its descriptor.
    pub fn new() -> Result<Self, KernelError> {
        let root = detached_bpffs().map_err(KernelError::system("make a bpf file system"))?;
        Ok(Generation { root, place: None })
    }

    /// The attached generations, oldest first.
    pub fn attached() -> Result<Vec<Self>, KernelError> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(KernelError::io("read /proc/self/mountinfo"))?;
        let mut places: Vec<(u32, PathBuf)> = mounts.lines().filter_map(place_in_mountinfo).collect();
        places.sort();
        places.dedup();
        let open = |(_, place): (u32, PathBuf)| {
            let root = open_directory(&place).map_err(KernelError::io(format!("open {}", place.display())))?;
            Ok(Generation { root, place: Some(place) })
        };
        places.into_iter().map(open).collect()
    }

    /// Path of a pin, valid in this process, attached or not.
    pub fn pin(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    fn directory(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.root.as_raw_fd()))
    }

    /// Is it the one in use?
    pub fn is_current(&self) -> bool {
        let link = fs::read_link(Path::new(super::Lsm::DIRECTORY).join(CURRENT)).ok();
        link.is_some() && link.as_deref() == self.place.as_deref().and_then(Path::file_name).map(Path::new)
    }

    /// Its device number, as the kernel keeps it (20 bits of minor number).
    pub fn device(&self) -> Result<u32, KernelError> {
        let status = fs::metadata(self.directory()).map_err(KernelError::io("look at the module's bpf file system"))?;
        Ok(libc::major(status.dev()) << 20 | libc::minor(status.dev()))
    }

    /// Attaches it, complete, after all others.
    pub fn attach(&mut self) -> Result<(), KernelError> {
        let home = Path::new(super::Lsm::DIRECTORY);
        make_directory(home, 0o700)?;
        let last = Self::attached()?.iter().filter_map(|other| other.place.as_deref().and_then(number)).max();
        let place = home.join(format!("g{}", last.unwrap_or(0) + 1));
        make_directory(&place, 0o700)?;
        attach_mount(self.root.as_fd(), &place, false).map_err(KernelError::system(format!("attach {}", place.display())))?;
        self.place = Some(place);
        Ok(())
    }

    /// Makes it the one in use.
    pub fn make_current(&self) -> Result<(), KernelError> {
        let home = Path::new(super::Lsm::DIRECTORY);
        let (link, fresh) = (home.join(CURRENT), home.join("next"));
        let name = self.place.as_deref().and_then(Path::file_name).expect("attached before");
        let switch = || {
            match fs::remove_file(&fresh) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::os::unix::fs::symlink(name, &fresh)?;
            fs::rename(&fresh, &link)
        };
        switch().map_err(KernelError::io(format!("switch {}", link.display())))
    }

    /// Removes its pins, then its mount. Pins go first: a copy of the mount may live on in another mount namespace.
    pub fn remove(self) -> Result<(), KernelError> {
        let directory = self.directory();
        for entry in fs::read_dir(&directory).map_err(KernelError::io("list the module's pins"))? {
            let entry = entry.map_err(KernelError::io("list the module's pins"))?;
            // Some kernels put files of their own into every bpffs (kernel/bpf/preload), and a pin's name has no dot.
            if entry.file_name().as_encoded_bytes().contains(&b'.') {
                continue;
            }
            let path = entry.path();
            fs::remove_file(&path).map_err(KernelError::io(format!("remove the pin {}", path.display())))?;
        }
        let Some(place) = self.place else { return Ok(()) };
        drop(self.root);
        nix::mount::umount2(&place, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
            .map_err(KernelError::system(format!("unmount {}", place.display())))?;
        fs::remove_dir(&place).map_err(KernelError::io(format!("remove {}", place.display())))
    }
}

/// After the last generation is gone.
pub fn remove_home() -> Result<(), KernelError> {
    let home = Path::new(super::Lsm::DIRECTORY);
    match fs::remove_dir_all(home) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(KernelError::io(format!("remove {}", home.display()))(error))
        }
        _ => Ok(()),
    }
}

/// No generation is in use any more; those attached are being removed.
pub fn forget_current() -> Result<(), KernelError> {
    let link = Path::new(super::Lsm::DIRECTORY).join(CURRENT);
    match fs::remove_file(&link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(KernelError::io(format!("remove {}", link.display()))(error))
        }
        _ => Ok(()),
    }
}

fn number(place: &Path) -> Option<u32> {
    place.file_name()?.to_str()?.strip_prefix('g')?.parse().ok()
}

/// The generation that a line of mountinfo(5) speaks of.
fn place_in_mountinfo(line: &str) -> Option<(u32, PathBuf)> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let place = Path::new(mount.split(' ').nth(4)?);
    if filesystem.split(' ').next() != Some("bpf") || place.parent() != Some(Path::new(super::Lsm::DIRECTORY)) {
        return None;
    }
    Some((number(place)?, place.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_found_in_mountinfo_and_nothing_else_is() {
        let place = |line| place_in_mountinfo(line).map(|(number, _)| number);
        assert_eq!(place("31 1 0:40 / /run/jailsh/kmod/g12 rw,nosuid - bpf none rw,mode=700"), Some(12));
        assert_eq!(place("31 1 0:40 / /run/jailsh/kmod/g12 rw shared:3 - bpf none rw"), Some(12));
        assert_eq!(place("31 1 0:40 / /run/jailsh/kmod/g12 rw - tmpfs none rw"), None);
        assert_eq!(place("31 1 0:40 / /run/jailsh/kmod/other rw - bpf none rw"), None);
        assert_eq!(place("31 1 0:40 / /sys/fs/bpf rw - bpf none rw"), None);
        assert_eq!(place(""), None);
    }
}
