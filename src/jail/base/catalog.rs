//! The imported bases: `base/NAME/VERSION` below the data directory, each with `base.toml` and `tree`.

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::reference::Pin;
use crate::jail::label::Label;
use crate::jail::spec::nearest;
use crate::jail::store::Directory;
use crate::jail::{Config, JailError};

pub const MANIFEST: &str = "base.toml";
pub const TREE: &str = "tree";
const MANIFEST_LIMIT: usize = 64 << 10;
/// Bases, and versions of one, looked at.
const MAX: usize = 65536;

/// `base.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of this file.
    pub format: u32,
    /// Where it came from.
    pub source: String,
    /// Of the archive, or of the tree if it came from a directory.
    pub sha256: String,
    /// The sum was given beforehand, or the source is a directory of root's.
    pub verified: bool,
    /// Seconds since the epoch.
    pub imported: u64,
    /// Counts imports of this base: the newest has the largest.
    pub serial: u64,
    pub entries: u64,
    pub bytes: u64,
    /// It is another version with packages installed into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
}

/// What a base was before any package was installed into it, and what was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The imported version at the bottom; it may be gone by now.
    pub from: Pin,
    /// Where that came from, and its sum.
    pub source: String,
    pub sha256: String,
    /// All that was asked for since, in order, each once.
    pub packages: Vec<String>,
}

pub const FORMAT: u32 = 1;

/// A version of a base that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub pin: Pin,
    /// `Err`: why its `base.toml` cannot be read.
    pub manifest: Result<Manifest, String>,
}

/// The directory of all bases; `None` before the first.
pub fn bases(config: &Config) -> Result<Option<Directory>, JailError> {
    match Directory::open(&config.data_dir) {
        Err(JailError::System { errno: Errno::ENOENT, .. }) => Ok(None),
        found => found?.vetted()?.find("base")?.map(Directory::vetted).transpose(),
    }
}

/// Names in a directory that are labels, in order.
fn labels(directory: &Directory) -> Result<Vec<Label>, JailError> {
    let mut labels: Vec<Label> = directory.names(MAX)?.iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    labels.sort();
    Ok(labels)
}

/// Every version of every base; of each base the oldest first.
pub fn list(config: &Config) -> Result<Vec<Imported>, JailError> {
    let Some(bases) = bases(config)? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for name in labels(&bases)? {
        all.extend(versions(&bases, &name)?);
    }
    Ok(all)
}

/// The versions of one base, the oldest first.
pub fn versions(bases: &Directory, name: &Label) -> Result<Vec<Imported>, JailError> {
    let Some(base) = bases.find(name.as_str())?.map(Directory::vetted).transpose()? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for version in labels(&base)? {
        // Removed since it was listed.
        let Some(directory) = base.find(version.as_str())? else { continue };
        let manifest = read(&directory).map_err(|error| error.to_string());
        found.push(Imported { pin: Pin { name: name.clone(), version }, manifest });
    }
    found.sort_by_key(|version| version.manifest.as_ref().map_or(0, |manifest| manifest.serial));
    Ok(found)
}

fn read(version: &Directory) -> Result<Manifest, JailError> {
    let path = version.path_of(MANIFEST);
    let bytes = version.read(MANIFEST, MANIFEST_LIMIT)?;
    let bad =
        |why: String| JailError::Path { path: path.clone(), why, remedy: "import the base again under another version".into() };
    let text = String::from_utf8(bytes).map_err(|_| bad("is not UTF-8".into()))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| bad(format!("cannot be read: {}", error.message())))?;
    match manifest.format {
        FORMAT => Ok(manifest),
        other => Err(bad(format!("has format {other}, this jailsh knows {FORMAT}"))),
    }
}

/// The newest version of a base.
pub fn newest(config: &Config, name: &Label) -> Result<Pin, JailError> {
    let found = bases(config)?.map(|bases| versions(&bases, name)).transpose()?.unwrap_or_default();
    match found.into_iter().rfind(|version| version.manifest.is_ok()) {
        Some(version) => Ok(version.pin),
        None => Err(no_such_base(config, name.as_str())),
    }
}

/// What is known of a version.
pub fn find(config: &Config, pin: &Pin) -> Result<Manifest, JailError> {
    read(&version(config, pin)?)
}

fn version(config: &Config, pin: &Pin) -> Result<Directory, JailError> {
    let name = bases(config)?.map(|bases| bases.find(pin.name.as_str())).transpose()?.flatten();
    let found = name.map(|name| name.vetted()?.find(pin.version.as_str())).transpose()?.flatten();
    found.ok_or_else(|| no_such_base(config, &pin.to_string()))?.vetted()
}

/// The files of a version.
pub fn tree(config: &Config, pin: &Pin) -> Result<Directory, JailError> {
    version(config, pin)?.sub(TREE)?.vetted()
}

fn no_such_base(config: &Config, wanted: &str) -> JailError {
    // Without a list there is no hint; the error is the same.
    let known = list(config).unwrap_or_default();
    let names = known.iter().flat_map(|version| [version.pin.name.to_string(), version.pin.to_string()]);
    let names: Vec<String> = names.filter(|name| name.contains('@') == wanted.contains('@')).collect();
    JailError::NoSuchBase { base: wanted.to_owned(), hint: nearest(wanted, names.iter().map(String::as_str)) }
}
