//! Files inside a jail.

use super::{DecideError, action, known};
use crate::kernel::JailName;
use crate::plan::action::{Attributes, Line, Step};
use crate::plan::difference::difference;
use crate::plan::observed::Kind;
use crate::plan::{Action, Content, Entry, JailPath, MAX_READ, Observe, ObserveError};

/// A file as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWanted {
    pub path: JailPath,
    pub content: Content,
    pub attributes: Attributes,
    /// What runs takes it up only by a restart, which the next `start` does.
    pub restart: bool,
    /// Make the directories above it.
    pub parents: bool,
}

/// Of a file that an archive may bring.
const UNKNOWN: &str = "what is there is known only then";

/// A file with this content is to be there.
pub fn file(seen: &dyn Observe, jail: &JailName, wanted: &FileWanted) -> Result<Vec<Action>, DecideError> {
    wanted.path.writable()?;
    known(seen, jail)?;
    let (sum, size) = wanted.content.measure(|part| seen.fetch(part))?;
    let old = seen.entry(jail, &wanted.path)?;
    if matches!(old, Entry::Directory { .. }) {
        return Err(occupied(jail, &wanted.path, &old, "a file"));
    }
    let mut actions = parents(seen, jail, &wanted.path, wanted.parents)?;
    let path = wanted.path.clone();
    let same = matches!(&old, Entry::File { sha256, .. } if *sha256 == sum);
    if !same {
        let mut detail = attribute_lines(seen, jail, &old, &wanted.attributes, 0o644)?;
        detail.extend(match wanted.content.holds_secrets() {
            true => vec!["its content holds secrets and is not shown".into()],
            false if size > MAX_READ => vec![format!("{size} bytes, not shown")],
            false => {
                let bytes = wanted.content.resolve(|part| seen.fetch(part))?;
                difference(seen.bytes(jail, &path)?.as_deref(), &bytes)
            }
        });
        let step =
            Step::Write { path, content: wanted.content.clone(), attributes: wanted.attributes.clone(), restart: wanted.restart };
        actions.push(Action { new: old == Entry::Absent, detail, ..action(jail, step) });
    } else if differs(seen, jail, &old, &wanted.attributes)? {
        let detail = attribute_lines(seen, jail, &old, &wanted.attributes, 0o644)?;
        let step = Step::Attributes { path, attributes: wanted.attributes.clone(), restart: wanted.restart };
        actions.push(Action { detail, ..action(jail, step) });
    }
    Ok(actions)
}

/// A directory is to be there.
pub fn directory(
    seen: &dyn Observe,
    jail: &JailName,
    path: &JailPath,
    attributes: &Attributes,
) -> Result<Vec<Action>, DecideError> {
    path.writable()?;
    known(seen, jail)?;
    let old = seen.entry(jail, path)?;
    match &old {
        Entry::Directory { .. } if !differs(seen, jail, &old, attributes)? => Ok(Vec::new()),
        Entry::Directory { .. } => {
            let detail = attribute_lines(seen, jail, &old, attributes, 0o755)?;
            let step = Step::Attributes { path: path.clone(), attributes: attributes.clone(), restart: false };
            Ok(vec![Action { detail, ..action(jail, step) }])
        }
        Entry::Absent | Entry::Unknown => {
            let mut actions = parents(seen, jail, path, true)?;
            let detail = attribute_lines(seen, jail, &old, attributes, 0o755)?;
            let step = Step::Directory { path: path.clone(), attributes: attributes.clone() };
            actions.push(Action { detail, ..action(jail, step) });
            Ok(actions)
        }
        _ => Err(occupied(jail, path, &old, "a directory")),
    }
}

/// A symbolic link with this target is to be there.
pub fn link(
    seen: &dyn Observe,
    jail: &JailName,
    path: &JailPath,
    target: &str,
    restart: bool,
) -> Result<Vec<Action>, DecideError> {
    path.writable()?;
    known(seen, jail)?;
    if target.is_empty() || target.len() > 4000 || target.contains('\0') {
        return Err(DecideError::Unfit {
            jail: jail.clone(),
            what: format!("{path}: {target:?} is no target of a link"),
            remedy: "name a path of 1 to 4000 bytes".into(),
        });
    }
    let old = seen.entry(jail, path)?;
    let detail = match &old {
        Entry::Link { target: old } if old == target => return Ok(Vec::new()),
        Entry::Link { target: old } => vec![format!("target: {old} -> {target}")],
        Entry::Absent => Vec::new(),
        Entry::Unknown => vec![UNKNOWN.into()],
        other => return Err(occupied(jail, path, other, "a link")),
    };
    let mut actions = parents(seen, jail, path, true)?;
    let step = Step::Link { path: path.clone(), target: target.to_owned(), restart };
    actions.push(Action { new: old == Entry::Absent, detail, ..action(jail, step) });
    Ok(actions)
}

/// Nothing is to be there.
pub fn absent(seen: &dyn Observe, jail: &JailName, path: &JailPath, restart: bool) -> Result<Vec<Action>, DecideError> {
    path.writable()?;
    known(seen, jail)?;
    if path.parent().is_none() {
        return Err(DecideError::Unfit {
            jail: jail.clone(),
            what: format!("{path} is one of the directories that every jail has"),
            remedy: "remove what is in it by name".into(),
        });
    }
    let old = seen.entry(jail, path)?;
    if old == Entry::Absent {
        return Ok(Vec::new());
    }
    let detail = match &old {
        Entry::Unknown => vec![UNKNOWN.into()],
        old => vec![format!("it is {}", old.word())],
    };
    Ok(vec![Action { detail, ..action(jail, Step::Remove { path: path.clone(), restart }) }])
}

/// A line is to be in a text file, once, or not at all.
pub fn line(
    seen: &dyn Observe,
    jail: &JailName,
    path: &JailPath,
    line: &Line,
    restart: bool,
) -> Result<Vec<Action>, DecideError> {
    path.writable()?;
    known(seen, jail)?;
    let unfit = |what: String, remedy: &str| DecideError::Unfit { jail: jail.clone(), what, remedy: remedy.into() };
    if line.text.contains('\n') {
        return Err(unfit(format!("{path}: the line holds a line break"), "use file for more than one line"));
    }
    let old = match seen.entry(jail, path)? {
        Entry::File { .. } => {
            let bytes = seen.bytes(jail, path)?;
            Some(bytes.ok_or_else(|| unfit(format!("{path} is too long to change a line of"), "use file or exec"))?)
        }
        Entry::Absent => None,
        Entry::Unknown => {
            let mut actions = parents(seen, jail, path, true)?;
            let step = Step::Line { path: path.clone(), line: line.clone(), restart };
            actions.push(Action { detail: vec![UNKNOWN.into()], ..action(jail, step) });
            return Ok(actions);
        }
        other => return Err(occupied(jail, path, &other, "a file")),
    };
    let text = String::from_utf8(old.clone().unwrap_or_default());
    let text = text.map_err(|_| unfit(format!("{path} is no text"), "use file or exec"))?;
    let new = line.put(&text);
    if new == text {
        return Ok(Vec::new());
    }
    let mut actions = parents(seen, jail, path, true)?;
    let step = Step::Line { path: path.clone(), line: line.clone(), restart };
    let detail = difference(old.as_deref(), new.as_bytes());
    actions.push(Action { new: old.is_none(), detail, ..action(jail, step) });
    Ok(actions)
}

pub(super) fn occupied(jail: &JailName, path: &JailPath, is: &Entry, wanted: &'static str) -> DecideError {
    DecideError::Occupied { jail: jail.clone(), path: path.clone(), is: is.word(), wanted }
}

/// Makes what is missing above a path.
pub fn parents(seen: &dyn Observe, jail: &JailName, path: &JailPath, make: bool) -> Result<Vec<Action>, DecideError> {
    let mut missing = Vec::new();
    let mut above = path.parent();
    while let Some(directory) = above {
        // The top-level directories are there as long as the jail is. Links in between are followed, inside the jail.
        if directory.parent().is_none() {
            break;
        }
        match seen.entry(jail, &directory)? {
            Entry::Absent | Entry::Unknown => {}
            Entry::Directory { .. } | Entry::Link { .. } => break,
            other => return Err(occupied(jail, &directory, &other, "a directory")),
        }
        above = directory.parent();
        missing.push(directory);
    }
    if let (Some(first), false) = (missing.last(), make) {
        return Err(DecideError::Unfit {
            jail: jail.clone(),
            what: format!("{first} is not there"),
            remedy: "make it with dir, or leave parents to its default".into(),
        });
    }
    let step = |path| Step::Directory { path, attributes: Attributes::default() };
    Ok(missing.into_iter().rev().map(|path| action(jail, step(path))).collect())
}

fn number(seen: &dyn Observe, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError> {
    seen.id(jail, kind, name)
}

fn differs(seen: &dyn Observe, jail: &JailName, old: &Entry, wanted: &Attributes) -> Result<bool, DecideError> {
    let Some((mode, uid, gid)) = old.attributes() else { return Ok(false) };
    let other = |kind, name: &Option<String>, is: u32| match name {
        Some(name) => number(seen, jail, kind, name).map(|id| id != Some(is)),
        None => Ok(false),
    };
    Ok(wanted.mode.is_some_and(|wanted| wanted != mode)
        || other(Kind::User, &wanted.owner, uid)?
        || other(Kind::Group, &wanted.group, gid)?)
}

/// What changes, or what a new file gets.
fn attribute_lines(
    seen: &dyn Observe,
    jail: &JailName,
    old: &Entry,
    wanted: &Attributes,
    usual: u32,
) -> Result<Vec<String>, DecideError> {
    let mut lines = Vec::new();
    let Some((mode, uid, gid)) = old.attributes() else {
        let owner = wanted.owner.as_deref().unwrap_or("root");
        let group = wanted.group.as_deref().unwrap_or("root");
        if *old == Entry::Unknown {
            lines.push(UNKNOWN.into());
        }
        lines.push(format!("new, mode {:04o}, owner {owner}:{group}", wanted.mode.unwrap_or(usual)));
        if let Entry::Link { target } = old {
            lines.push(format!("in place of a link to {target}"));
        }
        return Ok(lines);
    };
    if let Some(new) = wanted.mode.filter(|new| *new != mode) {
        lines.push(format!("mode: {mode:04o} -> {new:04o}"));
    }
    for (what, kind, name, is) in [("owner", Kind::User, &wanted.owner, uid), ("group", Kind::Group, &wanted.group, gid)] {
        if let Some(name) = name
            && number(seen, jail, kind, name)? != Some(is)
        {
            lines.push(format!("{what}: {is} -> {name}"));
        }
    }
    Ok(lines)
}
