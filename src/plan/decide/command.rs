//! Commands, which change what no plan can foresee. A guard says when one need not run.

use super::{DecideError, action, known};
use crate::kernel::JailName;
use crate::plan::action::{Command, Step};
use crate::plan::{Action, Entry, JailPath, Observe, shown};

/// When a command need not run. All that are given must agree that it must.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Something is at this path.
    pub creates: Option<JailPath>,
    /// This command ends with status 0.
    pub unless: Option<Command>,
    /// This command ends with another status than 0.
    pub only_if: Option<Command>,
}

impl Guard {
    pub fn is_none(&self) -> bool {
        *self == Guard::default()
    }

    /// `Some`: the command must run, and why as far as it is known.
    fn demands(&self, seen: &dyn Observe, jail: &JailName) -> Result<Option<Vec<String>>, DecideError> {
        let mut why = Vec::new();
        if let Some(path) = &self.creates {
            if seen.entry(jail, path)? != Entry::Absent {
                return Ok(None);
            }
            why.push(format!("{path} is not there"));
        }
        for (command, runs_on_success) in [(&self.unless, false), (&self.only_if, true)] {
            let Some(command) = command else { continue };
            match seen.probe(jail, command)? {
                Some(status) if (status == 0) != runs_on_success => return Ok(None),
                Some(status) => why.push(format!("{} ended with status {status}", shown(&command.argv))),
                None => why.push(format!("unless {} says otherwise then", shown(&command.argv))),
            }
        }
        Ok(Some(why))
    }
}

/// A command is to run, unless its guard says that it has.
pub fn run(seen: &dyn Observe, jail: &JailName, command: &Command, guard: &Guard) -> Result<Vec<Action>, DecideError> {
    let found = known(seen, jail)?;
    if !found.is_up() && !command.ephemeral {
        return Err(DecideError::NotRunning(jail.clone()));
    }
    let Some(detail) = guard.demands(seen, jail)? else { return Ok(Vec::new()) };
    Ok(vec![Action { detail, ..action(jail, Step::Run { command: command.clone() }) }])
}

/// The same for shell text; a jail that is down is brought up for it.
pub fn apply(seen: &dyn Observe, jail: &JailName, step: &Step, guard: &Guard) -> Result<Vec<Action>, DecideError> {
    known(seen, jail)?;
    let Some(mut detail) = guard.demands(seen, jail)? else { return Ok(Vec::new()) };
    if let Step::Apply { text, .. } = step {
        detail.extend(text.trim().lines().map(|line| format!("  {}", line.trim_end())));
    }
    Ok(vec![Action { detail, ..action(jail, step.clone()) }])
}
