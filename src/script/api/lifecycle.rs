//! create, start, stop, restart, supervise, destroy.

use std::rc::Rc;

use rhai::{Engine, Map, NativeCallContext};

use super::change::{Change, submit};
use super::handle::Handle;
use super::{thrown, verb, verb_with};
use crate::jail;
use crate::kernel::JailName;
use crate::plan::decide;
use crate::script::convert::Options;
use crate::script::{Fault, Kind, Session, interrupt};
use crate::supervise;

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    engine.register_fn("create", |context: NativeCallContext, jail: Handle| {
        jail.session.at(&context);
        thrown(&context, "create", Some(&jail.name), create(&jail))
    });
    let free = session.clone();
    engine.register_fn("create", move |context: NativeCallContext, name: &str, spec: Map| {
        free.at(&context);
        let made = Handle::new(&free, name, Some(&spec)).and_then(|jail| create(&jail));
        thrown(&context, "create", name.parse().ok().as_ref(), made)
    });
    verb(engine, session, "start", start);
    verb(engine, session, "stop", stop);
    verb(engine, session, "restart", restart);
    verb(engine, session, "destroy", destroy);
    verb(engine, session, "supervise", |session, name| supervise_with(session, name, &Map::new()));
    verb_with(engine, session, "supervise", |session, name, options: Map| supervise_with(session, name, &options));
}

fn create(jail: &Handle) -> Result<Change, Fault> {
    let name = &jail.name;
    let no_spec =
        || Fault::new(Kind::Spec, format!("jail {name} has no spec in this script; write jail({:?}, #{{ ... }})", name.as_str()));
    let spec = jail.spec.as_ref().ok_or_else(no_spec)?;
    submit(&jail.session, name, "unchanged", |seen| decide::create(seen, name, spec))
}

fn start(session: &Session, name: &JailName) -> Result<Change, Fault> {
    submit(session, name, "already running", |seen| decide::start(seen, name))
}

fn stop(session: &Session, name: &JailName) -> Result<Change, Fault> {
    submit(session, name, "was down", |seen| decide::stop(seen, name))
}

fn restart(session: &Session, name: &JailName) -> Result<Change, Fault> {
    submit(session, name, "unchanged", |seen| decide::restart(seen, name))
}

fn destroy(session: &Session, name: &JailName) -> Result<Change, Fault> {
    submit(session, name, "unchanged", |seen| decide::destroy(seen, name))
}

/// The foreground form of `start`. A jail that this call brought up is taken down again.
fn supervise_with(session: &Session, name: &JailName, options: &Map) -> Result<(), Fault> {
    let options = Options::new("supervise", options, &["restart"])?;
    let policy = options
        .text("restart")?
        .map(|policy| policy.parse().map_err(|()| options.wrong("restart", "\"always\", \"on-failure\" or \"never\"")));
    let policy = policy.transpose()?;
    let host = session.act_now("supervise", Some(name))?;
    let unreadable = |why| Fault::new(Kind::Spec, format!("jail {name}: {why}"));
    let mut spec = jail::observe(host, name)?.spec.map_err(unreadable)?;
    if let Some(policy) = policy {
        spec.restart = policy;
        spec.services.iter_mut().for_each(|service| service.restart = None);
    }
    let running = jail::bring_up(host, name)?;
    let alarm = session.deadline.alarm();
    let ended = supervise::supervise(host, name, running.jid, &spec, true);
    drop(alarm);
    // The supervisor had the signals to itself.
    interrupt::install();
    if running.brought_up {
        supervise::stop(host, name)?;
    }
    Ok(ended?)
}
