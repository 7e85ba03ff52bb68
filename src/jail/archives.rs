//! What jails take on the disk: their files, their snapshots, and the archives that a directory of the administrator holds.

use std::path::{Path, PathBuf};

use super::import::head;
use super::store;
use super::tree;
use super::{Host, JailError, snapshot};
use crate::kernel::JailName;

/// An archive that `export` wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    pub path: PathBuf,
    pub jail: JailName,
    /// Seconds since the epoch.
    pub exported: u64,
    /// Of the file.
    pub bytes: u64,
}

/// The archives of jails in a directory, the oldest first. Files that are none are passed over.
pub fn archives(directory: &Path) -> Result<Vec<Archived>, JailError> {
    let doing = || format!("list {}", directory.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(JailError::io(doing()))? {
        let entry = entry.map_err(JailError::io(doing()))?;
        // Not what a link leads to, which is somebody else's; nor one that is gone since it was listed.
        let Ok(status) = entry.metadata() else { continue };
        if !status.is_file() {
            continue;
        }
        if let Ok(head) = head(&entry.path()) {
            found.push(Archived { path: entry.path(), jail: head.jail, exported: head.exported, bytes: status.len() });
        }
    }
    found.sort_by(|a, b| (a.exported, &a.path).cmp(&(b.exported, &b.path)));
    Ok(found)
}

/// Removes an archive; only what is one.
///
/// # Errors
/// [`JailError::Archive`] for another file, which stays.
pub fn delete_archive(file: &Path) -> Result<(), JailError> {
    head(file)?;
    std::fs::remove_file(file).map_err(JailError::io(format!("remove {}", file.display())))
}

/// What one jail takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUse {
    pub jail: JailName,
    /// Entries of its data, directories among them.
    pub files: u64,
    /// What they take on the disk, in bytes.
    pub bytes: u64,
    pub snapshots: u64,
    /// Bytes of all their files; blocks that are shared are counted for each.
    pub snapshot_bytes: u64,
}

/// Measures a jail's data and sums up its snapshots.
pub fn disk_use(host: &Host, name: &JailName) -> Result<DiskUse, JailError> {
    let tally = tree::measure(&store::jail(&host.config, name)?.sub("data")?)?;
    let snapshots = snapshot::snapshots(host, name)?;
    Ok(DiskUse {
        jail: name.clone(),
        files: tally.entries,
        bytes: tally.bytes,
        snapshots: snapshots.len() as u64,
        snapshot_bytes: snapshots.iter().filter_map(|snapshot| snapshot.taken.as_ref().ok()).map(|taken| taken.bytes).sum(),
    })
}
