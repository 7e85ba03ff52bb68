//! disk_use, archives, delete_archive: what jails take, and what was kept of them.

use std::path::Path;
use std::rc::Rc;

use rhai::{Engine, NativeCallContext};

use super::observe::{Listing, Record};
use super::{global, thrown, verb};
use crate::jail;
use crate::script::{Fault, Session};
use crate::telemetry;

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    global(engine, session, "disk_use", |session| {
        let host = session.look_on_disk("disk_use", None)?;
        let jails = jail::observe_all(host)?;
        let used = jails.iter().map(|seen| jail::disk_use(host, &seen.name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Listing(telemetry::disk(&used)))
    });
    verb(engine, session, "disk_use", |session, name| {
        Ok(Record(telemetry::disk(&[jail::disk_use(session.look_on_disk("disk_use", Some(name))?, name)?])))
    });
    let looking = session.clone();
    engine.register_fn("archives", move |context: NativeCallContext, directory: &str| {
        let listed = looking.look_on_disk("archives", None).and_then(|_| Ok(jail::archives(Path::new(directory))?));
        thrown(&context, "archives", None, listed.map(|found| Listing(telemetry::archives(&found))))
    });
    let acting = session.clone();
    engine.register_fn("delete_archive", move |context: NativeCallContext, file: &str| {
        let deleted = acting.act_now("delete_archive", None).map(drop);
        let deleted = deleted.and_then(|()| jail::delete_archive(Path::new(file)).map_err(Fault::from));
        thrown(&context, "delete_archive", None, deleted)
    });
}
