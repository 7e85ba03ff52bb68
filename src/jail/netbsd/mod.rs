//! A jail on NetBSD: its root of null mounts, tmpfs and ptyfs, and the way in by chroot(2) and the module. There is no data
//! directory: a root is where the administrator made it, and holds what the jail may write.

mod command;
mod enter;
mod error;
mod mounts;
mod root;

#[path = "../enter/account.rs"]
pub mod account;
pub mod args;
#[path = "../enter/environment.rs"]
pub mod environment;
#[path = "../spec/log.rs"]
mod log;
pub mod plan;
mod relay;
#[path = "../terminal.rs"]
pub mod terminal;
pub mod walk;

pub use command::Command;
pub use enter::{enter, start, term};
pub use error::JailError;
pub use relay::{has_terminal, run};
pub use root::{compose, take_down};

/// As where there are specs.
pub mod spec {
    pub use super::log::{Facility, LogLevel};
}
