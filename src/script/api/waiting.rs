//! wait and logs: what a service is about to do, and what it said.

use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, Engine, Map};
use serde::{Serialize, Serializer};

use super::{verb, verb_with, verb_with_options};
use crate::jail;
use crate::kernel::JailName;
use crate::script::convert::{self, Options};
use crate::script::{Fault, Kind, Session, interrupt};
use crate::supervise::{self, Record};
use crate::telemetry::{self, Awaited, Format, Lines, Waited};

/// The last lines of a service and its supervisor. Prints as jailctl prints them; its lines are maps.
#[derive(Debug, Clone, PartialEq)]
pub struct Log(pub(super) Vec<Record>);

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Lines::new(Format::Text, false).render(&self.0).trim_end_matches('\n'))
    }
}

impl Serialize for Log {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lines = Lines::new(Format::Json, false);
        serializer.collect_seq(self.0.iter().map(|record| lines.line(record)))
    }
}

impl IntoIterator for Log {
    type Item = Dynamic;
    type IntoIter = std::vec::IntoIter<Dynamic>;

    fn into_iter(self) -> Self::IntoIter {
        convert::view(&self).into_array().unwrap_or_default().into_iter()
    }
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Log>(engine, "Log");
    engine
        .register_iterator::<Log>()
        .register_fn("len", |log: &mut Log| log.0.len() as i64)
        .register_get("len", |log: &mut Log| log.0.len() as i64)
        .register_fn("to_array", |log: &mut Log| convert::view(log));
    verb_with(engine, session, "wait", |session, name, state: String| wait(session, name, state, &Map::new()));
    verb_with_options(engine, session, "wait", wait);
    verb(engine, session, "logs", |session, name| logs(session, name, i64::MAX));
    verb_with(engine, session, "logs", logs);
}

/// The state it is in then.
fn wait(session: &Session, name: &JailName, state: String, options: &Map) -> Result<String, Fault> {
    let limit = Options::new("wait", options, &["timeout"])?.duration("timeout")?;
    let awaited: Awaited = state.as_str().parse().map_err(|why| Fault::new(Kind::Value, format!("wait: {why}")))?;
    if session.is_planning() {
        // Nothing happens in a plan that one could wait for: it goes on as if it had.
        return Ok(state);
    }
    if let Some(trial) = session.trial() {
        return told(name, awaited, trial.host()?.wait(name, awaited, limit)?);
    }
    let waited = telemetry::wait(session.act_now("wait", Some(name))?, name, awaited, limit, interrupt::pending)?;
    told(name, awaited, waited)
}

fn told(name: &JailName, awaited: Awaited, waited: Waited) -> Result<String, Fault> {
    match waited {
        Waited::Met(state) => Ok(state),
        Waited::Failed(why) => Err(Fault::new(Kind::Status, format!("jail {name} has failed: {why}; see logs({name:?})"))),
        Waited::Still(state) => Err(Fault::new(Kind::TimedOut, format!("jail {name} is still {state}, not {}", awaited.name()))),
    }
}

fn logs(session: &Session, name: &JailName, count: i64) -> Result<Log, Fault> {
    let count = usize::try_from(count).map_err(|_| Fault::new(Kind::Value, format!("logs: {count} is no number of lines")))?;
    let records = match session.trial() {
        Some(trial) => trial.host()?.log(name)?,
        None => {
            let host = session.look(Some(name))?;
            jail::observe(host, name)?;
            supervise::log(host, name).and_then(|mut log| log.read())
        }
    };
    let mut records = records.ok_or_else(|| {
        let why = format!("jail {name} has no log; it is kept from the start of its service until the jail is taken down");
        Fault::new(Kind::NotRunning, why)
    })?;
    Ok(Log(records.split_off(records.len() - count.min(records.len()))))
}
