//! Desired and observed in, actions out. Nothing is changed here; where nothing differs, there is no action.

mod account;
mod command;
mod copy;
mod file;
mod jail;
mod package;
mod unpack;

use super::action::Step;
use super::observed::ObserveError;
use super::path::PathError;
use super::{Action, JailPath, Observe};
use crate::jail::JailError;
use crate::kernel::JailName;

pub use account::{accounts_of, granted, group, user};
pub use command::{Guard, apply, run};
pub use copy::{CopyWanted, Item, copy};
pub use file::{FileWanted, absent, directory, file, line, link};
pub use jail::{create, destroy, restart, start, stop};
pub use package::{PackagesWanted, packages};
pub use unpack::{UnpackWanted, unpack};

/// Why something cannot be done as asked.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("no jail named {name}{}", hint.as_ref().map(|h| format!("; did you mean {h}?")).unwrap_or_else(|| "; create it first".into()))]
    NoSuchJail { name: JailName, hint: Option<JailName> },
    #[error("jail {0} has no command to supervise; set `command`, or name one")]
    NoCommand(JailName),
    #[error("jail {0} is not running; start it first")]
    NotRunning(JailName),
    #[error("jail {0} is running; stop it first")]
    Running(JailName),
    #[error("jail {jail}: {path} is {is}, not {wanted}; remove it first, or name another path")]
    Occupied { jail: JailName, path: JailPath, is: &'static str, wanted: &'static str },
    #[error("jail {jail}: {what}; {remedy}")]
    Unfit { jail: JailName, what: String, remedy: String },
}

impl From<JailError> for DecideError {
    fn from(error: JailError) -> DecideError {
        DecideError::Observe(error.into())
    }
}

fn action(jail: &JailName, step: Step) -> Action {
    Action { jail: jail.clone(), step, new: false, detail: Vec::new(), place: None }
}

fn no_such_jail(seen: &dyn Observe, name: &JailName) -> DecideError {
    // Without a list there is no hint; the error is the same.
    let known = seen.jails().unwrap_or_default();
    let hint = crate::jail::spec::nearest(name.as_str(), known.iter().map(JailName::as_str)).and_then(|near| near.parse().ok());
    DecideError::NoSuchJail { name: name.clone(), hint }
}

/// The jail as it is, which must be there.
fn known(seen: &dyn Observe, name: &JailName) -> Result<super::JailSeen, DecideError> {
    seen.jail(name)?.ok_or_else(|| no_such_jail(seen, name))
}

#[cfg(test)]
mod tests;
