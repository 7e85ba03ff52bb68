//! Linux.

pub mod capability;
pub mod changes;
pub mod executable;
pub mod feats;
pub mod files;
pub mod handle;
pub mod memory;
pub mod pidfd;
pub mod processes;
pub mod reset;
pub mod signals;
pub mod sockets;

/// What to do instead where `jailmgr bootstrap` has no files for boot to write.
pub const BOOT: Option<&str> = None;
/// Where programs are looked for.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where the system's log listens.
pub const SYSLOG: &str = "/dev/log";
/// Where the state of running jails is kept; gone after a boot.
pub const RUN_DIR: &str = "/run/jailsh";
