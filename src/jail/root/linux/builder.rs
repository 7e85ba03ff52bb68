//! Builds a jail's root in a namespace of its own. Runs in a short-lived child: when it fails or is killed, the namespace
//! and every mount in it vanish, so there is nothing to roll back.
//!
//! Everything is reached through descriptors opened strictly; the skeleton is ours, and a jail never had a say in it.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{OFlag, readlinkat};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat, makedev, mknodat};
use nix::unistd::{Gid, chdir, fchdir, fchownat, pivot_root, symlinkat};

use super::mount::{self as mounts, NODEV, NOEXEC, NOSUID, RDONLY};
use crate::jail::base::{self, Base};
use crate::jail::data;
use crate::jail::store::{self, Directory};
use crate::jail::{Config, JailError};
use crate::kernel::{JailName, Right, RightSet, WayIn};

/// Top-level names of the host that are links into /usr on a merged system and directories of programs on others.
const PROGRAM_DIRECTORIES: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// In a jail's directory, where no jail can make it: its data holds a whole base, programs and all, for the jail to change.
pub const OWN_PROGRAMS: &str = "own-programs";

/// Names at a base's top that are the kernel's, or a file system's own.
const NOT_PROGRAMS: [&str; 5] = ["dev", "proc", "run", "sys", "lost+found"];
/// Names at a base's top looked at: the skeleton is small.
const MAX_TOP: usize = 256;

/// Character devices of a jail: name, major, minor (admin-guide/devices.txt).
const DEVICES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const DEVICE_LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Neither programs nor devices.
const MINIMAL: u64 = NOSUID | NODEV | NOEXEC;

/// Group of terminals, for devpts: `tty` of every distribution.
const TTY_GROUP: u32 = 5;

/// Leaves the caller in a new mount namespace whose root is the jail's.
pub fn build(config: &Config, name: &JailName, base: &Base, way_in: WayIn, rights: RightSet) -> Result<(), JailError> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(JailError::system("make a mount namespace"))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(JailError::system("cut the new namespace off from the host's mounts"))?;

    // Opened anew: descriptors from before belong to mounts of the old namespace, which cannot be copied from here.
    let jail = store::jail(config, name)?;
    let skeleton = Skeleton::new(&jail)?;
    match base {
        _ if jail.status(OWN_PROGRAMS)?.is_some() => skeleton.base_programs(&jail.sub("data")?, 0)?,
        Base::Pinned(pin) => skeleton.base_programs(&base::tree(config, pin)?, RDONLY)?,
        _ => skeleton.host_programs()?,
    }
    skeleton.data(&jail.sub("data")?)?;
    skeleton.kernel_file_systems(way_in)?;
    skeleton.devices(rights)?;
    skeleton.become_root()
}

/// The root's own tmpfs: holds mount points and links only.
struct Skeleton {
    top: Directory,
}

impl Skeleton {
    fn new(jail: &Directory) -> Result<Skeleton, JailError> {
        let point = jail.sub("root")?.vetted()?;
        let doing = || format!("mount the skeleton on {}", point.path().display());
        let skeleton = tmpfs(c"64k", c"0755", NODEV).map_err(JailError::system(doing()))?;
        mounts::attach(skeleton.as_fd(), point.fd()).map_err(JailError::system(doing()))?;
        // Through the mount point's parent, so that what is opened is the mounted skeleton.
        Ok(Skeleton { top: jail.sub("root")? })
    }

    /// /usr with all that is mounted in it, read-only, and what a system without merged /usr keeps beside it.
    fn host_programs(&self) -> Result<(), JailError> {
        self.host_directory("usr")?;
        for name in PROGRAM_DIRECTORIES {
            let path = Path::new("/").join(name);
            match std::fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let target = std::fs::read_link(&path).map_err(JailError::io(format!("read the link {}", path.display())))?;
                    symlinkat(&target, self.top.fd(), name).map_err(JailError::system(format!("link {name} in the root")))?;
                }
                Ok(found) if found.is_dir() => self.host_directory(name)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// All that a base has at its top, but for what the data layer and the kernel give; read-only, or as `flags` say.
    fn base_programs(&self, tree: &Directory, flags: u64) -> Result<(), JailError> {
        for name in tree.names(MAX_TOP)? {
            let Some(name) = name.to_str() else { continue };
            if NOT_PROGRAMS.contains(&name) || data::DIRECTORIES.iter().any(|(taken, _)| *taken == name) {
                continue;
            }
            let Some(found) = tree.status(name)? else { continue };
            match SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) {
                SFlag::S_IFLNK => {
                    // Only ever followed inside the jail's root.
                    let target = readlinkat(tree.fd(), name)
                        .map_err(JailError::system(format!("read the link {}", tree.path_of(name).display())))?;
                    symlinkat(target.as_os_str(), self.top.fd(), name)
                        .map_err(JailError::system(format!("link {name} in the root")))?;
                }
                SFlag::S_IFDIR => {
                    let source = tree.sub(name)?;
                    let point = self.top.make(name, 0o755)?;
                    mounts::copy(source.fd(), false, flags | NODEV)
                        .and_then(|copy| mounts::attach(copy.as_fd(), point.fd()))
                        .map_err(JailError::system(format!("bind {}", source.path().display())))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn host_directory(&self, name: &str) -> Result<(), JailError> {
        let source = Directory::open(&Path::new("/").join(name))?;
        let point = self.top.make(name, 0o755)?;
        let doing = format!("bind the host's /{name} read-only");
        mounts::copy(source.fd(), true, RDONLY | NODEV)
            .and_then(|copy| mounts::attach(copy.as_fd(), point.fd()))
            .map_err(JailError::system(doing))
    }

    fn data(&self, data: &Directory) -> Result<(), JailError> {
        for (name, mode) in data::DIRECTORIES {
            let source = data.sub(name)?;
            let point = self.top.make(name, mode)?;
            let doing = format!("bind {}", source.path().display());
            // Not recursive: a mount that somebody made below the data layer is no part of the jail.
            mounts::copy(source.fd(), false, NODEV)
                .and_then(|copy| mounts::attach(copy.as_fd(), point.fd()))
                .map_err(JailError::system(doing))?;
        }
        Ok(())
    }

    fn kernel_file_systems(&self, way_in: WayIn) -> Result<(), JailError> {
        // A fresh mount: hidepid belongs to the mount since Linux 5.8, so the host's own /proc is as before.
        let proc = self.mounted("proc", 0o555, mounts::new(c"proc", &[(c"hidepid", c"ptraceable")], MINIMAL))?;
        if way_in == WayIn::Keeper {
            Self::seal(&proc)?;
        }
        let run = self.mounted("run", 0o755, tmpfs(c"64m", c"0755", NOSUID | NODEV))?;
        run.make("lock", 0o1777)?;
        Ok(())
    }

    /// Makes read-only what of /proc steers the host: all that is writable and belongs to no process. Otherwise jailed
    /// root, being uid 0, could write there.
    fn seal(proc: &Directory) -> Result<(), JailError> {
        /// More entries than this are not /proc.
        const MOST: usize = 1 << 20;
        for name in proc.names(MOST)? {
            let Some(name) = name.to_str().filter(|name| !name.starts_with(|c: char| c.is_ascii_digit())) else { continue };
            // A link leads to a process's own directory.
            let Some(status) = proc.status(name)? else { continue };
            let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
            if kind == SFlag::S_IFLNK || (kind == SFlag::S_IFREG && status.st_mode & 0o222 == 0) {
                continue;
            }
            let doing = || JailError::system(format!("make /proc/{name} read-only in the jail"));
            let entry = proc.open_at(name, OFlag::O_PATH, Mode::empty()).map_err(doing())?;
            mounts::copy(entry.as_fd(), false, RDONLY | MINIMAL)
                .and_then(|copy| mounts::attach(copy.as_fd(), entry.as_fd()))
                .map_err(doing())?;
        }
        Ok(())
    }

    /// Those of every jail, and those that it was granted by name.
    fn devices(&self, rights: RightSet) -> Result<(), JailError> {
        let dev = self.mounted("dev", 0o755, tmpfs(c"64k", c"0755", NOSUID | NOEXEC))?;
        for (name, major, minor) in DEVICES {
            Self::device(&dev, name, major, minor)?;
        }
        let granted = Right::parts().filter(|part| rights.contains(*part)).filter_map(Right::device);
        for (name, major, minor) in granted {
            match name.split_once('/') {
                Some((directory, name)) => {
                    Self::device(&dev.ensure(directory, 0o755)?, name, major.into(), minor.into())?;
                }
                None => Self::device(&dev, name, major.into(), minor.into())?,
            }
        }
        fchownat(dev.fd(), "tty", None, Some(Gid::from_raw(TTY_GROUP)), nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(JailError::system("give /dev/tty to the group of terminals"))?;
        for (name, target) in DEVICE_LINKS {
            symlinkat(target, dev.fd(), name).map_err(JailError::system(format!("link /dev/{name}")))?;
        }
        let gid = CString::new(TTY_GROUP.to_string()).expect("digits hold no NUL");
        // Every mount of devpts is an instance of its own since Linux 4.7.
        let options = [(c"mode", c"0620"), (c"gid", gid.as_c_str()), (c"ptmxmode", c"0666")];
        Self::mounted_at(&dev, "pts", 0o755, mounts::new(c"devpts", &options, NOSUID | NOEXEC))?;
        Self::mounted_at(&dev, "shm", 0o1777, tmpfs(c"256m", c"1777", NOSUID | NODEV))?;
        Ok(())
    }

    /// A node that everybody in the jail may open.
    fn device(parent: &Directory, name: &str, major: u64, minor: u64) -> Result<(), JailError> {
        let doing = || format!("make {}", parent.path_of(name).display());
        mknodat(parent.fd(), name, SFlag::S_IFCHR, Mode::from_bits_truncate(0o600), makedev(major, minor))
            .map_err(JailError::system(doing()))?;
        let everyone = Mode::from_bits_truncate(0o666);
        fchmodat(parent.fd(), name, everyone, FchmodatFlags::FollowSymlink).map_err(JailError::system(doing()))
    }

    fn mounted(&self, name: &str, mode: u32, made: nix::Result<OwnedFd>) -> Result<Directory, JailError> {
        Self::mounted_at(&self.top, name, mode, made)
    }

    /// Makes a mount point, mounts on it, and opens what is mounted.
    fn mounted_at(parent: &Directory, name: &str, mode: u32, made: nix::Result<OwnedFd>) -> Result<Directory, JailError> {
        let point = parent.make(name, mode)?;
        let doing = || format!("mount {}", point.path().display());
        let made = made.map_err(JailError::system(doing()))?;
        mounts::attach(made.as_fd(), point.fd()).map_err(JailError::system(doing()))?;
        parent.sub(name)
    }

    /// Makes the skeleton the namespace's root, drops the host's tree from it and closes the skeleton.
    fn become_root(self) -> Result<(), JailError> {
        fchdir(self.top.fd()).map_err(JailError::system("go to the new root"))?;
        // pivot_root(2): with both arguments "." the old root lies on top of the new one and is detached there.
        pivot_root(".", ".").map_err(JailError::system("make the new root the namespace's root"))?;
        umount2(".", MntFlags::MNT_DETACH).map_err(JailError::system("detach the host's tree"))?;
        chdir("/").map_err(JailError::system("go to the new root"))?;
        mounts::set(self.top.fd(), false, RDONLY).map_err(JailError::system("make the skeleton read-only"))?;
        expect_same(self.top.fd())
    }
}

/// A root that is not the one just built would be the host's: never hand that out.
fn expect_same(skeleton: BorrowedFd<'_>) -> Result<(), JailError> {
    let look = || JailError::system("look at the new root");
    let root = nix::fcntl::open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map_err(look())?;
    let (root, ours) = (fstat(root).map_err(look())?, fstat(skeleton).map_err(look())?);
    if (root.st_dev, root.st_ino) == (ours.st_dev, ours.st_ino) {
        return Ok(());
    }
    Err(JailError::System { doing: "make the new root the namespace's root".into(), errno: nix::errno::Errno::EXDEV })
}

fn tmpfs(size: &std::ffi::CStr, mode: &std::ffi::CStr, flags: u64) -> nix::Result<OwnedFd> {
    mounts::new(c"tmpfs", &[(c"size", size), (c"mode", mode)], flags)
}
