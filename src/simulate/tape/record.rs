//! Writing down what the host answers. Secrets are never in it: where one was read, its name stands. Nor are hashes of
//! passwords.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{
    FORMAT, VERSION, of_base, of_bytes, of_command, of_fact, of_id, of_jail, of_jails, of_names, of_packages, of_page, of_path,
    of_target,
};
use crate::jail::{Base, Output};
use crate::kernel::JailName;
use crate::plan::{
    Action, Command, Digest, Entry, JailPath, JailSeen, Kind, Mask, Observe, ObserveError, Packages, Part, Seed, without_hashes,
    without_passwords,
};
use crate::simulate::Page;

enum Line {
    Plain(Value),
    /// Its bytes decide which sum is written down.
    Path(JailName, JailPath, Entry, Option<Vec<u8>>),
    Bytes(JailName, JailPath, Option<Vec<u8>>),
}

/// A recording that goes on.
pub struct Tape {
    lines: RefCell<Vec<Line>>,
}

impl Tape {
    pub fn new(script: &str, arguments: &[String]) -> Tape {
        let version = env!("CARGO_PKG_VERSION");
        let head = json!({ "format": FORMAT, "version": VERSION, "jailsh": version, "script": script, "args": arguments });
        Tape { lines: RefCell::new(vec![Line::Plain(head)]) }
    }

    fn add(&self, line: Line) {
        self.lines.borrow_mut().push(line);
    }

    fn answer(&self, mut asked: Value, answer: Value) {
        asked["answer"] = answer;
        self.add(Line::Plain(asked));
    }

    /// An action, and what became of it: what a command wrote, or why it was not done.
    pub fn deed(&self, action: &Action, ran: Option<&Output>, failed: Option<&str>, skipped: Option<&str>) {
        let Ok(mut done) = serde_json::to_value(action) else { return };
        if let Some(done) = done.as_object_mut() {
            done.remove("place");
            done.remove("detail");
        }
        let ran = ran.map(|ran| json!({ "status": ran.status, "stdout": ran.stdout, "stderr": ran.stderr }));
        self.add(Line::Plain(json!({ "did": done, "ran": ran, "failed": failed, "skipped": skipped })));
    }

    pub fn page(&self, url: &str, page: &Page) {
        self.answer(of_page(url), json!({ "status": page.status, "body": page.body, "fails": page.fails }));
    }

    pub fn fact(&self, name: &str, value: &Value) {
        self.answer(of_fact(name), value.clone());
    }

    /// All lines, with the names of these secrets in place of their contents, and without hashes of passwords.
    pub fn text(&self, secrets: &[(String, Vec<u8>)]) -> String {
        let mask = Mask::of(secrets.iter().cloned());
        let clean = |path: &JailPath, bytes: &[u8]| mask.bytes(&without_passwords(path.as_str(), bytes));
        let mut text = String::new();
        for line in self.lines.borrow().iter() {
            let mut value = match line {
                Line::Plain(value) => value.clone(),
                Line::Path(jail, path, entry, bytes) => {
                    let mut asked = of_path(jail, path);
                    asked["answer"] = json!(hidden(entry, bytes.as_deref().map(|bytes| clean(path, bytes))));
                    asked
                }
                Line::Bytes(jail, path, bytes) => {
                    let mut asked = of_bytes(jail, path);
                    let bytes = bytes.as_ref().map(|bytes| STANDARD.encode(clean(path, bytes)));
                    asked["answer"] = json!(bytes);
                    asked
                }
            };
            redact(&mut value, &mask);
            text += &value.to_string();
            text.push('\n');
        }
        text
    }
}

/// A file is written down as the one that holds what is told of it.
fn hidden(entry: &Entry, bytes: Option<Vec<u8>>) -> Entry {
    match (entry, bytes) {
        (Entry::File { mode, uid, gid, .. }, Some(bytes)) => {
            Entry::File { sha256: Digest::of(&bytes), size: bytes.len() as u64, mode: *mode, uid: *uid, gid: *gid }
        }
        _ => entry.clone(),
    }
}

/// The same for every text: no secret, no hash of a password.
fn redact(value: &mut Value, mask: &Mask) {
    match value {
        Value::String(text) => {
            *text = String::from_utf8_lossy(&mask.bytes(&without_hashes(text.as_bytes()))).into_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, mask)),
        Value::Object(map) => map.values_mut().for_each(|item| redact(item, mask)),
        _ => {}
    }
}

/// An action as it is written down where it holds no secret.
pub(super) fn written(action: &Action) -> Action {
    let Ok(mut value) = serde_json::to_value(action) else { return action.clone() };
    redact(&mut value, &Mask::default());
    serde_json::from_value(value).unwrap_or_else(|_| action.clone())
}

/// Looks, and writes down each answer.
pub struct Recorder<'a> {
    pub below: &'a dyn Observe,
    pub tape: &'a Tape,
}

impl Observe for Recorder<'_> {
    fn jail(&self, jail: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        let seen = self.below.jail(jail)?;
        let told = seen.as_ref().map(|seen| {
            let (spec, unreadable) = match &seen.spec {
                Ok(spec) => (Some(spec.to_tree()), None),
                Err(why) => (None, Some(why)),
            };
            json!({ "spec": spec, "unreadable": unreadable, "service": seen.service, "stale": seen.stale })
        });
        self.tape.answer(of_jail(jail), json!(told));
        Ok(seen)
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        let jails = self.below.jails()?;
        self.tape.answer(of_jails(), json!(jails));
        Ok(jails)
    }

    fn entry(&self, jail: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        let entry = self.below.entry(jail, path)?;
        let is_file = matches!(entry, Entry::File { .. });
        let bytes = if is_file { self.below.bytes(jail, path)? } else { None };
        self.tape.add(Line::Path(jail.clone(), path.clone(), entry.clone(), bytes));
        Ok(entry)
    }

    fn bytes(&self, jail: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        let bytes = self.below.bytes(jail, path)?;
        self.tape.add(Line::Bytes(jail.clone(), path.clone(), bytes.clone()));
        Ok(bytes)
    }

    fn target(&self, jail: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        let target = self.below.target(jail, path)?;
        self.tape.answer(of_target(jail, path), json!(target));
        Ok(target)
    }

    fn names(&self, jail: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError> {
        let names = self.below.names(jail, path)?;
        self.tape.answer(of_names(jail, path), json!(names));
        Ok(names)
    }

    fn packages(&self, jail: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError> {
        let packages = self.below.packages(jail, base)?;
        self.tape.answer(of_packages(&base.to_string()), json!(packages));
        Ok(packages)
    }

    /// Asked by plans alone, of which there are no recordings.
    fn seed(&self, base: &Base, path: &JailPath) -> Result<Seed, ObserveError> {
        self.below.seed(base, path)
    }

    fn id(&self, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError> {
        let id = self.below.id(jail, kind, name)?;
        self.tape.answer(of_id(jail, kind, name), json!(id));
        Ok(id)
    }

    fn probe(&self, jail: &JailName, command: &Command) -> Result<Option<i32>, ObserveError> {
        let status = self.below.probe(jail, command)?;
        self.tape.answer(of_command(jail, command), json!(status));
        Ok(status)
    }

    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError> {
        let same = self.below.same_base(wanted, pinned)?;
        self.tape.answer(of_base(&wanted.to_string(), &pinned.to_string()), json!(same));
        Ok(same)
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        self.below.fetch(part)
    }
}
