//! What a jail's root is made of, as a list. Pure.

use std::path::{Path, PathBuf};

use super::seed::DIRECTORIES;

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
    /// Below the root, at most two steps; empty for the root itself.
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

/// Where the nodes of devices go.
pub const DEV: &str = "dev";

/// Nodes of /dev that the module lets a member open; made as the host has them, for their numbers differ by port.
pub const DEVICES: [&str; 11] = ["null", "zero", "full", "tty", "random", "urandom", "ptm", "ptmx", "stdin", "stdout", "stderr"];

/// A file system of the jail's own.
fn own(place: &str, kind: Kind) -> Mount {
    Mount { place: place.into(), kind, read_only: false, no_suid: true, no_exec: true, no_devices: false }
}

/// A directory of the host's.
fn null(name: &str, source: PathBuf, read_only: bool) -> Mount {
    Mount { place: name.into(), kind: Kind::Null(source), read_only, no_suid: false, no_exec: false, no_devices: true }
}

/// The mounts of a root, in the order in which they are made; taken away in the other one. The first is the root itself, which
/// holds mount points alone. `programs` is the tree that they are from, `read_only` unless they are the jail's own, `data` what the
/// jail may write. `has`: is there such a directory?
pub fn mounts(programs: &Path, read_only: bool, data: &Path, has: impl Fn(&Path) -> bool) -> Vec<Mount> {
    let from = |tree: &Path, name: &str| Some(tree.join(name)).filter(|source| has(source));
    let mut mounts = vec![Mount { no_devices: true, ..own("", Kind::Tmpfs(1 << 20, 0o755)) }];
    mounts.extend(PROGRAMS.into_iter().filter_map(|name| Some(null(name, from(programs, name)?, read_only))));
    mounts.extend(DIRECTORIES.into_iter().filter_map(|(name, _)| Some(null(name, from(data, name)?, false))));
    mounts.push(own(DEV, Kind::Tmpfs(1 << 20, 0o755)));
    mounts.push(own("dev/pts", Kind::Ptyfs));
    mounts
}

/// The directory of the base that `root` lies in, or that lies in `root`: mounted there it would hold itself. Both paths go
/// through no symlink.
pub fn overlap(base: &Path, root: &Path) -> Option<PathBuf> {
    PROGRAMS.into_iter().map(|name| base.join(name)).find(|source| root.starts_with(source) || source.starts_with(root))
}
