//! What an installation changed among the files that a jail keeps for itself (/etc, /var and their like), brought to a jail
//! made before: what is new comes, what the jail left as it was is replaced, what the jail changed or removed stays so.
//! Copied aside first, so that a full disk changes nothing, then renamed into place.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::account::{Clash, TABLES};
use crate::jail::store::{Directory, remove_tree};
use crate::jail::tree::{self, Found, Place, Visitor, walk};
use crate::jail::{Inside, JailError, Marks, data, disk};
use crate::kernel::system;

/// In the jail's directory on the host, where the jail does not reach.
const STAGE: &str = ".packages";
/// dpkg's record is of the base's programs, so it is the base's as a whole (dpkg(1), FILES).
const RECORD: [&str; 1] = ["var/lib/dpkg"];
/// Made anew of what is installed, by programs of the base: never the jail's own.
const MADE: [&str; 1] = ["etc/ld.so.cache"];
/// Stays with the base.
const LEFT: [&str; 2] = ["var/lib/apt/lists", "var/cache/apt"];
/// Bytes of a table of users.
const TABLE_LIMIT: u64 = 4 << 20;
/// Of a comparison by content.
const BUFFER: usize = 64 << 10;

/// By directory, from the data layer: names that come, and names whose entry is replaced.
type Wanted = BTreeMap<PathBuf, (BTreeSet<OsString>, BTreeSet<OsString>)>;

/// What is to come, copied aside. Dropped without [`Changes::apply`] it is gone.
pub struct Changes<'a> {
    jail: &'a Directory,
    wanted: Wanted,
    tables: Vec<(String, String)>,
}

impl<'a> Changes<'a> {
    /// Between the trees of two bases, for the jail whose directory this is. The caller holds its lock.
    ///
    /// # Errors
    /// [`JailError::Conflict`]: a user of the new base has the name or number of another of the jail's.
    pub fn between(old: &Directory, new: &Directory, jail: &'a Directory) -> Result<Changes<'a>, JailError> {
        let data = jail.sub("data")?.vetted()?;
        let mut finder = Finder { old, jail: &data, parents: None, wanted: Wanted::new() };
        walk(new, &mut finder)?;
        let mut changes = Changes { jail, wanted: finder.wanted, tables: Vec::new() };
        let inside = Inside::of(jail)?;
        for table in &TABLES {
            let path = format!("etc/{}", table.file);
            let texts = [old, new].map(|tree| Inside::at(tree).and_then(|tree| tree.text(&path, TABLE_LIMIT)));
            let [before, now] = texts;
            // One that the jail has not comes as any file does.
            let (Some(now), Some(is)) = (now?, inside.text(&path, TABLE_LIMIT)?) else { continue };
            let before = before?.unwrap_or_default();
            let merged = if is == before { now } else { table.merge(&before, &now, &is).map_err(clash)? };
            if merged != is {
                changes.tables.push((path, merged));
            }
        }
        // Of one that was killed.
        remove_tree(jail, STAGE)?;
        let stage = jail.make(STAGE, 0o700)?;
        disk::follow(jail, &stage)?;
        for (number, (directory, (coming, replaced))) in changes.wanted.iter().enumerate() {
            let slot = stage.make(&number.to_string(), 0o700)?;
            let leave = |found: &Found<'_>| !coming.contains(found.name) && !replaced.contains(found.name);
            tree::copy(&place(directory).open(new)?, &slot, &leave, &mut |_| ())?;
        }
        tree::to_disk(&stage)?;
        Ok(changes)
    }

    /// Puts it where it belongs.
    pub fn apply(self) -> Result<(), JailError> {
        let data = self.jail.sub("data")?.vetted()?;
        let stage = self.jail.sub(STAGE)?;
        for (number, (directory, (coming, replaced))) in self.wanted.iter().enumerate() {
            let slot = stage.sub(number.to_string())?;
            let target = place(directory).open(&data)?;
            let place = |name: &OsString| system::rename_new(slot.fd(), name.as_os_str(), target.fd(), name.as_os_str());
            let exchange = |name: &OsString| system::exchange(slot.fd(), name.as_os_str(), target.fd(), name.as_os_str());
            let doing = |name: &OsString| JailError::system(format!("put {} in its place", target.path_of(name).display()));
            for name in coming {
                match place(name) {
                    // The jail made one meanwhile.
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(errno) => return Err(doing(name)(errno)),
                }
            }
            for name in replaced {
                match exchange(name) {
                    Err(Errno::ENOENT) => place(name),
                    other => other,
                }
                .map_err(doing(name))?;
            }
            target.sync()?;
        }
        let inside = Inside::of(self.jail)?;
        self.tables.iter().try_for_each(|(path, text)| inside.write(path, text.as_bytes(), Marks::default()))
    }
}

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        // What stays is removed by the next installation.
        let _ = remove_tree(self.jail, STAGE);
    }
}

fn place(directory: &Path) -> Place {
    Place::of(directory.iter())
}

fn clash(Clash { name, why }: Clash) -> JailError {
    JailError::Conflict {
        what: format!("user or group {name} of a package {why}"),
        remedy: "give the jail's own another number, or install the packages before it is made".into(),
    }
}

/// Goes through the new tree, and looks at the same places of the old one and the jail.
struct Finder<'a> {
    old: &'a Directory,
    jail: &'a Directory,
    parents: Option<(Option<Directory>, Directory)>,
    wanted: Wanted,
}

impl Visitor for Finder<'_> {
    fn enter(&mut self, place: &Place) -> Result<(), JailError> {
        // Only what is a directory of the jail's is gone into.
        self.parents = Some((place.open(self.old).ok(), place.open(self.jail)?));
        Ok(())
    }

    fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
        let path = found.path();
        if found.place.depth() == 0 {
            let kept = |(name, _): &(&str, u32)| found.name == *name && *name != "tmp";
            return Ok(found.kind == SFlag::S_IFDIR && data::DIRECTORIES.iter().any(kept));
        }
        let (old, jail) = self.parents.as_ref().expect("a directory was entered");
        let is = |known: &[&str]| known.iter().any(|known| path == Path::new(known));
        if is(&LEFT) {
            return Ok(false);
        }
        let before = old.as_ref().map(|old| old.status(found.name)).transpose()?.flatten();
        let now = jail.status(found.name)?;
        let replace = match (before, now) {
            (None, None) => {
                self.want(found).0.insert(found.name.to_owned());
                return Ok(false);
            }
            (Some(_), None) => return Ok(false),
            _ if is(&RECORD) => true,
            (_, Some(now)) if found.kind == SFlag::S_IFDIR || kind(&now) == SFlag::S_IFDIR => {
                return Ok(found.kind == kind(&now));
            }
            // Their lines are merged.
            _ if TABLES.iter().any(|table| path == Path::new("etc").join(table.file)) => false,
            (Some(before), _) if is_same(&before, &found.status) => false,
            (_, Some(_)) if is(&MADE) => true,
            (Some(before), Some(now)) => {
                let old = old.as_ref().expect("something was seen in it");
                is_alike(&before, &now) && is_equal((old, &before), (jail, &now), found)?
            }
            (None, Some(_)) => false,
        };
        if replace {
            self.want(found).1.insert(found.name.to_owned());
        }
        Ok(false)
    }
}

impl Finder<'_> {
    fn want(&mut self, found: &Found<'_>) -> &mut (BTreeSet<OsString>, BTreeSet<OsString>) {
        self.wanted.entry(found.place.path()).or_default()
    }
}

/// The same owner, mode and kind.
fn is_alike(one: &FileStat, other: &FileStat) -> bool {
    (one.st_mode, one.st_uid, one.st_gid) == (other.st_mode, other.st_uid, other.st_gid)
}

/// Copied, and not touched since: a copy keeps the time of its original.
fn is_same(one: &FileStat, other: &FileStat) -> bool {
    let of = |status: &FileStat| (status.st_size, status.st_mtime, system::mtime_nanos(status));
    is_alike(one, other) && of(one) == of(other)
}

/// The same content, of two entries alike.
fn is_equal(
    (one, first): (&Directory, &FileStat),
    (other, second): (&Directory, &FileStat),
    found: &Found<'_>,
) -> Result<bool, JailError> {
    match kind(first) {
        SFlag::S_IFLNK => {
            let target = |directory: &Directory| nix::fcntl::readlinkat(directory.fd(), found.name).ok();
            Ok(target(one).is_some() && target(one) == target(other))
        }
        SFlag::S_IFREG if first.st_size == second.st_size => {
            let (Some(mut one), Some(mut other)) = (open(one, found), open(other, found)) else { return Ok(false) };
            let failed = || JailError::io(format!("compare {}", found.path().display()));
            let (mut left, mut right) = (vec![0; BUFFER], vec![0; BUFFER]);
            loop {
                let length = one.read(&mut left).map_err(failed())?;
                if length == 0 {
                    return Ok(true);
                }
                match other.read_exact(&mut right[..length]) {
                    Ok(()) if left[..length] == right[..length] => {}
                    _ => return Ok(false),
                }
            }
        }
        _ => Ok(false),
    }
}

/// `None`: it is no plain file by now.
fn open(directory: &Directory, found: &Found<'_>) -> Option<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
    let file = File::from(directory.open_in_mount(found.name, flags, Mode::empty()).ok()?);
    file.metadata().is_ok_and(|found| found.is_file()).then_some(file)
}

fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}

#[cfg(test)]
mod tests;
