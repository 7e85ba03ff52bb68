//! Snapshots: whole copies of a jail's data and `jail.toml`, sharing blocks with the original where the file system can.
//! They lie in the jail's own directory, so they are renamed and removed with it.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::freeze::Frozen;
use super::label::Label;
use super::lifecycle::{expect_down, running};
use super::spec::nearest;
use super::store::{self, Directory, Lock, appear, random_name, remove_tree};
use super::tree::{self, Tally, Watch};
use super::{Host, JailError, Spec, disk};
use crate::kernel::JailName;
use crate::kernel::system::rename_new;

const SNAPSHOTS: &str = "snapshots";
const MANIFEST: &str = "snapshot.toml";
const MANIFEST_LIMIT: usize = 64 << 10;
/// Snapshots of one jail looked at.
const MAX: usize = 65536;

/// A snapshot that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub name: Label,
    /// `Err`: why its description cannot be read.
    pub taken: Result<Taken, String>,
}

/// What was written down when it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Seconds since the epoch.
    pub taken: u64,
    pub entries: u64,
    /// Of all files together.
    pub bytes: u64,
    /// Files that shared their blocks with the jail's when it was taken; the others were copied.
    pub shared_files: u64,
    /// The jail ran, frozen: as after a loss of power, programs find what had reached their files.
    pub live: bool,
}

/// Takes a snapshot. A jail that is up is refused unless `live`: then it is frozen meanwhile. Nothing is left after a
/// failure.
pub fn snapshot(host: &Host, name: &JailName, label: &Label, live: bool, watch: Watch<'_>) -> Result<(Taken, Tally), JailError> {
    let _lock = Lock::jail(host, name)?;
    store::sweep(&host.config, name)?;
    let jail = store::jail(&host.config, name)?;
    let spec = store::read_spec(&jail, name)?.ok_or_else(|| store::no_such_jail(&host.config, name))?;
    let snapshots = jail.ensure(SNAPSHOTS, 0o700)?.vetted()?;
    sweep(&snapshots)?;
    if snapshots.status(label.as_str())?.is_some() {
        return Err(JailError::Conflict {
            what: format!("jail {name} has a snapshot {label} already"),
            remedy: "choose another name or delete that one".into(),
        });
    }
    let data = jail.sub("data")?.vetted()?;
    let mut outcome = None;
    let copied = still(host, name, live, |live| {
        appear(&snapshots, label.as_str(), 0o700, |made| {
            let copy = made.make("data", 0o755)?;
            let tally = tree::copy(&data, &copy, &|_| false, watch)?;
            let taken = Taken {
                taken: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
                entries: tally.entries,
                bytes: tally.bytes,
                shared_files: tally.shared_files,
                live,
            };
            let text = toml::to_string_pretty(&taken).expect("a snapshot's description holds numbers");
            made.write_new(MANIFEST, 0o600, text.as_bytes())?;
            store::write_first_spec(made, &spec)?;
            outcome = Some((taken, tally));
            tree::to_disk(made)
        })
    });
    copied?;
    Ok(outcome.expect("it was filled, or there was an error"))
}

/// Runs `work` while nothing in the jail does: it is down, or frozen if it may be.
pub fn still<T>(
    host: &Host,
    name: &JailName,
    live: bool,
    work: impl FnOnce(bool) -> Result<T, JailError>,
) -> Result<T, JailError> {
    let Some(jid) = running(host, name)? else { return work(false) };
    if !live {
        return Err(JailError::Conflict {
            what: format!("jail {name} is running"),
            remedy: "stop it first, or use --live to freeze it meanwhile".into(),
        });
    }
    let frozen = Frozen::new(host, jid)?;
    let done = work(true);
    let thawed = frozen.thaw(host, jid);
    done.and_then(|done| thawed.map(|()| done))
}

/// The snapshots of a jail, the oldest first.
pub fn snapshots(host: &Host, name: &JailName) -> Result<Vec<Snapshot>, JailError> {
    if let Some(_lock) = Lock::try_jail(&host.config, name)? {
        // A rollback that was cut may have left them aside.
        store::sweep(&host.config, name)?;
    }
    let jail = store::jail(&host.config, name)?;
    let Some(snapshots) = jail.find(SNAPSHOTS)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for label in labels(&snapshots)? {
        // Deleted since it was listed.
        let Some(directory) = snapshots.find(label.as_str())? else { continue };
        found.push(Snapshot { name: label, taken: read(&directory).map_err(|error| error.to_string()) });
    }
    found.sort_by_key(|snapshot| snapshot.taken.as_ref().map_or(0, |taken| taken.taken));
    Ok(found)
}

fn labels(snapshots: &Directory) -> Result<Vec<Label>, JailError> {
    let mut labels: Vec<Label> = snapshots.names(MAX)?.iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    labels.sort();
    Ok(labels)
}

fn read(snapshot: &Directory) -> Result<Taken, JailError> {
    let bytes = snapshot.read(MANIFEST, MANIFEST_LIMIT)?;
    toml::from_str(&String::from_utf8_lossy(&bytes)).map_err(|error| JailError::Path {
        path: snapshot.path_of(MANIFEST),
        why: format!("cannot be read: {}", error.message()),
        remedy: "delete that snapshot".into(),
    })
}

/// A snapshot's directory.
pub fn find(jail: &Directory, name: &JailName, label: &Label) -> Result<Directory, JailError> {
    let snapshots = jail.find(SNAPSHOTS)?;
    let found = snapshots.as_ref().map(|snapshots| snapshots.find(label.as_str())).transpose()?.flatten();
    match found {
        Some(found) => found.vetted(),
        None => {
            let known = snapshots.map(|snapshots| labels(&snapshots)).transpose()?.unwrap_or_default();
            let hint = nearest(label.as_str(), known.iter().map(Label::as_str)).and_then(|near| near.parse().ok());
            Err(JailError::NoSuchSnapshot { name: name.clone(), snapshot: label.clone(), hint })
        }
    }
}

/// The specs of all snapshots.
pub fn specs(jail: &Directory, name: &JailName) -> Result<Vec<Spec>, JailError> {
    let Some(snapshots) = jail.find(SNAPSHOTS)? else { return Ok(Vec::new()) };
    let mut specs = Vec::new();
    for label in labels(&snapshots)? {
        if let Some(directory) = snapshots.find(label.as_str())? {
            specs.extend(store::read_spec(&directory, name)?);
        }
    }
    Ok(specs)
}

/// Brings a jail that is down back to a snapshot: data and `jail.toml` in one step. Its snapshots stay.
pub fn rollback(host: &Host, name: &JailName, label: &Label, watch: Watch<'_>) -> Result<Tally, JailError> {
    let _lock = Lock::jail(host, name)?;
    store::sweep(&host.config, name)?;
    let jail = store::jail(&host.config, name)?;
    let snapshot = find(&jail, name, label)?;
    let spec = store::read_spec(&snapshot, name)?.ok_or_else(|| JailError::Path {
        path: snapshot.path().to_owned(),
        why: "has no jail.toml".into(),
        remedy: "delete that snapshot".into(),
    })?;
    expect_down(host, name)?;
    let jails = store::jails_or_make(&host.config)?;
    // What is put in its place is counted anew when the jail starts.
    disk::release(&jail)?;
    let mut tally = Tally::default();
    store::exchange(&jails, name, |made| {
        made.make("root", 0o755)?;
        let data = made.make("data", 0o755)?;
        tally = tree::copy(&snapshot.sub("data")?, &data, &|_| false, watch)?;
        store::write_first_spec(made, &spec)?;
        tree::to_disk(made)
    })?;
    Ok(tally)
}

/// Deletes a snapshot: first out of sight in one step, then for good.
pub fn delete_snapshot(host: &Host, name: &JailName, label: &Label) -> Result<(), JailError> {
    let _lock = Lock::jail(host, name)?;
    store::sweep(&host.config, name)?;
    let jail = store::jail(&host.config, name)?;
    find(&jail, name, label)?;
    let snapshots = jail.sub(SNAPSHOTS)?.vetted()?;
    sweep(&snapshots)?;
    let trash = random_name(".deleted-")?;
    rename_new(snapshots.fd(), label.as_str(), snapshots.fd(), trash.as_str())
        .map_err(JailError::system(format!("set {} aside", snapshots.path_of(label.as_str()).display())))?;
    snapshots.sync()?;
    remove_tree(&snapshots, &trash)
}

/// Removes what killed commands left among the snapshots. Only the holder of the jail's lock makes any there.
fn sweep(snapshots: &Directory) -> Result<(), JailError> {
    for name in snapshots.names(MAX)? {
        if let Some(name) = name.to_str().filter(|name| name.starts_with('.')) {
            remove_tree(snapshots, name)?;
        }
    }
    Ok(())
}

/// The same for a jail whose lock is held; says how many bytes that were.
pub fn sweep_of(jail: &Directory) -> Result<u64, JailError> {
    let Some(snapshots) = jail.find(SNAPSHOTS)? else { return Ok(0) };
    let mut bytes = 0;
    for name in snapshots.names(MAX)? {
        if let Some(name) = name.to_str().filter(|name| name.starts_with('.')) {
            bytes += snapshots.find(name)?.map(|left| tree::measure(&left)).transpose()?.unwrap_or_default().bytes;
        }
    }
    sweep(&snapshots)?;
    Ok(bytes)
}
