//! A jail from an archive that `export` wrote: unpacked aside, compared with the sums it carries, and only then given its
//! name.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::archive::{ArchiveError, Limits, Members, Rules, Source, Unpacker};
use super::base::{self, Base};
use super::clone::{expect_free, retag};
use super::export::{DATA, FORMAT, HEAD, Head, MANIFEST, Manifest, SPEC};
use super::store::{self, Directory, Lock};
use super::tree::{self, Tally, Watch, hexadecimal};
use super::{Host, JailError, Spec};
use crate::kernel::JailName;

/// The texts of an archive are small.
const TEXT_LIMIT: u64 = 1 << 20;

/// What is to be imported, and as what.
pub struct ImportRequest {
    /// A file, or standard input for `-`.
    pub archive: PathBuf,
    /// Instead of the name it was exported under.
    pub name: Option<JailName>,
    /// The archive must have it.
    pub sha256: Option<super::Digest>,
    pub limits: Limits,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedJail {
    pub name: JailName,
    pub spec: Spec,
    pub tally: Tally,
    /// Of the archive as it came.
    pub sha256: String,
}

/// Imports a jail; it appears whole, or nothing does. Takes the lock of its name.
pub fn import(host: &Host, request: &ImportRequest, watch: Watch<'_>) -> Result<ImportedJail, JailError> {
    let (source, archive) = Source::open(&request.archive)?;
    let mut reading = Reading { members: Members::new(source, request.limits), archive: &archive };
    let head = reading.head()?;
    let text = reading.text(SPEC)?;
    let name = request.name.clone().unwrap_or_else(|| head.jail.clone());
    let spec = reading.spec(&text, &head.jail, &name)?;
    if let Base::Pinned(pin) = &spec.base {
        // Before the long work; looked at again after it.
        base::find(&host.config, pin)?;
    }
    let _lock = Lock::jail(host, &name)?;
    let jails = store::jails_or_make(&host.config)?;
    store::sweep(&host.config, &name)?;
    expect_free(&jails, &name)?;
    let mut tally = Tally::default();
    // Held until the jail is there and pins its base.
    let mut pinned = None;
    let mut sha256 = String::new();
    store::appear(&jails, name.as_str(), 0o700, |made| {
        made.make("root", 0o755)?;
        let data = made.make("data", 0o755)?;
        let (manifest, done) = reading.data(&data, watch)?;
        tally = done;
        reading.compare(&manifest, &text, &data, &tally)?;
        sha256 =
            reading.members.into_input().finish().map_err(|error| JailError::Archive { archive: archive.to_owned(), error })?;
        if let Some(wanted) = request.sha256.as_ref().filter(|wanted| wanted.as_str() != sha256) {
            let error = ArchiveError::Sum { wanted: wanted.as_str().to_owned(), found: sha256.clone() };
            return Err(JailError::Archive { archive: archive.to_owned(), error });
        }
        store::write_first_spec(made, &spec)?;
        tree::to_disk(made)?;
        if let Base::Pinned(pin) = &spec.base {
            pinned = base::hold(&host.config, &spec.base)?;
            let here = base::find(&host.config, pin)?;
            if manifest.base_sha256.as_ref().is_some_and(|wanted| *wanted != here.sha256) {
                return Err(JailError::Conflict {
                    what: format!("the base {pin} of this host is not the one that the jail was exported with"),
                    remedy: "import that base under another version, and export the jail with it".into(),
                });
            }
        }
        Ok(())
    })?;
    drop(pinned);
    Ok(ImportedJail { name, spec, tally, sha256 })
}

/// What an archive says of itself, without its content.
///
/// # Errors
/// [`JailError::Archive`] for what is no export of a jail.
pub fn head(file: &Path) -> Result<Head, JailError> {
    let (source, archive) = Source::open(file)?;
    Reading { members: Members::new(source, Limits::default()), archive: &archive }.head()
}

struct Reading<'a, R> {
    members: Members<R>,
    archive: &'a str,
}

impl<R: Read> Reading<'_, R> {
    fn bad(&self, error: ArchiveError) -> JailError {
        JailError::Archive { archive: self.archive.to_owned(), error }
    }

    fn no_export(&self, why: impl Into<String>) -> JailError {
        self.bad(ArchiveError::NoExport(why.into()))
    }

    /// The next member, which must be a text of this name.
    fn text(&mut self, name: &str) -> Result<String, JailError> {
        let member = self.members.advance().map_err(|error| self.bad(error))?;
        match member {
            Some(member) if member.path == name.as_bytes() => self.content(name, member.size),
            Some(member) => {
                let found = String::from_utf8_lossy(&member.path).chars().take(80).collect::<String>();
                Err(self.no_export(format!("is no export of a jail: holds {found:?} where {name} should be")))
            }
            None => Err(self.no_export(format!("is no export of a jail: {name} is missing"))),
        }
    }

    fn content(&mut self, name: &str, size: u64) -> Result<String, JailError> {
        if size > TEXT_LIMIT {
            return Err(self.no_export(format!("holds a {name} of {size} bytes, which is no such file")));
        }
        let mut bytes = Vec::new();
        let read = self.members.content().read_to_end(&mut bytes);
        read.map_err(|error| self.bad(ArchiveError::reading(&error)))?;
        String::from_utf8(bytes).map_err(|_| self.no_export(format!("holds a {name} that is not UTF-8")))
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, text: &str) -> Result<T, JailError> {
        toml::from_str(text).map_err(|error| self.no_export(format!("holds a {name} that cannot be read: {}", error.message())))
    }

    fn head(&mut self) -> Result<Head, JailError> {
        let text = self.text(HEAD)?;
        // The format first: what else is there depends on it.
        let format = text.parse::<toml::Table>().ok().and_then(|table| table.get("format")?.as_integer());
        match format {
            Some(format) if format == i64::from(FORMAT) => self.parse(HEAD, &text),
            Some(format) => Err(self.no_export(format!("has format {format}, this jailsh knows {FORMAT}"))),
            None => Err(self.no_export(format!("holds a {HEAD} that names no format"))),
        }
    }

    fn spec(&self, text: &str, exported: &JailName, name: &JailName) -> Result<Spec, JailError> {
        let path = format!("{}: {SPEC}", self.archive);
        let mut spec = Spec::from_toml(exported, text).map_err(|error| JailError::Spec { path, error })?;
        if !matches!(spec.base, Base::Host | Base::Pinned(_)) {
            return Err(self.no_export(format!("pins no version of a base but {}", spec.base)));
        }
        retag(&mut spec, exported, name);
        Ok(spec)
    }

    /// Unpacks all of `data` and reads the manifest behind it.
    fn data(&mut self, data: &Directory, watch: Watch<'_>) -> Result<(Manifest, Tally), JailError> {
        let rules = Rules { devices: false, privileges: true, leave: &[] };
        let mut unpacker = Unpacker::new(data, self.archive, rules, watch);
        let prefix = format!("{DATA}/").into_bytes();
        loop {
            let Some(member) = self.members.advance().map_err(|error| self.bad(error))? else {
                return Err(self.bad(ArchiveError::Truncated));
            };
            if member.path == MANIFEST.as_bytes() {
                let text = self.content(MANIFEST, member.size)?;
                let manifest = self.parse(MANIFEST, &text)?;
                if self.members.advance().map_err(|error| self.bad(error))?.is_some() {
                    return Err(self.no_export(format!("goes on after its {MANIFEST}")));
                }
                return Ok((manifest, unpacker.finish()?));
            }
            let Some(path) = member.path.strip_prefix(prefix.as_slice()) else {
                return Err(self.bad(ArchiveError::entry(&member.path, "belongs to no export of a jail")));
            };
            let path = path.to_vec();
            if path.is_empty() {
                unpacker.top(&member);
                continue;
            }
            let member = member.below(&prefix).map_err(|error| self.bad(error))?;
            unpacker.add(&member, &path, &mut self.members.content())?;
        }
    }

    /// What lies on the disk now is what was exported.
    fn compare(&self, manifest: &Manifest, spec: &str, data: &Directory, tally: &Tally) -> Result<(), JailError> {
        if tally.lost_attributes > 0 {
            return Err(JailError::Path {
                path: data.path().to_owned(),
                why: format!("{} extended attributes cannot be kept by this file system", tally.lost_attributes),
                remedy: "use a data directory on one that can".into(),
            });
        }
        let sum = |wanted: &str, found: String| match wanted == found {
            true => Ok(()),
            false => Err(self.bad(ArchiveError::Sum { wanted: wanted.to_owned(), found })),
        };
        sum(&manifest.spec_sha256, hexadecimal(&Sha256::digest(spec.as_bytes())))?;
        sum(&manifest.data_sha256, tree::digest(data)?)
    }
}
