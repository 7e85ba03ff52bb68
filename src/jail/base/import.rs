//! Importing a base: unpacked or copied aside, verified, brought to disk, and only then given its name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::stat::Mode;

use super::catalog::{self, FORMAT, MANIFEST, Manifest, TREE, versions};
use super::reference::{Base, Pin};
use crate::jail::archive::{ArchiveError, Limits, Members, Rules, Source, Unpacker};
use crate::jail::label::Label;
use crate::jail::store::{Directory, Lock, random_name, remove_tree};
use crate::jail::tree::{self, Found, Tally, Watch};
use crate::jail::{Config, Digest, JailError};
use crate::kernel::JailName;
use crate::kernel::system::rename_new;

/// What a half-made version is called; the rest of the name is random.
pub const ASIDE: &str = ".import-";
/// What a jail gets from elsewhere, so a base need not carry it: mount points, and the state of a running system.
const NOT_OURS: [&str; 4] = ["dev", "proc", "run", "sys"];
/// Names under one base looked at.
const MAX_NAMES: usize = 65536;
/// In names of bases that were made of another by installing packages, after the other's name.
pub(super) const DERIVED: char = '+';

/// Where a base comes from.
pub enum Origin {
    Directory(PathBuf),
    /// A file, or standard input for `-`.
    Archive(PathBuf),
}

/// What is to be imported.
pub struct ImportRequest {
    pub origin: Origin,
    /// By default after the file.
    pub name: Option<Label>,
    /// By default the first twelve digits of the sum.
    pub version: Option<Label>,
    /// The archive must have it.
    pub sha256: Option<Digest>,
    /// Take device nodes.
    pub devices: bool,
    pub limits: Limits,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub pin: Pin,
    pub sha256: String,
    /// The sum was known beforehand.
    pub verified: bool,
    /// False: it was there already.
    pub new: bool,
    pub tally: Tally,
}

/// Imports a base; one that is there already, by its sum, is left as it is. Nothing is left after a failure.
pub fn import(config: &Config, request: &ImportRequest, watch: Watch<'_>) -> Result<Import, JailError> {
    let (path, from) = match &request.origin {
        Origin::Directory(path) => (path, "dir"),
        Origin::Archive(path) => (path, "tar"),
    };
    let name = match &request.name {
        Some(name) => name.clone(),
        None => name_of(path)?,
    };
    if name.as_str() == "host" {
        return Err(conflict("the base host is the host's own", "choose another name"));
    }
    if name.as_str().contains(DERIVED) {
        return Err(conflict(
            format!("base {name} would look like one that packages were installed into"),
            "choose a name without \"+\"",
        ));
    }
    let bases = Directory::open_or_make(&config.data_dir)?.vetted()?.ensure("base", 0o755)?.vetted()?;
    if let (Some(sum), None) = (&request.sha256, &request.version)
        && let Some(there) = known(&bases, &name, sum.as_str())?
    {
        return Ok(there);
    }
    // Under the lock: what is empty, or not locked by us yet, would look like a leftover.
    let lock = Lock::bases(config)?;
    // Not for users of the host: a base may hold setuid programs that only a jail should offer.
    let base = bases.ensure(name.as_str(), 0o700)?.vetted()?;
    sweep(&base)?;
    let aside = Aside::new(&base)?;
    drop(lock);
    let files = aside.directory.make(TREE, 0o755)?;
    let (sha256, tally) = match &request.origin {
        Origin::Directory(path) => copied(path, &files, watch)?,
        Origin::Archive(path) => unpacked(path, &files, request, watch)?,
    };
    expect_programs(&files, path)?;
    let verified = from == "dir" || request.sha256.is_some();
    let version = request.version.clone().unwrap_or_else(|| sha256[..12].parse().expect("digits are a label"));
    let manifest = Manifest {
        format: FORMAT,
        source: format!("{from}:{}", path.display()),
        sha256: sha256.clone(),
        verified,
        imported: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        serial: 0,
        entries: tally.entries,
        bytes: tally.bytes,
        derived: None,
    };
    tree::to_disk(&files)?;
    let pin = Pin { name, version };
    let _lock = Lock::bases(config)?;
    let new = aside.appear(&bases, &pin, manifest)?;
    Ok(Import { pin, sha256, verified, new, tally })
}

/// What a jail's spec asks for, as a version that is there: the newest, or what a path leads to, imported if need be.
/// `old` is the jail and its base so far: a name or path that it was made of keeps its version, and another one is
/// refused before anything is imported, since its data came from there.
pub fn resolve(
    config: &Config,
    wanted: &Base,
    old: Option<(&JailName, &Base)>,
    watch: Watch<'_>,
) -> Result<(Base, Option<Import>), JailError> {
    if let Some((_, Base::Pinned(pin))) = old
        && pin.name.as_str().contains(DERIVED)
        && keeps(config, wanted, &Base::Pinned(pin.clone()))
    {
        catalog::find(config, pin)?;
        return Ok((Base::Pinned(pin.clone()), None));
    }
    let kept = match old {
        Some((_, Base::Pinned(pin))) => Some(pin),
        _ => None,
    };
    let came_from = |text: &str| kept.filter(|pin| catalog::find(config, pin).is_ok_and(|known| known.source == text));
    let as_before = match wanted {
        Base::Directory(_) | Base::Archive { sha256: None, .. } => came_from(&wanted.to_string()),
        _ => None,
    };
    if let Some(pin) = as_before {
        return Ok((Base::Pinned(pin.clone()), None));
    }
    if let Some((jail, old)) = old
        && family(old)? != family(wanted)?
    {
        let what = format!("jail {jail} was made of base {old}, not {wanted}");
        return Err(conflict(what, "destroy it first, or make another jail"));
    }
    let request = |origin, sha256: &Option<Digest>| ImportRequest {
        origin,
        name: None,
        version: None,
        sha256: sha256.clone(),
        devices: false,
        limits: Limits::default(),
    };
    let imported = match wanted {
        Base::Host => return Ok((Base::Host, None)),
        Base::Pinned(pin) => {
            catalog::find(config, pin)?;
            return Ok((wanted.clone(), None));
        }
        Base::Newest(name) => {
            let pin = match kept.filter(|pin| &pin.name == name) {
                Some(pin) => pin.clone(),
                None => catalog::newest(config, name)?,
            };
            return Ok((Base::Pinned(pin), None));
        }
        Base::Directory(path) => import(config, &request(Origin::Directory(path.clone()), &None), watch)?,
        Base::Archive { path, sha256 } => import(config, &request(Origin::Archive(path.clone()), sha256), watch)?,
    };
    Ok((Base::Pinned(imported.pin.clone()), Some(imported)))
}

/// Does a jail that has `pinned` keep it when its spec asks for `wanted`, as [`resolve`] would have it? One with packages
/// installed counts as what they were installed into.
pub fn keeps(config: &Config, wanted: &Base, pinned: &Base) -> bool {
    let Base::Pinned(pin) = pinned else { return wanted == pinned };
    if wanted == pinned {
        return true;
    }
    let known = catalog::find(config, pin).ok();
    let derived = known.as_ref().and_then(|known| known.derived.as_ref());
    let pin = derived.map_or(pin, |derived| &derived.from);
    let source = || derived.map(|derived| &derived.source).or(known.as_ref().map(|known| &known.source));
    let sum = || derived.map(|derived| &derived.sha256).or(known.as_ref().map(|known| &known.sha256));
    match wanted {
        Base::Host => false,
        Base::Pinned(wanted) => wanted == pin,
        Base::Newest(name) => &pin.name == name,
        Base::Archive { sha256: Some(wanted), .. } => sum().is_some_and(|sum| sum == wanted.as_str()),
        Base::Directory(_) | Base::Archive { .. } => source().is_some_and(|source| *source == wanted.to_string()),
    }
}

/// What a base and its versions are called; `None` for the host's own programs.
fn family(base: &Base) -> Result<Option<Label>, JailError> {
    Ok(match base {
        Base::Host => None,
        Base::Pinned(Pin { name, .. }) | Base::Newest(name) => Some(original(name)),
        Base::Directory(path) | Base::Archive { path, .. } => Some(name_of(path)?),
    })
}

/// The name of what packages were installed into: `debian` of `debian+1f`.
pub(super) fn original(name: &Label) -> Label {
    name.as_str().split(DERIVED).next().and_then(|name| name.parse().ok()).unwrap_or_else(|| name.clone())
}

/// Keeps a settled base from being removed until the jail that is to pin it is there.
pub fn hold(config: &Config, base: &Base) -> Result<Option<Lock>, JailError> {
    let Base::Pinned(pin) = base else { return Ok(None) };
    let lock = Lock::bases(config)?;
    catalog::find(config, pin)?;
    Ok(Some(lock))
}

fn conflict(what: impl Into<String>, remedy: &str) -> JailError {
    JailError::Conflict { what: what.into(), remedy: remedy.into() }
}

/// `debian-12` of `/srv/debian-12.tar.gz`.
fn name_of(path: &Path) -> Result<Label, JailError> {
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = file.split_once(".tar").map_or(file, |(stem, _)| stem);
    let stem = stem.strip_suffix(".tgz").or_else(|| stem.strip_suffix(".tzst")).unwrap_or(stem);
    stem.parse().map_err(|_| conflict(format!("{} gives the base no name", path.display()), "name it"))
}

fn known(bases: &Directory, name: &Label, sum: &str) -> Result<Option<Import>, JailError> {
    let found = versions(bases, name)?.into_iter().find_map(|version| match version.manifest {
        Ok(manifest) if manifest.sha256 == sum && manifest.verified => Some((version.pin, manifest)),
        _ => None,
    });
    Ok(found.map(|(pin, manifest)| {
        let tally = Tally { entries: manifest.entries, bytes: manifest.bytes, ..Tally::default() };
        Import { pin, sha256: manifest.sha256, verified: true, new: false, tally }
    }))
}

fn copied(path: &Path, files: &Directory, watch: Watch<'_>) -> Result<(String, Tally), JailError> {
    let from = Directory::open(path)?.vetted()?;
    let leave = |found: &Found<'_>| NOT_OURS.iter().any(|name| found.name == *name);
    let tally = tree::copy(&from, files, &leave, watch)?;
    // Of what is there now, whatever the source became meanwhile.
    Ok((tree::digest(files)?, tally))
}

fn unpacked(path: &Path, files: &Directory, request: &ImportRequest, watch: Watch<'_>) -> Result<(String, Tally), JailError> {
    let (source, archive) = Source::open(path)?;
    let bad = |error| JailError::Archive { archive: archive.clone(), error };
    let rules = Rules { devices: request.devices, privileges: request.sha256.is_some(), leave: &NOT_OURS };
    let mut unpacker = Unpacker::new(files, &archive, rules, watch);
    let mut members = Members::new(source, request.limits);
    while let Some(member) = members.advance().map_err(bad)? {
        unpacker.add(&member, &member.path, &mut members.content())?;
    }
    let tally = unpacker.finish()?;
    let found = members.into_input().finish().map_err(bad)?;
    match &request.sha256 {
        Some(wanted) if wanted.as_str() != found => Err(bad(ArchiveError::Sum { wanted: wanted.as_str().to_owned(), found })),
        _ => Ok((found, tally)),
    }
}

/// A tree without programs is a slip: a wrong directory, or an archive with one directory around everything.
fn expect_programs(files: &Directory, path: &Path) -> Result<(), JailError> {
    for name in ["usr", "bin", "sbin"] {
        if files.status(name)?.is_some() {
            return Ok(());
        }
    }
    Err(JailError::Path {
        path: path.to_owned(),
        why: "holds neither usr nor bin at its top".into(),
        remedy: "give the root of a system".into(),
    })
}

/// A directory that is being filled. Its lock tells others that it is no leftover.
pub(super) struct Aside<'a> {
    base: &'a Directory,
    name: String,
    pub(super) directory: Directory,
    _lock: Flock<File>,
    named: bool,
}

impl<'a> Aside<'a> {
    pub(super) fn new(base: &'a Directory) -> Result<Aside<'a>, JailError> {
        let name = random_name(ASIDE)?;
        let directory = base.make(&name, 0o700)?;
        let lock = base.open_at(&name, OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty());
        let lock = lock.map_err(JailError::system(format!("open {}", directory.path().display())))?;
        let lock = Flock::lock(File::from(lock), FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| JailError::System { doing: format!("lock {}", directory.path().display()), errno })?;
        Ok(Aside { base, name, directory, _lock: lock, named: false })
    }

    /// Gives it its name, unless a version of that name is there; says whether it did. The caller holds the bases' lock.
    pub(super) fn appear(mut self, bases: &Directory, pin: &Pin, manifest: Manifest) -> Result<bool, JailError> {
        let there = versions(bases, &pin.name)?;
        if let Some(same) = there.iter().find(|version| version.pin == *pin) {
            return match &same.manifest {
                Ok(known) if known.sha256 == manifest.sha256 && (known.verified || !manifest.verified) => Ok(false),
                Ok(known) if known.sha256 == manifest.sha256 => Err(conflict(
                    format!("base {pin} was imported without its sum, so its setuid programs are none"),
                    "import it under another version",
                )),
                _ => Err(conflict(format!("base {pin} is there with another content"), "choose another version")),
            };
        }
        let serial = there.iter().filter_map(|version| Some(version.manifest.as_ref().ok()?.serial)).max().unwrap_or(0) + 1;
        let text = toml::to_string_pretty(&Manifest { serial, ..manifest }).expect("a manifest holds texts and numbers");
        self.directory.replace(MANIFEST, 0o644, text.as_bytes())?;
        self.directory.sync()?;
        rename_new(self.base.fd(), self.name.as_str(), self.base.fd(), pin.version.as_str())
            .map_err(JailError::system(format!("rename to {}", self.base.path_of(pin.version.as_str()).display())))?;
        self.named = true;
        self.base.sync()?;
        Ok(true)
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        if !self.named {
            // An error is being told, or the version was there; what cannot be removed now goes with the next import.
            let _ = remove_tree(self.base, &self.name);
        }
    }
}

/// Removes what killed imports and removals left of this base; says how many bytes that were.
pub fn sweep(base: &Directory) -> Result<u64, JailError> {
    let mut bytes = 0;
    for name in base.names(MAX_NAMES)? {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ASIDE)) else { continue };
        let Ok(open) = base.open_at(name, OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty()) else { continue };
        // Somebody fills it.
        let Ok(_lock) = Flock::lock(File::from(open), FlockArg::LockExclusiveNonblock) else { continue };
        bytes += base.find(name)?.map(|left| tree::measure(&left)).transpose()?.unwrap_or_default().bytes;
        remove_tree(base, name)?;
    }
    Ok(bytes)
}
