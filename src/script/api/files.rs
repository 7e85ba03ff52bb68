//! file, dir, symlink, line, remove: files inside a jail, as they are to be. Methods of a jail only: as free functions their
//! names would be lost for variables.

use rhai::{Dynamic, Engine, Map};

use super::change::{Change, submit};
use super::{Secret, method};
use crate::kernel::JailName;
use crate::plan::decide::{self, FileWanted};
use crate::plan::{Attributes, Content, JailPath, Line, Part};
use crate::script::convert::{Options, type_name};
use crate::script::{Fault, Kind, Session};

pub fn register(engine: &mut Engine) {
    method(engine, "file", file);
    method(engine, "symlink", symlink);
    method(engine, "line", line);
    super::method_of_one(engine, "dir", dir);
    super::method_of_one(engine, "remove", remove);
}

/// A path inside a jail, from a script's text.
pub fn path(text: &str) -> Result<JailPath, Fault> {
    text.parse().map_err(|error: crate::plan::PathError| Fault::new(Kind::Path, error.to_string()))
}

/// mode, owner and group of a verb's options.
pub fn attributes(options: &Options) -> Result<Attributes, Fault> {
    Ok(Attributes { mode: options.mode("mode")?, owner: options.text("owner")?, group: options.text("group")? })
}

/// What a file is to hold: a text, a blob, a secret, or a list of them one after the other.
pub fn content(verb: &str, value: &Dynamic) -> Result<Content, Fault> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Content::text(text.as_str()));
    }
    if let Some(secret) = value.read_lock::<Secret>() {
        return Ok(Content(vec![Part::Secret(secret.name.clone())]));
    }
    if let Ok(bytes) = value.as_blob_ref() {
        return Ok(Content::bytes(bytes.clone()));
    }
    if let Ok(parts) = value.as_array_ref() {
        let parts = parts.iter().map(|part| content(verb, part).map(|content| content.0)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Content(parts.into_iter().flatten().collect()));
    }
    let found = type_name(value.type_name());
    Err(Fault::new(
        Kind::Value,
        format!("{verb}: the content is of type {found}; use a text, a blob, a secret, or a list of them"),
    ))
}

fn file(session: &Session, jail: &JailName, at: String, value: Dynamic, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("file", options, &["mode", "owner", "group", "restart", "parents"])?;
    let wanted = FileWanted {
        path: path(&at)?,
        content: content("file", &value)?,
        attributes: attributes(&options)?,
        restart: options.flag("restart", false)?,
        parents: options.flag("parents", true)?,
    };
    submit(session, jail, "unchanged", |seen| decide::file(seen, jail, &wanted))
}

fn dir(session: &Session, jail: &JailName, at: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("dir", options, &["mode", "owner", "group"])?;
    let (at, attributes) = (path(&at)?, attributes(&options)?);
    submit(session, jail, "unchanged", |seen| decide::directory(seen, jail, &at, &attributes))
}

fn symlink(session: &Session, jail: &JailName, at: String, target: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("symlink", options, &["restart"])?;
    let (at, restart) = (path(&at)?, options.flag("restart", false)?);
    submit(session, jail, "unchanged", |seen| decide::link(seen, jail, &at, &target, restart))
}

fn line(session: &Session, jail: &JailName, at: String, text: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("line", options, &["replaces", "absent", "restart"])?;
    let line = Line { text, replaces: options.text("replaces")?, absent: options.flag("absent", false)? };
    let (at, restart) = (path(&at)?, options.flag("restart", false)?);
    submit(session, jail, "unchanged", |seen| decide::line(seen, jail, &at, &line, restart))
}

fn remove(session: &Session, jail: &JailName, at: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("remove", options, &["restart"])?;
    let (at, restart) = (path(&at)?, options.flag("restart", false)?);
    submit(session, jail, "unchanged", |seen| decide::absent(seen, jail, &at, restart))
}
