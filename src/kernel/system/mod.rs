//! What a host's system has besides POSIX, under one name on each: opening strictly below a directory, renaming without
//! replacing, sealed memory, processes by descriptor, signals by descriptor, what a process takes over from its caller.
//!
//! Where a system has no such thing, the function says so by its error, or by doing less where its words allow that.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "netbsd")]
mod netbsd;
#[cfg(target_os = "linux")]
use linux as here;
#[cfg(target_os = "netbsd")]
use netbsd as here;

pub mod walk;

pub use here::capability::{drop_capabilities, set_group, set_user, set_user_with_low_ports};
pub use here::changes::{Changes, Place};
pub use here::executable::Executable;
pub use here::feats::{HAS_FEATS, new_tmpfs, try_feat};
pub use here::files::{
    TO_GO_THROUGH, begin_to_disk, device, exchange, give_name, is_path_only, is_sealed, loader, memory_file, mtime_nanos,
    nameless, next_data, next_hole, open_below, open_plain, rename_new, sealed, share_blocks, sync_file_system,
};
pub use here::handle::Handle;
pub use here::memory::{SINCE_BOOT, physical_memory};
pub use here::pidfd;
pub use here::processes::{
    adopt_orphans, adopts_orphans, ask_to_end_with_parent, children, close_range, dies_with, environment, fork_beside,
    go_on_untraced, is_zombie, last_signal, name_process, own_program, parents, split, threads,
};
pub use here::reset;
pub use here::signals::Signals;
pub use here::sockets::{hidden_address, peer, place_of};
pub use here::{BOOT, PATH, RUN_DIR, SYSLOG};

/// RFC 863; nothing is sent there.
pub const DISCARD: u16 = 9;

/// How far a path may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Through no symlink, never upwards.
    Beneath,
    /// The same, and into nothing that is mounted below (`EXDEV`).
    SameMount,
    /// As if the directory were the root: links lead inside it. Into nothing that is mounted below.
    InRoot,
    /// Never out of the directory (`EXDEV`), links included.
    Inside,
}

/// What happened in a directory that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An entry came or went, or was replaced; which one, where that is told.
    Entry(Place, Option<std::ffi::OsString>),
    /// The directory itself is gone.
    Gone(Place),
    /// More than could be told.
    Lost,
}
