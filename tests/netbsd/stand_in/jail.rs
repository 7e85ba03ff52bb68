//! Stands in for `src/jail/netbsd`, whose calls are NetBSD's: its types, and words for what it would do.

use std::convert::Infallible;
use std::path::Path;

use crate::kernel::Gate;
use crate::told::tell;
use crate::walk;

#[path = "../../../src/jail/netbsd/command.rs"]
mod command;
#[allow(dead_code)]
#[path = "../../../src/jail/netbsd/error.rs"]
mod error;
#[allow(dead_code)]
#[path = "../../../src/jail/spec/log.rs"]
mod log;

pub use command::Command;
pub use error::JailError;

pub mod spec {
    pub use super::log::{Facility, LogLevel};
}

pub fn compose(root: &Path, base: Option<&Path>) -> Result<(), JailError> {
    tell(format!("compose {} of {}", root.display(), base.map_or("nothing".into(), |base| base.display().to_string())));
    Ok(())
}

pub fn take_down(root: &Path) -> Result<(), JailError> {
    tell(format!("take down {}", root.display()));
    Ok(())
}

pub fn term() -> Option<String> {
    Some("vt220".into())
}

/// Tests have none.
pub fn has_terminal() -> bool {
    false
}

pub fn run(command: &Command, gate: &dyn Gate) -> Result<i32, JailError> {
    match enter(command, gate)? {}
}

/// No program of a jail is there.
pub fn enter(command: &Command, _gate: &dyn Gate) -> Result<Infallible, JailError> {
    let (user, workdir) = (command.user.as_deref().unwrap_or("root"), command.workdir.as_deref().unwrap_or("~"));
    let term = command.term.as_deref().unwrap_or("no terminal");
    let env: Vec<String> = command.env.iter().map(|(key, value)| format!("{key}={value}")).collect();
    tell(format!("enter {} as {user} in {workdir} on {term} with {env:?}: {:?}", command.root.display(), command.argv));
    Err(JailError::NotFound { program: command.argv.concat() })
}
