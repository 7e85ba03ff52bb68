//! What a jail's root is made of, as a list. Pure.

use std::path::{Path, PathBuf};

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// mount_null(8): a directory of the base.
    Null(PathBuf),
    /// mount_tmpfs(8), of at most so many bytes; the mode of its root.
    Tmpfs(u64, u32),
    /// mount_ptyfs(8).
    Ptyfs,
}

/// One mount of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Below the root, one or two steps.
    pub place: PathBuf,
    pub kind: Kind,
    pub read_only: bool,
    /// No program of another user's there.
    pub no_suid: bool,
    pub no_exec: bool,
    pub no_devices: bool,
}

/// hier(7): the directories of programs and what they need, which a jail shares and cannot write.
pub const PROGRAMS: [&str; 7] = ["bin", "lib", "libdata", "libexec", "rescue", "sbin", "usr"];

/// Nodes of /dev that the module lets a member open; made as the host has them, for their numbers differ by port.
pub const DEVICES: [&str; 11] = ["null", "zero", "full", "tty", "random", "urandom", "ptm", "ptmx", "stdin", "stdout", "stderr"];

/// A file system of the jail's own.
fn own(place: &str, kind: Kind) -> Mount {
    Mount { place: place.into(), kind, read_only: false, no_suid: true, no_exec: true, no_devices: false }
}

/// The mounts of a root, in the order in which they are made; taken away in the other one. `has`: is there such a directory
/// in the base?
pub fn mounts(base: Option<&Path>, has: impl Fn(&Path) -> bool) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for name in base.iter().flat_map(|_| PROGRAMS) {
        let source = base.unwrap_or(Path::new("/")).join(name);
        if has(&source) {
            mounts.push(Mount {
                place: name.into(),
                kind: Kind::Null(source),
                read_only: true,
                no_suid: false,
                no_exec: false,
                no_devices: true,
            });
        }
    }
    mounts.push(own("dev", Kind::Tmpfs(1 << 20, 0o755)));
    mounts.push(own("dev/pts", Kind::Ptyfs));
    mounts.push(Mount { no_exec: false, no_devices: true, ..own("tmp", Kind::Tmpfs(256 << 20, 0o1777)) });
    mounts
}

/// Every place where a root may have a mount, the last made first.
pub fn places() -> impl Iterator<Item = PathBuf> {
    mounts(Some(Path::new("/")), |_| true).into_iter().rev().map(|mount| mount.place)
}

/// The directory of the base that `root` lies in, or that lies in `root`: mounted there it would hold itself. Both paths go
/// through no symlink.
pub fn overlap(base: &Path, root: &Path) -> Option<PathBuf> {
    PROGRAMS.into_iter().map(|name| base.join(name)).find(|source| root.starts_with(source) || source.starts_with(root))
}
