//! A directory of a jail that is all of an archive of the host's.

use super::file::{occupied, parents};
use super::{DecideError, action, known};
use crate::kernel::JailName;
use crate::plan::action::{Archive, Step};
use crate::plan::{Action, Entry, JailPath, Observe};

/// An unpacked archive as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackWanted {
    pub path: JailPath,
    pub archive: Archive,
    /// Nothing is to be done if something is here.
    pub creates: Option<JailPath>,
    pub restart: bool,
}

/// The directory is to be what the archive holds. One that holds anything else is never replaced.
pub fn unpack(seen: &dyn Observe, jail: &JailName, wanted: &UnpackWanted) -> Result<Vec<Action>, DecideError> {
    let path = &wanted.path;
    path.writable()?;
    known(seen, jail)?;
    let unfit = |what: String, remedy: &str| DecideError::Unfit { jail: jail.clone(), what, remedy: remedy.into() };
    if path.parent().is_none() {
        return Err(unfit(format!("{path} is one of the directories that every jail has"), "name a directory in it"));
    }
    if let Some(creates) = &wanted.creates
        && seen.entry(jail, creates)? != Entry::Absent
    {
        return Ok(Vec::new());
    }
    let sum = &wanted.archive.sha256;
    let mut actions = Vec::new();
    let mut detail = vec![format!("sha256: {sum}")];
    let old = seen.entry(jail, path)?;
    match &old {
        Entry::Absent | Entry::Unknown => actions = parents(seen, jail, path, true)?,
        Entry::Directory { .. } => {
            let note = path.join(Archive::NOTE)?;
            match seen.bytes(jail, &note)? {
                Some(text) if text == wanted.archive.note().as_bytes() => return Ok(Vec::new()),
                Some(_) => detail.push("in place of another archive, or of the same with other options".into()),
                None if seen.names(jail, path)?.is_empty() => {}
                None => {
                    let what = format!("{path} holds what unpack did not put there");
                    return Err(unfit(what, "remove it first, or name another path"));
                }
            }
        }
        other => return Err(occupied(jail, path, other, "a directory")),
    }
    let step = Step::Unpack { path: path.clone(), archive: wanted.archive.clone(), restart: wanted.restart };
    actions.push(Action { new: old == Entry::Absent, detail, ..action(jail, step) });
    Ok(actions)
}
