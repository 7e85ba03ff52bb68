//! A run of many actions: one that fails ends its jail's part and those of jails that need it; the others go on.

use std::collections::BTreeMap;

use super::{Done, PerformError, View, perform};
use crate::kernel::JailName;
use crate::plan::{Action, Observe, Place, Step};

/// What became of one action.
#[derive(Debug)]
pub enum Outcome {
    Done(Done),
    Failed(PerformError),
    /// Why it was not tried.
    Skipped(String),
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub done: usize,
    pub failed: usize,
    pub skipped: usize,
}

/// Why nothing more is done to a jail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub why: String,
    pub place: Option<Place>,
}

/// What went on so far.
#[derive(Debug, Default)]
pub struct Journal {
    tally: Tally,
    /// Jails of which an action failed, and what: nothing more is done to them.
    failed: BTreeMap<JailName, Failed>,
}

impl Journal {
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The first failure of each jail that has one.
    pub fn failures(&self) -> impl Iterator<Item = (&JailName, &Failed)> {
        self.failed.iter()
    }

    pub fn has_failed(&self, jail: &JailName) -> bool {
        self.failed.contains_key(jail)
    }

    /// Something about this jail went wrong before there was an action.
    pub fn fail(&mut self, jail: &JailName, why: impl Into<String>, place: Option<Place>) {
        self.tally.failed += 1;
        self.failed.entry(jail.clone()).or_insert_with(|| Failed { why: why.into(), place });
    }

    /// Nothing is decided for a jail that failed.
    pub fn skip(&mut self) {
        self.tally.skipped += 1;
    }

    /// Does the action, unless something before it failed.
    pub fn act(&mut self, view: &View, action: &Action) -> Outcome {
        if let Some(why) = self.obstacle(view, action) {
            self.skip();
            return Outcome::Skipped(why);
        }
        match perform(view, action) {
            Ok(done) => {
                self.tally.done += 1;
                Outcome::Done(done)
            }
            Err(error) => {
                self.fail(&action.jail, error.to_string(), action.place.clone());
                Outcome::Failed(error)
            }
        }
    }

    fn obstacle(&self, view: &View, action: &Action) -> Option<String> {
        if self.failed.contains_key(&action.jail) {
            return Some(format!("an action before it failed for jail {}", action.jail));
        }
        if self.failed.is_empty() || !matches!(action.step, Step::Start | Step::Restart { .. }) {
            return None;
        }
        let spec = view.jail(&action.jail).ok().flatten().and_then(|seen| seen.spec.ok())?;
        let need = spec.depends_on.iter().find(|need| self.failed.contains_key(need))?;
        Some(format!("it needs jail {need}, for which an action failed"))
    }
}
