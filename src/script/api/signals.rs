//! kill, freeze, thaw, update: what is done to a jail that is up, as a whole.

use std::rc::Rc;

use rhai::{Engine, Map};

use super::change::Change;
use super::{verb, verb_with};
use crate::jail::{self, Wanted};
use crate::kernel::{JailName, Signal};
use crate::script::convert::{self, Options};
use crate::script::{Fault, Kind, Session};

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    verb(engine, session, "kill", |session, name| signal(session, name, Signal::TERM));
    verb_with(engine, session, "kill", |session, name, signal: String| kill(session, name, &signal));
    verb(engine, session, "freeze", |session, name| {
        Ok(session.act_now("freeze", Some(name))?.kernel.freeze(session.running(name)?.jid)?)
    });
    verb(engine, session, "thaw", |session, name| {
        Ok(session.act_now("thaw", Some(name))?.kernel.thaw(session.running(name)?.jid)?)
    });
    verb_with(engine, session, "update", update);
}

fn kill(session: &Session, name: &JailName, text: &str) -> Result<i64, Fault> {
    let known = text.parse().map_err(|why| Fault::new(Kind::Value, format!("kill: {why}")))?;
    signal(session, name, known)
}

/// How many processes it reached.
fn signal(session: &Session, name: &JailName, signal: Signal) -> Result<i64, Fault> {
    let reached = match session.trial() {
        Some(trial) => trial.host()?.signal(name, signal.number())?,
        None => session.act_now("kill", Some(name))?.kernel.signal_all(session.running(name)?.jid, signal.number())?,
    };
    Ok(i64::try_from(reached).unwrap_or(i64::MAX))
}

/// A new policy for a live jail; its spec stays as it is.
fn update(session: &Session, name: &JailName, wanted: Map) -> Result<Change, Fault> {
    let options = Options::new("update", &wanted, &["profile", "ports", "connect", "audit", "enforce", "limits"])?;
    let [audit, enforce] = [options.texts("audit")?, options.texts("enforce")?].map(Option::unwrap_or_default);
    let tree = convert::tree_of_map(&wanted)?;
    let wanted = Wanted::from_tree(&tree["profile"], &tree["ports"], &tree["connect"])?
        .switching(&audit, &enforce)?
        .limiting(&tree["limits"])?;
    let diff = jail::update(session.act_now("update", Some(name))?, &session.running(name)?, &wanted)?.lines();
    Ok(Change::told(diff))
}
