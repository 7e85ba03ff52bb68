//! The way into one jail, for its keeper alone. Holds no descriptor: one of the control group's member file would let
//! whoever gets hold of it move any process of the host into the jail.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;

use super::registry::{Record, Registry};
use super::walls::Walls;
use crate::kernel::{Gate, JailName, Jid, KernelError, RightSet, cgroup};

pub struct LandlockGate {
    jid: Jid,
    name: JailName,
    registry: Registry,
    rights: RightSet,
}

impl LandlockGate {
    pub fn open(directory: &Path, jail: &Record) -> Result<LandlockGate, KernelError> {
        let registry = Registry::open(directory)?;
        Ok(LandlockGate { jid: jail.jid, name: jail.name.clone(), registry, rights: jail.rights() })
    }
}

impl Gate for LandlockGate {
    fn descriptors(&self) -> Vec<i32> {
        Vec::new()
    }

    fn group(&self) -> Option<OwnedFd> {
        cgroup::open(self.name.as_str())
    }

    /// Looks for the jail's end after it joined: whoever ends a jail says so first and then kills whom it finds.
    fn join_cgroup(&self, born: bool) -> Result<(), Errno> {
        // A keeper was executed since, and does not know.
        let born = born || cgroup::holds(self.name.as_str(), std::process::id() as i32);
        let groups = cgroup::open_members(self.name.as_str()).map_err(|_| Errno::ESRCH)?;
        for members in groups.into_iter().skip(usize::from(born)) {
            let joined = File::from(members).write_all(b"0");
            joined.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
        }
        match self.registry.jail(self.jid) {
            Ok(jail) if !jail.closing => Ok(()),
            _ => Err(Errno::ESRCH),
        }
    }

    fn enter(&self) -> Result<(), Errno> {
        // Only who enters needs them: the filter takes a moment to generate.
        Walls::prepare(self.rights).map_err(|_| Errno::EOPNOTSUPP)?.close()
    }
}
