//! Runs in which each jail fails for itself: on the host, and over a recording.

use std::cell::RefMut;

use super::{Event, Fate, Session, Watch};
use crate::kernel::JailName;
use crate::perform::{Done, Journal, Outcome};
use crate::plan::{Action, DecideError, Observe};
use crate::script::{Fault, Kind};
use crate::simulate::tape::{Became, Recorder, Replay, Tape};

impl Session {
    pub(super) fn run(
        &self,
        watch: &Watch,
        jail: &JailName,
        decide: impl FnOnce(&dyn Observe) -> Result<Vec<Action>, DecideError>,
    ) -> Result<Vec<(Action, Fate)>, Fault> {
        let mut journal = self.unfailed(jail)?;
        let view = self.view()?;
        let recorder = self.tape.get().map(|tape| Recorder { below: &view, tape });
        let actions = decide(recorder.as_ref().map_or(&view as &dyn Observe, |recorder| recorder)).map_err(|error| {
            let fault = Fault::from(error);
            let (why, place) = (fault.to_string(), self.place.borrow().clone());
            watch(&Event::Undecided { jail, why: &why, place: place.as_ref() });
            journal.fail(jail, why, place);
            fault
        })?;
        let mut fates = Vec::new();
        for action in actions {
            watch(&Event::Begins(&action));
            let fate = match journal.act(&view, &action) {
                Outcome::Done(done) => Fate::Done(done),
                Outcome::Failed(error) => Fate::Failed(error.to_string()),
                Outcome::Skipped(why) => Fate::Skipped(why),
            };
            watch(&Event::Ended(&action, &fate));
            if let Some(tape) = self.tape.get() {
                record(tape, &action, &fate);
            }
            fates.push((action, fate));
        }
        Ok(fates)
    }

    /// The journal, unless the jail has failed: then the verb is skipped.
    fn unfailed(&self, jail: &JailName) -> Result<RefMut<'_, Journal>, Fault> {
        let mut journal = self.journal.borrow_mut();
        if !journal.has_failed(jail) {
            return Ok(journal);
        }
        journal.skip();
        Err(Fault::new(Kind::Skipped, format!("an action before it failed for jail {jail}")))
    }

    /// The same as [`Self::run`] over a recording.
    pub(super) fn rerun(
        &self,
        replay: &Replay,
        jail: &JailName,
        decide: impl FnOnce(&dyn Observe) -> Result<Vec<Action>, DecideError>,
    ) -> Result<Vec<(Action, Fate)>, Fault> {
        let mut journal = self.unfailed(jail)?;
        let actions = decide(replay).map_err(|error| {
            let fault = Fault::from(error);
            journal.fail(jail, fault.to_string(), self.place.borrow().clone());
            fault
        })?;
        let mut fates = Vec::new();
        for action in actions {
            let fate = match replay.perform(&action)? {
                Became::Done(done) => Fate::Done(done),
                Became::Skipped(why) => Fate::Skipped(why),
                Became::Failed(why) => {
                    journal.fail(jail, why.clone(), action.place.clone());
                    Fate::Failed(why)
                }
            };
            fates.push((action, fate));
        }
        Ok(fates)
    }
}

/// What became of an action, in a recording.
fn record(tape: &Tape, action: &Action, fate: &Fate) {
    match fate {
        Fate::Done(Done::Ran(output)) => tape.deed(action, Some(output), None, None),
        Fate::Done(_) | Fate::Planned => tape.deed(action, None, None, None),
        Fate::Failed(why) => tape.deed(action, None, Some(why), None),
        Fate::Skipped(why) => tape.deed(action, None, None, Some(why)),
    }
}
