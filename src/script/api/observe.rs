//! stats, status, list, denials, processes, prometheus, kernel: looking without touching.

use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, Engine, Map};
use serde::{Serialize, Serializer};

use super::{Thrown, global, verb};
use crate::kernel::{Description, JailName};
use crate::script::{Fault, Kind, Session, convert};
use crate::telemetry::processes::Tree;
use crate::telemetry::{self, Format, Table};

/// A listing. Prints as jailctl prints it; its rows are records.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Listing(pub(super) Table);

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl IntoIterator for Listing {
    type Item = Record;
    type IntoIter = std::vec::IntoIter<Record>;

    fn into_iter(self) -> Self::IntoIter {
        (0..self.0.len()).filter_map(|at| self.0.row(at).map(Record)).collect::<Vec<_>>().into_iter()
    }
}

/// One row of a listing. Prints as the listing, its columns are its properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Record(pub(super) Table);

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = serde_json::to_value(&self.0).map_err(serde::ser::Error::custom)?;
        rows.get(0).unwrap_or(&serde_json::Value::Null).serialize(serializer)
    }
}

/// What the kernel body holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Body(pub(super) Description);

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "body {}, ABI {}, kernel {}", self.0.body, self.0.abi, self.0.kernel)?;
        self.0.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))?;
        f.write_str(telemetry::rights(&self.0, None, None).render(Format::Text, false).trim_end())
    }
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Listing>(engine, "Listing");
    convert::register::<Record>(engine, "Record");
    convert::register::<Body>(engine, "Kernel");
    convert::register::<Tree>(engine, "Processes");
    engine
        .register_iterator::<Listing>()
        .register_fn("len", |listing: &mut Listing| listing.0.len() as i64)
        .register_get("len", |listing: &mut Listing| listing.0.len() as i64)
        .register_indexer_get(|listing: &mut Listing, at: i64| -> Thrown<Record> {
            let row = usize::try_from(at).ok().and_then(|at| listing.0.row(at));
            let row =
                row.ok_or_else(|| Fault::new(Kind::Value, format!("the listing has {} rows, no row {at}", listing.0.len())))?;
            Ok(Record(row))
        })
        .register_fn("to_array", |listing: &mut Listing| convert::view(listing))
        .register_fn("to_array", |tree: &mut Tree| convert::view(tree))
        .register_fn("len", |tree: &mut Tree| tree.processes().count() as i64);
    verb(engine, session, "stats", stats_of);
    verb(engine, session, "status", status_of);
    verb(engine, session, "denials", denials);
    verb(engine, session, "processes", |session, name| tree(session, Some(name)));
    global(engine, session, "stats", |session| stats(session).map(Listing));
    global(engine, session, "list", |session| list(session).map(Listing));
    global(engine, session, "processes", |session| tree(session, None));
    global(engine, session, "prometheus", prometheus);
    global(engine, session, "kernel", |session| Ok(Body(session.host()?.kernel.describe())));
}

fn stats(session: &Session) -> Result<Table, Fault> {
    let host = session.look(None)?;
    Ok(telemetry::stats(&host.kernel.stats(None)?, telemetry::uptimes(host)))
}

fn stats_of(session: &Session, name: &JailName) -> Result<Dynamic, Fault> {
    let jail = session.running(name)?;
    let host = session.host()?;
    Ok(Dynamic::from(Record(telemetry::stats(&host.kernel.stats(Some(jail.jid))?, telemetry::uptimes(host)))))
}

fn prometheus(session: &Session) -> Result<String, Fault> {
    let host = session.look(None)?;
    let build = telemetry::Build { version: env!("CARGO_PKG_VERSION"), body: host.kernel.body() };
    Ok(telemetry::exposition(&telemetry::measure(host, None)?, &build))
}

fn list(session: &Session) -> Result<Table, Fault> {
    Ok(telemetry::manager(&session.observations()?))
}

fn status_of(session: &Session, name: &JailName) -> Result<Dynamic, Fault> {
    let seen = session.observation(name)?;
    Ok(Dynamic::from(Record(telemetry::status(&[seen], session.now()))))
}

/// Denials since the jail was brought up, by right.
fn denials(session: &Session, name: &JailName) -> Result<Map, Fault> {
    let jail = session.running(name)?;
    let stats = session.host()?.kernel.stats(Some(jail.jid))?;
    let counts = stats.iter().filter_map(|jail| jail.denials.as_ref()).flatten();
    Ok(counts.map(|(right, count)| (right.name().into(), i64::try_from(*count).unwrap_or(i64::MAX).into())).collect())
}

/// The members of one jail or of all, below their supervisors.
fn tree(session: &Session, name: Option<&JailName>) -> Result<Tree, Fault> {
    let host = session.look(name)?;
    let jails = match name {
        Some(name) => vec![session.running(name)?],
        None => host.kernel.list()?,
    };
    if let Some(trial) = session.trial() {
        return Ok(trial.host()?.processes(&jails.into_iter().map(|jail| jail.name).collect::<Vec<_>>()));
    }
    Ok(Tree::of_jails(host, &jails)?)
}
