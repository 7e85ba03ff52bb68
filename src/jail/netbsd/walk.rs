//! Paths without openat2(2): one component at a time, each opened in the one before with O_NOFOLLOW, so that a symlink that
//! a jail planted leads nowhere. Touches directories, and makes mount points.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, mkdirat};

/// Why a path is not gone along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("is not a whole path from / without . and ..")]
    NotWhole,
    #[error("leads through a symlink, which could lead anywhere")]
    Symlink,
    #[error("leads through what is no directory")]
    NoDirectory,
    #[error("can be changed by others than root")]
    OthersMay,
    #[error("{}", .0.desc())]
    System(Errno),
}

impl Refusal {
    pub fn remedy(self) -> &'static str {
        match self {
            Refusal::NotWhole => "write it out from /",
            Refusal::Symlink => "use what the link points to",
            Refusal::NoDirectory => "move that away",
            Refusal::OthersMay => "give it and all above it to root, and take the others' right to write with chmod go-w",
            Refusal::System(_) => "look at it with ls -ld",
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Refusal {
        match errno {
            // NetBSD: EFTYPE for O_NOFOLLOW on a link where it is asked for a directory as well (open(2)).
            Errno::ELOOP => Refusal::Symlink,
            #[cfg(target_os = "netbsd")]
            Errno::EFTYPE => Refusal::Symlink,
            Errno::ENOTDIR => Refusal::NoDirectory,
            errno => Refusal::System(errno),
        }
    }
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Opens a directory by its path from `/`, none of whose parts is a symlink, or can be changed by anybody but root.
pub fn open_vetted(path: &Path) -> Result<OwnedFd, Refusal> {
    let directory = open_root(path)?;
    vet(&fstat(&directory)?, false)?;
    Ok(directory)
}

/// The same for the root of a jail that exists, whose own owner and mode a member who is root may have changed: only the way
/// there is the host's.
pub fn open_root(path: &Path) -> Result<OwnedFd, Refusal> {
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return Err(Refusal::NotWhole);
    }
    let mut directory = open("/", DIRECTORY, Mode::empty())?;
    vet(&fstat(&directory)?, true)?;
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Err(Refusal::NotWhole) };
        directory = step(&directory, name)?;
        if parts.peek().is_some() {
            vet(&fstat(&directory)?, true)?;
        }
    }
    Ok(directory)
}

/// A directory on the way may be writable for all if it is sticky, as /tmp is: what is below it belongs to root.
fn vet(status: &FileStat, on_the_way: bool) -> Result<(), Refusal> {
    let mode: u32 = status.st_mode;
    let sticky = on_the_way && mode & 0o1000 != 0;
    if status.st_uid == 0 && (sticky || mode & 0o022 == 0) { Ok(()) } else { Err(Refusal::OthersMay) }
}

/// A directory in a directory.
pub fn step(directory: impl AsFd, name: &OsStr) -> Result<OwnedFd, Refusal> {
    match openat(&directory, name, DIRECTORY, Mode::empty()) {
        // Linux: a symlink that is asked to be a directory.
        Err(Errno::ENOTDIR) if is_symlink(&directory, name) => Err(Refusal::Symlink),
        opened => Ok(opened?),
    }
}

fn is_symlink(directory: impl AsFd, name: &OsStr) -> bool {
    nix::fcntl::readlinkat(directory, name).is_ok()
}

/// A directory some steps below.
pub fn below(top: impl AsFd, path: &Path) -> Result<OwnedFd, Refusal> {
    let mut directory = top.as_fd().try_clone_to_owned().map_err(|_| Refusal::System(Errno::EMFILE))?;
    for part in path.components() {
        let Component::Normal(name) = part else { return Err(Refusal::NotWhole) };
        directory = step(&directory, name)?;
    }
    Ok(directory)
}

/// The same, its last part made with `mode` if missing.
pub fn ensure(top: impl AsFd, path: &Path, mode: u32) -> Result<OwnedFd, Refusal> {
    let parent = below(&top, path.parent().unwrap_or(Path::new("")))?;
    let name = path.file_name().ok_or(Refusal::NotWhole)?;
    match mkdirat(&parent, name, Mode::from_bits_truncate(0o700)) {
        Ok(()) => {
            let made = step(&parent, name)?;
            // Whatever the umask.
            fchmod(&made, Mode::from_bits_truncate(mode))?;
            Ok(made)
        }
        Err(Errno::EEXIST) => step(&parent, name),
        Err(errno) => Err(errno.into()),
    }
}

/// Is something mounted on the directory some steps below?
pub fn is_mount_point(top: impl AsFd, path: &Path) -> Result<bool, Refusal> {
    let parent = below(&top, path.parent().unwrap_or(Path::new("")))?;
    let point = step(&parent, path.file_name().ok_or(Refusal::NotWhole)?)?;
    Ok(fstat(&parent)?.st_dev != fstat(&point)?.st_dev)
}
