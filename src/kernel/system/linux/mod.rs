//! Linux.

pub mod capability;
pub mod executable;
pub mod files;
pub mod handle;
pub mod memory;
pub mod pidfd;
pub mod processes;
pub mod reset;
pub mod signals;
pub mod sockets;

/// For people.
pub const SYSTEM: &str = "Linux";
/// Where the state of running jails is kept; gone after a boot.
pub const RUN_DIR: &str = "/run/jailsh";
