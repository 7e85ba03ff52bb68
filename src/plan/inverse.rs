//! What takes an action back, exactly, if anything does; and what it leaves behind, to tell later whether that is still so.
//! Pure over [`Observe`].

use super::action::{Action, Attributes, Step, Written};
use super::content::Content;
use super::observed::{JailSeen, Observe, ObserveError};
use super::path::JailPath;
use crate::jail::{Entry, Spec};
use crate::kernel::JailName;

/// How an action is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inverse {
    /// By this.
    Step(Box<Step>),
    /// By nothing: why.
    None(&'static str),
}

/// What an action is about, as it is after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// What is at a path, and in it.
    Entry { path: JailPath, entry: Entry, names: Vec<String> },
    /// A jail's definition; `None`: there is no such jail, or it cannot be read.
    Definition(Option<Box<Spec>>),
    /// Whether it is up.
    Service(bool),
    /// Nothing that could be compared.
    Nothing,
}

impl Trace {
    /// Do both tell of the same thing?
    pub fn is_about(&self, other: &Trace) -> bool {
        match (self, other) {
            (Trace::Entry { path, .. }, Trace::Entry { path: other, .. }) => path == other,
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

/// Looks at what an action will change, before it is done.
pub fn inverse(seen: &dyn Observe, action: &Action) -> Result<Inverse, ObserveError> {
    let jail = &action.jail;
    let none = |why| Ok(Inverse::None(why));
    let step = match &action.step {
        Step::Create { .. } | Step::Configure { .. } => match seen.jail(jail)? {
            None => Step::Destroy,
            Some(JailSeen { spec: Ok(spec), .. }) => Step::Configure { spec: Written(spec) },
            Some(_) => return none("the configuration before could not be read"),
        },
        Step::Start => Step::Stop,
        Step::Stop => Step::Start,
        Step::Restart { .. } => return none("what ran before the restart is gone"),
        Step::Thaw => return none("its processes went on"),
        Step::Destroy => return none("the jail's files are gone"),
        Step::Run { .. } | Step::Apply { .. } => return none("a command ran, and nobody knows what it did"),
        Step::Packages { .. } => return none("see jailmgr upgrade-base --rollback for the base that it had before"),
        Step::User { .. } | Step::Group { .. } => return none("files may belong to them by now"),
        Step::Unpack { .. } => return none("what the archive replaced is gone"),
        Step::Remove { path, .. } if !seen.names(jail, path)?.is_empty() => return none("what was in the directory is gone"),
        Step::Write { path, restart, .. }
        | Step::Line { path, restart, .. }
        | Step::Attributes { path, restart, .. }
        | Step::Link { path, restart, .. }
        | Step::Remove { path, restart } => return before(seen, jail, path, *restart),
        Step::Directory { path, .. } => return before(seen, jail, path, false),
    };
    Ok(Inverse::Step(Box::new(step)))
}

/// The step that puts back what is at a path now.
fn before(seen: &dyn Observe, jail: &JailName, path: &JailPath, restart: bool) -> Result<Inverse, ObserveError> {
    let (path, entry) = (path.clone(), seen.entry(jail, path)?);
    let marks = entry.attributes().map(|(mode, uid, gid)| Attributes {
        mode: Some(mode),
        owner: Some(uid.to_string()),
        group: Some(gid.to_string()),
    });
    let attributes = marks.unwrap_or_default();
    let step = match entry {
        Entry::Absent => Step::Remove { path, restart },
        Entry::Link { target } => Step::Link { path, target, restart },
        Entry::File { .. } => match seen.bytes(jail, &path)? {
            Some(bytes) => Step::Write { path, content: Content::bytes(bytes), attributes, restart },
            None => return Ok(Inverse::None("the file before is too long to be kept")),
        },
        Entry::Directory { .. } if seen.names(jail, &path)?.is_empty() => Step::Directory { path, attributes },
        // What is in it stays.
        Entry::Directory { .. } => Step::Attributes { path, attributes, restart },
        Entry::Other | Entry::Unknown => return Ok(Inverse::None("what was there is no plain file")),
    };
    Ok(Inverse::Step(Box::new(step)))
}

/// Looks at what an action is about.
pub fn trace(seen: &dyn Observe, action: &Action) -> Result<Trace, ObserveError> {
    let jail = &action.jail;
    Ok(match &action.step {
        Step::Create { .. } | Step::Configure { .. } | Step::Destroy => {
            Trace::Definition(seen.jail(jail)?.and_then(|seen| seen.spec.ok()))
        }
        Step::Start | Step::Stop => Trace::Service(seen.jail(jail)?.is_some_and(|seen| seen.is_up())),
        Step::Write { path, .. }
        | Step::Line { path, .. }
        | Step::Attributes { path, .. }
        | Step::Link { path, .. }
        | Step::Remove { path, .. }
        | Step::Directory { path, .. } => {
            let entry = seen.entry(jail, path)?;
            let names = if matches!(entry, Entry::Directory { .. }) { seen.names(jail, path)? } else { Vec::new() };
            Trace::Entry { path: path.clone(), entry, names }
        }
        _ => Trace::Nothing,
    })
}
