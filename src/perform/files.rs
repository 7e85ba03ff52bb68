//! Files inside a jail.

use super::View;
use super::step::PerformError;
use crate::jail::{self, Inside, JailError, Marks};
use crate::kernel::JailName;
use crate::plan::{Attributes, Content, JailPath, Kind, Line, MAX_READ, Observe};

/// Looks up the names of owners now: an action before this one may have made them.
fn marks(view: &View, jail: &JailName, wanted: &Attributes) -> Result<Marks, PerformError> {
    let id = |kind, name: &Option<String>| -> Result<Option<u32>, PerformError> {
        let Some(name) = name else { return Ok(None) };
        match view.id(jail, kind, name)? {
            Some(id) => Ok(Some(id)),
            None if kind == Kind::User => Err(JailError::NoSuchUser { name: jail.clone(), user: name.clone() }.into()),
            None => Err(PerformError::NoSuchGroup { jail: jail.clone(), group: name.clone() }),
        }
    };
    Ok(Marks { mode: wanted.mode, uid: id(Kind::User, &wanted.owner)?, gid: id(Kind::Group, &wanted.group)? })
}

/// Changes files under the jail's lock. What runs is marked first as not having the change: a crash in between then asks
/// for one restart too many, never for one too few.
fn change(
    view: &View,
    jail: &JailName,
    path: &JailPath,
    restart: bool,
    work: impl FnOnce(&Inside) -> Result<(), JailError>,
) -> Result<(), PerformError> {
    let (_lock, inside) = Inside::locked(&view.host, jail)?;
    if restart {
        jail::wear(&view.host, jail, &format!("{path} changed"))?;
    }
    Ok(work(&inside)?)
}

pub fn write(
    view: &View,
    jail: &JailName,
    path: &JailPath,
    content: &Content,
    attributes: &Attributes,
    restart: bool,
) -> Result<(), PerformError> {
    let bytes = content.resolve(|part| view.fetch(part))?;
    let marks = marks(view, jail, attributes)?;
    change(view, jail, path, restart, |inside| inside.write(path.relative(), &bytes, marks))
}

/// Puts a line into what the file holds now.
pub fn line(view: &View, jail: &JailName, path: &JailPath, line: &Line, restart: bool) -> Result<(), PerformError> {
    change(view, jail, path, restart, |inside| {
        let old = inside.read(path.relative(), MAX_READ)?.unwrap_or_default();
        let new = line.put(&String::from_utf8_lossy(&old));
        if new.as_bytes() == old { Ok(()) } else { inside.write(path.relative(), new.as_bytes(), Marks::default()) }
    })
}

pub fn set(view: &View, jail: &JailName, path: &JailPath, attributes: &Attributes, restart: bool) -> Result<(), PerformError> {
    let marks = marks(view, jail, attributes)?;
    change(view, jail, path, restart, |inside| inside.set(path.relative(), marks))
}

pub fn directory(view: &View, jail: &JailName, path: &JailPath, attributes: &Attributes) -> Result<(), PerformError> {
    let marks = marks(view, jail, attributes)?;
    change(view, jail, path, false, |inside| inside.make_directory(path.relative(), marks))
}

pub fn link(view: &View, jail: &JailName, path: &JailPath, target: &str, restart: bool) -> Result<(), PerformError> {
    change(view, jail, path, restart, |inside| inside.link(path.relative(), target))
}

pub fn remove(view: &View, jail: &JailName, path: &JailPath, restart: bool) -> Result<(), PerformError> {
    change(view, jail, path, restart, |inside| inside.remove(path.relative()))
}
