//! Names and ports as links to the number of the jail they belong to, so that it is found without reading all others.
//!
//! They are made before the jail's file and removed after it, and a jail is there if its file is: a link that a kill in
//! between left leads to no file, or to that of a jail without the name or port, as numbers are never given twice.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Guard, Record, Registry};
use crate::kernel::{Conflict, JailName, Jid, KernelError, Reservation};

pub const NAMES: &str = "names";
pub const PORTS: &str = "ports";

impl Registry {
    pub fn find(&self, name: &JailName) -> Result<Option<Record>, KernelError> {
        Ok(self.linked(NAMES, name.as_str())?.filter(|jail| jail.name == *name))
    }

    /// Which of these another jail has.
    pub fn in_the_way(&self, wanted: &[Reservation]) -> Result<Option<Conflict<JailName>>, KernelError> {
        if wanted.is_empty() {
            return Ok(None);
        }
        for theirs in self.reserved()? {
            let Some(wanted) = wanted.iter().copied().find(|wanted| wanted.overlaps(theirs)) else { continue };
            if let Some(owner) = self.linked(PORTS, &entry_of(theirs))?.filter(|jail| jail.ports.contains(&theirs)) {
                return Ok(Some(Conflict { wanted, theirs, owner: owner.name }));
            }
        }
        Ok(None)
    }

    /// All ports of jails, and none but those where no verb was killed.
    pub fn ports(&self) -> Result<BTreeSet<u32>, KernelError> {
        Ok(self.reserved()?.into_iter().flat_map(Reservation::numbers).map(u32::from).collect())
    }

    /// What jails reserve, likewise. What is no reservation is no link of ours.
    fn reserved(&self) -> Result<Vec<Reservation>, KernelError> {
        let path = self.path(PORTS);
        let doing = || KernelError::io(format!("list {}", path.display()));
        let mut found = Vec::new();
        for entry in fs::read_dir(&path).map_err(doing())? {
            let name = entry.map_err(doing())?.file_name();
            found.extend(name.to_str().and_then(|name| name.replace('+', "/").parse::<Reservation>().ok()));
        }
        Ok(found)
    }

    fn linked(&self, part: &str, entry: &str) -> Result<Option<Record>, KernelError> {
        let path = self.path(part).join(entry);
        let target = match fs::read_link(&path) {
            Ok(target) => target,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KernelError::io(format!("read {}", path.display()))(error)),
        };
        let Some(jid) = target.to_str().and_then(|text| text.parse().ok()).and_then(Jid::new) else { return Ok(None) };
        match self.jail(jid) {
            Err(KernelError::NoSuchJail(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Links in the place of any that a kill left, its name in `names`. The caller has seen that no jail has that or a port.
    pub(super) fn link(&self, guard: &Guard, jail: &Record, names: &str) -> Result<(), KernelError> {
        for (part, entry) in entries(jail) {
            let path = self.path(if part == NAMES { names } else { part }).join(entry);
            self.unlink(guard, &path)?;
            symlink(jail.jid.to_string(), &path).map_err(KernelError::io(format!("make {}", path.display())))?;
        }
        Ok(())
    }

    /// Removes the links that kills left.
    pub fn sweep(&self, guard: &Guard) -> Result<(), KernelError> {
        let jails = self.jails()?;
        let used: BTreeSet<PathBuf> = jails.iter().flat_map(entries).map(|(part, entry)| self.path(part).join(entry)).collect();
        for part in [NAMES, PORTS] {
            let path = self.path(part);
            let doing = || KernelError::io(format!("list {}", path.display()));
            for entry in fs::read_dir(&path).map_err(doing())? {
                let link = entry.map_err(doing())?.path();
                if !used.contains(&link) {
                    self.unlink(guard, &link)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn unlink(&self, _guard: &Guard, path: &Path) -> Result<(), KernelError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(KernelError::io(format!("remove {}", path.display()))(error))
            }
            _ => Ok(()),
        }
    }
}

/// No two jails reserve the same, so what it is called is one jail's.
fn entry_of(reserved: Reservation) -> String {
    reserved.to_string().replace('/', "+")
}

/// Where a jail is linked from.
pub fn entries(jail: &Record) -> impl Iterator<Item = (&'static str, String)> {
    let ports = jail.ports.iter().map(|ports| (PORTS, entry_of(*ports)));
    std::iter::once((NAMES, jail.name.to_string())).chain(ports)
}
