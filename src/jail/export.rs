//! A jail as one archive: what it is, `jail.toml`, its data, and the sums of all that.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::archive::{Compression, Packed, Packer};
use super::base::{self, Base};
use super::label::Label;
use super::snapshot::{self, still};
use super::store::{self, Directory, Lock};
use super::tree::{Tally, Watch, hexadecimal};
use super::{Host, JailError};
use crate::kernel::JailName;
use crate::kernel::system;

pub const FORMAT: u32 = 1;
/// First in an archive.
pub const HEAD: &str = "jailsh-export.toml";
pub const SPEC: &str = "jail.toml";
pub const DATA: &str = "data";
/// Last.
pub const MANIFEST: &str = "manifest.toml";

/// What is known before the data was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub format: u32,
    pub jail: JailName,
    /// Of the program that wrote it.
    pub jailsh: String,
    /// Seconds since the epoch.
    pub exported: u64,
}

/// What is known after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub entries: u64,
    pub bytes: u64,
    pub spec_sha256: String,
    /// Of the data as [`super::tree::digest`] has it: names, attributes and contents.
    pub data_sha256: String,
    /// Sum of the base that the jail pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_sha256: Option<String>,
}

/// What is to be exported, and how.
pub struct ExportRequest {
    pub name: JailName,
    /// From this snapshot instead of the jail as it is.
    pub snapshot: Option<Label>,
    /// Freeze the jail if it runs.
    pub live: bool,
    pub compression: Compression,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub tally: Tally,
    pub data_sha256: String,
}

/// Writes a jail to `output`, which messages call `archive`.
pub fn export(
    host: &Host,
    request: &ExportRequest,
    output: &mut dyn Write,
    archive: &str,
    watch: Watch<'_>,
) -> Result<Exported, JailError> {
    let name = &request.name;
    let _lock = Lock::jail(host, name)?;
    store::sweep(&host.config, name)?;
    let jail = store::jail(&host.config, name)?;
    let source = match &request.snapshot {
        Some(label) => snapshot::find(&jail, name, label)?,
        None => jail,
    };
    let spec = store::read_spec(&source, name)?.ok_or_else(|| store::no_such_jail(&host.config, name))?;
    let base_sha256 = match &spec.base {
        Base::Pinned(pin) => Some(base::find(&host.config, pin)?.sha256),
        _ => None,
    };
    let data = source.sub("data")?.vetted()?;
    let write = |_live| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let head = Head { format: FORMAT, jail: name.clone(), jailsh: env!("CARGO_PKG_VERSION").into(), exported: now };
        let spec = spec.to_toml();
        let mut packer = Packer::new(Packed::new(output, request.compression), archive);
        let seconds = now as i64;
        packer.add_bytes(HEAD, toml(&head).as_bytes(), seconds)?;
        packer.add_bytes(SPEC, spec.as_bytes(), seconds)?;
        let (data_sha256, tally) = packer.add_tree(&data, DATA, watch)?;
        let manifest = Manifest {
            format: FORMAT,
            entries: tally.entries,
            bytes: tally.bytes,
            spec_sha256: hexadecimal(&Sha256::digest(spec.as_bytes())),
            data_sha256: data_sha256.clone(),
            base_sha256,
        };
        packer.add_bytes(MANIFEST, toml(&manifest).as_bytes(), seconds)?;
        let written = JailError::io(format!("write {archive}"));
        packer.finish()?.finish().map_err(written)?;
        Ok(Exported { tally, data_sha256 })
    };
    match request.snapshot {
        Some(_) => write(false),
        None => still(host, name, request.live, write),
    }
}

/// The same to a file that appears when it is whole, and never over another.
pub fn export_file(host: &Host, request: &ExportRequest, path: &Path, watch: Watch<'_>) -> Result<Exported, JailError> {
    let doing = || format!("write {}", path.display());
    let file = path.file_name().ok_or_else(|| JailError::Path {
        path: path.to_owned(),
        why: "names no file".into(),
        remedy: "name one to write".into(),
    })?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = Directory::open(&parent.canonicalize().map_err(JailError::io(format!("open {}", parent.display())))?)?;
    if parent.status(file)?.is_some() {
        return Err(there(path));
    }
    let (made, aside) = nameless(&parent).map_err(|error| match error {
        JailError::System { errno, .. } => JailError::System { doing: doing(), errno },
        error => error,
    })?;
    let written = || {
        let mut output = BufWriter::with_capacity(1 << 20, made);
        let exported = export(host, request, &mut output, &path.display().to_string(), watch)?;
        let made = output.into_inner().map_err(|error| JailError::io(doing())(error.into_error()))?;
        made.sync_all().map_err(JailError::io(doing()))?;
        let named = match &aside {
            Some(aside) => system::rename_new(parent.fd(), aside.as_str(), parent.fd(), file),
            None => system::give_name(made.as_fd(), parent.fd(), Path::new(file)),
        };
        match named {
            Ok(()) => parent.sync().map(|()| exported),
            Err(Errno::EEXIST) => Err(there(path)),
            Err(errno) => Err(JailError::System { doing: doing(), errno }),
        }
    };
    let written = written();
    if let (Some(aside), true) = (&aside, written.is_err()) {
        // The first error is the one to tell.
        let _ = unlinkat(parent.fd(), aside.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    written
}

/// A file without a name, which vanishes with us however we end; or a hidden one where there is no such thing.
fn nameless(parent: &Directory) -> Result<(File, Option<String>), JailError> {
    match system::nameless(parent.fd()) {
        Ok(made) => Ok((made.into(), None)),
        Err(Errno::EOPNOTSUPP) => {
            let aside = store::random_name(".jailsh-export-")?;
            Ok((parent.write_new(&aside, 0o600, b"")?.into(), Some(aside)))
        }
        Err(errno) => Err(JailError::System { doing: "make a file".into(), errno }),
    }
}

fn there(path: &Path) -> JailError {
    let why = "is there already".into();
    JailError::Path { path: path.to_owned(), why, remedy: "choose another name or remove it".into() }
}

fn toml(value: &impl Serialize) -> String {
    toml::to_string_pretty(value).expect("texts and numbers")
}
