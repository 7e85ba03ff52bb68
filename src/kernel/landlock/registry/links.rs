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
use crate::kernel::{JailName, Jid, KernelError, Port};

pub const NAMES: &str = "names";
pub const PORTS: &str = "ports";

impl Registry {
    pub fn find(&self, name: &JailName) -> Result<Option<Record>, KernelError> {
        Ok(self.linked(NAMES, name.as_str())?.filter(|jail| jail.name == *name))
    }

    /// Whose the port is.
    pub fn owner(&self, port: Port) -> Result<Option<Record>, KernelError> {
        Ok(self.linked(PORTS, &port.to_string())?.filter(|jail| jail.ports.contains(&port)))
    }

    /// All ports of jails, and none but those where no verb was killed.
    pub fn ports(&self) -> Result<BTreeSet<u32>, KernelError> {
        self.numbers(PORTS)
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

/// Where a jail is linked from.
pub fn entries(jail: &Record) -> impl Iterator<Item = (&'static str, String)> {
    let ports = jail.ports.iter().map(|port| (PORTS, port.to_string()));
    std::iter::once((NAMES, jail.name.to_string())).chain(ports)
}
