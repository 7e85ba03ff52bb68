//! snapshot, rollback, clone, rename, export_to, import_from, gc: a jail's files as a whole.

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rhai::{Dynamic, Engine, Map, NativeCallContext};
use serde::Serialize;

use super::handle::Handle;
use super::observe::Listing;
use super::{global, thrown, verb, verb_with, verb_with_options};
use crate::jail::{self, CloneRequest, Compression, Digest, ExportRequest, ImportRequest, Label, Limits, Tally};
use crate::kernel::{JailName, Port, Reservation};
use crate::script::convert::{self, Options};
use crate::script::{Fault, Kind, Session};
use crate::telemetry::{self, Value};

/// What was copied, and under which name it is now: a snapshot's, a file's, a jail's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    pub name: String,
    pub files: u64,
    pub bytes: u64,
    /// Files that share their blocks with the original.
    pub shared_files: u64,
    /// Sockets and device nodes.
    pub left_out: u64,
    /// Of an archive that was read.
    pub sha256: Option<String>,
}

impl Copied {
    fn new(name: impl fmt::Display, tally: &Tally) -> Copied {
        Copied {
            name: name.to_string(),
            files: tally.entries,
            bytes: tally.bytes,
            shared_files: tally.shared_files,
            left_out: tally.left_out,
            sha256: None,
        }
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} files, {}", self.name, self.files, Value::Bytes(self.bytes))
    }
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Copied>(engine, "Copied");
    verb(engine, session, "snapshot", |session, name| snapshot(session, name, None, &Map::new()));
    verb_with(engine, session, "snapshot", |session, name, label: String| snapshot(session, name, Some(&label), &Map::new()));
    verb_with(engine, session, "snapshot", |session, name, options: Map| snapshot(session, name, None, &options));
    verb_with_options(engine, session, "snapshot", |session, name, label: String, options| {
        snapshot(session, name, Some(&label), options)
    });
    verb(engine, session, "snapshots", |session, name| {
        Ok(Listing(telemetry::snapshots(&jail::snapshots(session.look_on_disk("snapshots", Some(name))?, name)?)))
    });
    verb_with(engine, session, "rollback", |session, name, label: String| rollback(session, name, &label));
    verb_with(engine, session, "delete_snapshot", |session, name, label: String| {
        Ok(jail::delete_snapshot(session.act_now("delete_snapshot", Some(name))?, name, &named(&label)?)?)
    });
    verb_with(engine, session, "export_to", |session, name, file: String| export_to(session, name, file, &Map::new()));
    verb_with_options(engine, session, "export_to", export_to);
    siblings(engine, session);
    let free = session.clone();
    engine.register_fn("import_from", move |context: NativeCallContext, file: &str| {
        thrown(&context, "import_from", None, import_from(&free, file, &Map::new()))
    });
    let free = session.clone();
    engine.register_fn("import_from", move |context: NativeCallContext, file: &str, options: Map| {
        thrown(&context, "import_from", None, import_from(&free, file, &options))
    });
    global(engine, session, "gc", |session| gc(session, &Map::new()));
    let free = session.clone();
    engine.register_fn("gc", move |context: NativeCallContext, options: Map| thrown(&context, "gc", None, gc(&free, &options)));
    global(engine, session, "bases", |session| {
        Ok(Listing(telemetry::bases(&jail::base::list(&session.look_on_disk("bases", None)?.config)?)))
    });
}

/// Verbs that give another jail: `jail.verb("new")` and `verb("old", "new")`.
fn siblings(engine: &mut Engine, session: &Rc<Session>) {
    type Make = fn(&Rc<Session>, &JailName, &str, &Map) -> Result<Handle, Fault>;
    for (verb, make) in [("clone", clone as Make), ("rename", rename)] {
        engine.register_fn(verb, move |context: NativeCallContext, jail: Handle, to: &str| {
            thrown(&context, verb, Some(&jail.name), make(&jail.session, &jail.name, to, &Map::new()))
        });
        let free = session.clone();
        engine.register_fn(verb, move |context: NativeCallContext, jail: &str, to: &str| {
            let made = jail.parse().map_err(Fault::from).and_then(|jail| make(&free, &jail, to, &Map::new()));
            thrown(&context, verb, jail.parse().ok().as_ref(), made)
        });
    }
    engine.register_fn("clone", |context: NativeCallContext, jail: Handle, to: &str, options: Map| {
        thrown(&context, "clone", Some(&jail.name), clone(&jail.session, &jail.name, to, &options))
    });
    let free = session.clone();
    engine.register_fn("clone", move |context: NativeCallContext, jail: &str, to: &str, options: Map| {
        let made = jail.parse().map_err(Fault::from).and_then(|jail| clone(&free, &jail, to, &options));
        thrown(&context, "clone", jail.parse().ok().as_ref(), made)
    });
}

fn named(label: &str) -> Result<Label, Fault> {
    label.parse().map_err(|error| Fault::new(Kind::Name, format!("{error}")))
}

fn label(options: &Options<'_>, key: &str) -> Result<Option<Label>, Fault> {
    options.text(key)?.map(|label| named(&label)).transpose()
}

/// Without a label it is called by the time.
fn snapshot(session: &Session, name: &JailName, label: Option<&str>, options: &Map) -> Result<Copied, Fault> {
    let live = Options::new("snapshot", options, &["live"])?.flag("live", false)?;
    let label = named(&label.map_or_else(|| telemetry::stamp(telemetry::now()), str::to_owned))?;
    let (_, tally) = jail::snapshot(session.act_now("snapshot", Some(name))?, name, &label, live, &mut |_| {})?;
    Ok(Copied::new(label, &tally))
}

fn rollback(session: &Session, name: &JailName, label: &str) -> Result<Copied, Fault> {
    let label = named(label)?;
    Ok(Copied::new(&label, &jail::rollback(session.act_now("rollback", Some(name))?, name, &label, &mut |_| {})?))
}

fn clone(session: &Rc<Session>, from: &JailName, to: &str, options: &Map) -> Result<Handle, Fault> {
    let options = Options::new("clone", options, &["ports", "snapshot", "live"])?;
    let request = CloneRequest {
        from: from.clone(),
        to: to.parse()?,
        snapshot: label(&options, "snapshot")?,
        ports: ports(&options)?,
        live: options.flag("live", false)?,
    };
    jail::clone(session.act_now("clone", Some(from))?, &request, &mut |_| {})?;
    Handle::new(session, to, None)
}

fn ports(options: &Options<'_>) -> Result<Vec<Reservation>, Fault> {
    let wrong = || options.wrong("ports", "a list of ports");
    let not_one = |error: String| Fault::new(Kind::Spec, format!("clone: option ports: {error}"));
    let Some(given) = options.list("ports")? else { return Ok(Vec::new()) };
    let port = |given: &Dynamic| match given.as_int() {
        Ok(number) => Port::try_from(number).map(Reservation::from).map_err(|error| not_one(error.to_string())),
        Err(_) => {
            let text = given.as_immutable_string_ref().map_err(|_| wrong())?;
            text.parse::<Reservation>().map_err(|error| not_one(error.to_string()))
        }
    };
    given.iter().map(port).collect()
}

fn rename(session: &Rc<Session>, from: &JailName, to: &str, _: &Map) -> Result<Handle, Fault> {
    jail::rename(session.act_now("rename", Some(from))?, from, &to.parse()?)?;
    Handle::new(session, to, None)
}

/// The file's name says how it is compressed.
fn export_to(session: &Session, name: &JailName, file: String, options: &Map) -> Result<Copied, Fault> {
    let options = Options::new("export_to", options, &["snapshot", "live"])?;
    let path = Path::new(&file);
    let compression = Compression::of_name(path).ok_or_else(|| {
        Fault::new(Kind::Value, format!("{file:?} does not say what it is; end it with .tar, .tar.gz or .tar.zst"))
    })?;
    let (snapshot, live) = (label(&options, "snapshot")?, options.flag("live", false)?);
    let request = ExportRequest { name: name.clone(), snapshot, live, compression };
    let exported = jail::export_file(session.act_now("export_to", Some(name))?, &request, path, &mut |_| {})?;
    Ok(Copied::new(&file, &exported.tally))
}

fn import_from(session: &Session, file: &str, options: &Map) -> Result<Copied, Fault> {
    let options = Options::new("import_from", options, &["name", "sha256"])?;
    if file == "-" {
        return Err(Fault::new(Kind::Value, "import_from reads a file, not standard input; name one"));
    }
    let sum = |sum: String| sum.parse::<Digest>().map_err(|_| options.wrong("sha256", "64 hexadecimal digits"));
    let request = ImportRequest {
        archive: PathBuf::from(file),
        name: options.text("name")?.map(|name| name.parse()).transpose()?,
        sha256: options.text("sha256")?.map(sum).transpose()?,
        limits: Limits::default(),
    };
    let imported = jail::import(session.act_now("import_from", None)?, &request, &mut |_| {})?;
    Ok(Copied { sha256: Some(imported.sha256), ..Copied::new(&imported.name, &imported.tally) })
}

fn gc(session: &Session, options: &Map) -> Result<Listing, Fault> {
    let dry = Options::new("gc", options, &["dry_run"])?.flag("dry_run", false)?;
    let host = if dry { session.look_on_disk("gc", None)? } else { session.act_now("gc", None)? };
    Ok(Listing(telemetry::garbage(&jail::gc(host, dry)?)))
}
