//! What a verb that changes something says: whether it did, what it changed, and in a plan what it would.

use std::fmt;

use rhai::Engine;
use serde::Serialize;

use crate::kernel::JailName;
use crate::perform::Done;
use crate::plan::{Action, DecideError, Observe, Step};
use crate::script::session::Fate;
use crate::script::{Fault, Kind, Session, convert};

/// Prints as what was done; its fields tell a script more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// In a word or two: `created`, `unchanged`, `would start`, `failed`, `skipped`.
    pub change: String,
    /// Something was done, or would be.
    pub changed: bool,
    pub failed: bool,
    /// Why it failed, or was skipped.
    pub error: Option<String>,
    /// One line per changed key or line of a file.
    pub diff: Vec<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.change)?;
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        } else if self.change.ends_with("changed") && self.changed {
            write!(f, ": {}", self.diff.join("; "))?;
        }
        Ok(())
    }
}

pub fn register(engine: &mut Engine) {
    convert::register::<Change>(engine, "Change");
    engine
        .register_fn("==", |change: &mut Change, word: &str| change.change == word)
        .register_fn("!=", |change: &mut Change, word: &str| change.change != word);
}

impl Change {
    /// Nothing had to be done; `word` says so.
    fn none(word: &str) -> Change {
        Change { change: word.into(), ..Change::default() }
    }

    /// What changed, a line a key.
    pub fn told(diff: Vec<String>) -> Change {
        match diff.is_empty() {
            true => Change::none("unchanged"),
            false => Change { change: "changed".into(), changed: true, diff, ..Change::default() },
        }
    }

    fn of(fates: Vec<(Action, Fate)>, nothing: &str) -> Change {
        let Some((last, fate)) = fates.last() else { return Change::none(nothing) };
        let obstacle = fates.iter().find_map(|(_, fate)| match fate {
            Fate::Failed(why) => Some(("failed", why)),
            Fate::Skipped(why) => Some(("skipped", why)),
            _ => None,
        });
        let change = match (obstacle, fate) {
            (Some((word, _)), _) => word.to_owned(),
            (None, Fate::Planned) => format!("would {}", last.step.words().infinitive),
            (None, Fate::Done(done)) => participle(&last.step, done).to_owned(),
            (None, _) => nothing.to_owned(),
        };
        Change {
            change,
            changed: obstacle.is_none(),
            failed: obstacle.is_some(),
            error: obstacle.map(|(_, why)| why.clone()),
            diff: fates.into_iter().flat_map(|(action, _)| action.detail).collect(),
        }
    }
}

/// Decides, and does or writes down. In a run a failure is a value, so that the script goes on with other jails.
pub fn submit(
    session: &Session,
    jail: &JailName,
    nothing: &str,
    decide: impl FnOnce(&dyn Observe) -> Result<Vec<Action>, DecideError>,
) -> Result<Change, Fault> {
    match session.submit(jail, decide) {
        Ok(fates) => Ok(Change::of(fates, nothing)),
        Err(fault) if session.is_isolating() => {
            let change = if fault.kind == Kind::Skipped { "skipped" } else { "failed" };
            Ok(Change { change: change.into(), failed: true, error: Some(fault.to_string()), ..Change::default() })
        }
        Err(fault) => Err(fault),
    }
}

fn participle(step: &Step, done: &Done) -> &'static str {
    match (step, done) {
        (_, Done::Created) => "created",
        (_, Done::Changed) => "changed",
        (_, Done::Recovered) => "started, after cleaning up",
        (_, Done::AlreadyRunning) => "already running",
        (_, Done::WasDown) => "was down",
        (_, Done::Started | Done::Stopped | Done::Destroyed | Done::Ran(_) | Done::Done) => step.words().participle,
    }
}
