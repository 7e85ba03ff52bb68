//! Files inside a jail.

use std::io::Write;

use super::View;
use super::look::pour;
use super::step::PerformError;
use crate::jail::{self, Inside, JailError, Lock, Marks, Parcel};
use crate::kernel::JailName;
use crate::plan::{Accounts, Archive, Attributes, Content, JailPath, Kind, Line, MAX_READ, Observe, Part, Step, decide};

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
fn change<E>(
    view: &View,
    jail: &JailName,
    path: &JailPath,
    restart: bool,
    work: impl FnOnce(&Lock, &Inside) -> Result<(), E>,
) -> Result<(), PerformError>
where
    PerformError: From<E>,
{
    let (lock, inside) = Inside::locked(&view.host, jail)?;
    if restart {
        jail::wear(&view.host, jail, &format!("{path} changed"))?;
    }
    Ok(work(&lock, &inside)?)
}

pub fn write(
    view: &View,
    jail: &JailName,
    path: &JailPath,
    content: &Content,
    attributes: &Attributes,
    restart: bool,
) -> Result<(), PerformError> {
    let marks = marks(view, jail, attributes)?;
    let doing = || format!("write {path} in jail {jail}");
    change(view, jail, path, restart, |_, inside| {
        inside.write_with(path.relative(), marks, |file| -> Result<(), PerformError> {
            for part in &content.0 {
                match part {
                    Part::File { path, sha256, size } => pour(path, sha256, *size, file)?,
                    part => file.write_all(&view.fetch(part)?).map_err(JailError::io(doing()))?,
                }
            }
            Ok(())
        })
    })
}

/// Puts a line into what the file holds now.
pub fn line(view: &View, jail: &JailName, path: &JailPath, line: &Line, restart: bool) -> Result<(), PerformError> {
    change(view, jail, path, restart, |_, inside| {
        let old = inside.text(path.relative(), MAX_READ)?.unwrap_or_default();
        let new = line.put(&old);
        if new == old { Ok(()) } else { inside.write(path.relative(), new.as_bytes(), Marks::default()) }
    })
}

pub fn set(view: &View, jail: &JailName, path: &JailPath, attributes: &Attributes, restart: bool) -> Result<(), PerformError> {
    let marks = marks(view, jail, attributes)?;
    change(view, jail, path, restart, |_, inside| inside.set(path.relative(), marks))
}

pub fn directory(view: &View, jail: &JailName, path: &JailPath, attributes: &Attributes) -> Result<(), PerformError> {
    let marks = marks(view, jail, attributes)?;
    change(view, jail, path, false, |_, inside| inside.make_directory(path.relative(), marks))
}

pub fn link(view: &View, jail: &JailName, path: &JailPath, target: &str, restart: bool) -> Result<(), PerformError> {
    change(view, jail, path, restart, |_, inside| inside.link(path.relative(), target))
}

pub fn remove(view: &View, jail: &JailName, path: &JailPath, restart: bool) -> Result<(), PerformError> {
    change(view, jail, path, restart, |_, inside| inside.remove(path.relative()))
}

/// Users and groups, in what the files hold now. One whose wish is granted by now is left alone.
pub fn accounts(view: &View, jail: &JailName, step: &Step) -> Result<(), PerformError> {
    let (_lock, inside) = Inside::locked(&view.host, jail)?;
    let text = |path| inside.text(path, MAX_READ);
    let passwd = text("etc/passwd")?.unwrap_or_default();
    let old = Accounts { passwd, group: text("etc/group")?.unwrap_or_default(), shadow: text("etc/shadow")? };
    let granted = decide::granted(&old, step).map_err(|error| PerformError::Account { jail: jail.clone(), error })?;
    for (path, text) in granted {
        inside.write(path.relative(), text.as_bytes(), Marks::default())?;
    }
    Ok(())
}

pub fn unpack(view: &View, jail: &JailName, path: &JailPath, archive: &Archive, restart: bool) -> Result<(), PerformError> {
    let owners = Attributes { mode: None, owner: archive.owner.clone(), group: archive.group.clone() };
    let marks = marks(view, jail, &owners)?;
    let note = archive.note();
    let parcel = Parcel {
        archive: &archive.file,
        sha256: archive.sha256.as_str(),
        strip: archive.strip,
        uid: marks.uid.unwrap_or(0),
        gid: marks.gid.unwrap_or(0),
        note: (Archive::NOTE, &note),
    };
    change(view, jail, path, restart, |lock, inside| {
        jail::unpack(&view.host, jail, lock, inside, path.relative(), &parcel).map(drop)
    })
}
