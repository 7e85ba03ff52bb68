//! template: a text of the host's with values in it, as a file inside a jail.

use std::collections::BTreeMap;

use rhai::{Dynamic, Engine, Map};

use super::change::{Change, submit};
use super::copy::note;
use super::{Secret, files, method_of_three};
use crate::kernel::JailName;
use crate::plan::decide::{self, FileWanted};
use crate::plan::template::{FillError, fill, is_name};
use crate::plan::{Content, Digest, Part};
use crate::script::convert::{Options, type_name};
use crate::script::{Fault, Kind, Session};

/// Values that every template has.
const GIVEN: [&str; 2] = ["jail_name", "hostname"];
/// Bytes of a template.
const LIMIT: u64 = 16 << 20;

pub fn register(engine: &mut Engine) {
    method_of_three(engine, "template", template);
}

/// A text, and what messages call it: `#{ text: "..." }`, or a file of the host's.
pub fn text_of(session: &Session, verb: &'static str, source: &Dynamic) -> Result<(String, String), Fault> {
    if let Ok(map) = source.as_map_ref() {
        let given = Options::new(verb, &map, &["text"])?;
        let text = given.text("text")?.ok_or_else(|| given.wrong("text", "a text"))?;
        return Ok((text, "the text".into()));
    }
    let Ok(path) = source.as_immutable_string_ref() else {
        let found = type_name(source.type_name());
        return Err(Fault::new(
            Kind::Value,
            format!("{verb}: the source is of type {found}; name a file, or use #{{ text: \"...\" }}"),
        ));
    };
    let path = session.host_path(&path)?;
    let shown = path.display().to_string();
    let Part::File { size, .. } = note(session, &path)? else { return Err(Fault::new(Kind::Path, shown)) };
    if size > LIMIT {
        return Err(Fault::new(Kind::Path, format!("{shown} is longer than {} MiB; is it a text?", LIMIT >> 20)));
    }
    let bytes = std::fs::read(&path).map_err(|error| Fault::file(&path, &error))?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::new(Kind::Value, format!("{shown} is no UTF-8 text; use copy")))?;
    // What is used is what the plan rests on.
    session.read(&path, Digest::of(&text));
    Ok((text, shown))
}

fn values(map: &Map) -> Result<BTreeMap<String, Part>, Fault> {
    let mut found = BTreeMap::new();
    for (name, value) in map {
        let wrong = |what: &str| Err(Fault::new(Kind::Value, format!("template: value {:?} {what}", name.as_str())));
        if !is_name(name) {
            return wrong("has a name that no template can use; use letters, digits and _");
        }
        if GIVEN.contains(&name.as_str()) {
            return wrong("is given to every template; pick another name");
        }
        let part = if let Some(secret) = value.read_lock::<Secret>() {
            Part::Secret(secret.name.clone())
        } else if value.is_string() || value.is_int() || value.is_float() || value.is_bool() || value.is_char() {
            Part::Text(value.to_string())
        } else {
            return wrong(&format!(
                "is of type {}; use a text, a number, true or false, or a secret",
                type_name(value.type_name())
            ));
        };
        found.insert(name.to_string(), part);
    }
    Ok(found)
}

/// What every template has; the host's name is noted as a fact.
fn given(session: &Session, jail: &JailName) -> BTreeMap<String, String> {
    let host = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
    session.provenance.borrow_mut().facts.insert("hostname".into(), Digest::of_value(&host.as_str().into()));
    GIVEN.map(str::to_owned).into_iter().zip([jail.to_string(), host]).collect()
}

fn template(
    session: &Session,
    jail: &JailName,
    source: Dynamic,
    at: String,
    values_map: Map,
    options: &Map,
) -> Result<Change, Fault> {
    let options = Options::new("template", options, &["mode", "owner", "group", "restart", "parents"])?;
    let mut wanted = FileWanted {
        path: files::path(&at)?,
        content: Content::default(),
        attributes: files::attributes(&options)?,
        restart: options.flag("restart", false)?,
        parents: options.flag("parents", true)?,
    };
    let values = values(&values_map)?;
    let (text, shown) = text_of(session, "template", &source)?;
    let filled = fill(&text, &values, &given(session, jail));
    wanted.content = filled.map_err(|error| {
        let separator = if matches!(error, FillError::Template(_)) { ":" } else { ": " };
        Fault::new(Kind::Value, format!("{shown}{separator}{error}"))
    })?;
    submit(session, jail, "unchanged", |seen| decide::file(seen, jail, &wanted))
}
