//! A file or tree of the host's, inside a jail.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{FileWanted, absent, directory, file, link};
use super::{DecideError, known};
use crate::kernel::JailName;
use crate::plan::{Action, Attributes, Content, Entry, JailPath, Observe, Shadow};

/// One entry of what is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Directory { mode: u32 },
    File { content: Content, mode: u32 },
    Link { target: String },
}

/// A copy as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyWanted {
    pub path: JailPath,
    /// By their paths from the top, directories before what is in them; the top itself is "".
    pub items: BTreeMap<String, Item>,
    /// In place of the modes that the items have.
    pub mode: Option<u32>,
    pub directory_mode: Option<u32>,
    pub owner: Option<String>,
    pub group: Option<String>,
    /// What is not among the items is to be gone.
    pub delete: bool,
    pub restart: bool,
}

/// These items are to be there, with these contents.
pub fn copy(seen: &dyn Observe, jail: &JailName, wanted: &CopyWanted) -> Result<Vec<Action>, DecideError> {
    wanted.path.writable()?;
    known(seen, jail)?;
    // Each item is decided on with the ones before it in place.
    let mut shadow = Shadow::new(seen);
    let mut all = Vec::new();
    let mut settle = |shadow: &mut Shadow<&dyn Observe>, actions: Vec<Action>| -> Result<(), DecideError> {
        for action in actions {
            shadow.record(&action)?;
            all.push(action);
        }
        Ok(())
    };
    for (below, item) in &wanted.items {
        let path = if below.is_empty() { wanted.path.clone() } else { wanted.path.join(below)? };
        let is = shadow.entry(jail, &path)?;
        let is_directory = matches!(is, Entry::Directory { .. });
        let in_the_way = match item {
            Item::Directory { .. } => !matches!(is, Entry::Absent | Entry::Unknown | Entry::Directory { .. }),
            Item::File { .. } => is_directory,
            Item::Link { .. } => !matches!(is, Entry::Absent | Entry::Unknown | Entry::Link { .. }),
        };
        if in_the_way && wanted.delete && !below.is_empty() {
            let gone = absent(&shadow, jail, &path, wanted.restart)?;
            settle(&mut shadow, gone)?;
        }
        let attributes = |mode: u32, named: Option<u32>| Attributes {
            mode: Some(named.unwrap_or(mode)),
            owner: wanted.owner.clone(),
            group: wanted.group.clone(),
        };
        let made = match item {
            // /etc and the like keep what they are.
            Item::Directory { .. } if path.parent().is_none() => Vec::new(),
            Item::Directory { mode } => directory(&shadow, jail, &path, &attributes(*mode, wanted.directory_mode))?,
            Item::Link { target } => link(&shadow, jail, &path, target, wanted.restart)?,
            Item::File { content, mode } => {
                let attributes = attributes(*mode, wanted.mode);
                let (content, restart) = (content.clone(), wanted.restart);
                file(&shadow, jail, &FileWanted { path: path.clone(), content, attributes, restart, parents: true })?
            }
        };
        settle(&mut shadow, made)?;
    }
    if wanted.delete {
        for path in surplus(&shadow, jail, wanted)? {
            let gone = absent(&shadow, jail, &path, wanted.restart)?;
            settle(&mut shadow, gone)?;
        }
    }
    Ok(all)
}

/// What is in the copied directories and not among the items.
fn surplus(seen: &dyn Observe, jail: &JailName, wanted: &CopyWanted) -> Result<Vec<JailPath>, DecideError> {
    let mut found = Vec::new();
    for (below, _) in wanted.items.iter().filter(|(_, item)| matches!(item, Item::Directory { .. })) {
        let (path, prefix) = match below.is_empty() {
            true => (wanted.path.clone(), String::new()),
            false => (wanted.path.join(below)?, format!("{below}/")),
        };
        let here = wanted.items.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
        let kept: BTreeSet<&str> = here.filter_map(|(name, _)| name[prefix.len()..].split('/').next()).collect();
        for name in seen.names(jail, &path)?.iter().filter(|name| !kept.contains(name.as_str())) {
            found.push(path.join(name)?);
        }
    }
    Ok(found)
}
