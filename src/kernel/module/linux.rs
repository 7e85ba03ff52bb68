//! BPF programs, pinned.

use super::Status;
use crate::kernel::landlock::Landlock;
use crate::kernel::lsm::Lsm;
use crate::kernel::{Description, Kernel, KernelError};

/// Where a member would look for the module.
pub const FILES: &str = Lsm::DIRECTORY;

/// Loads it, or replaces a loaded one without a gap.
pub fn load() -> Result<(), KernelError> {
    Lsm::load().map(drop)
}

/// Removes it; refused while a jail exists.
pub fn unload() -> Result<(), KernelError> {
    Lsm::unload()
}

/// What is loaded; `None`: nothing.
pub fn loaded() -> Result<Option<(Status, Description)>, KernelError> {
    match Lsm::open() {
        Ok(lsm) => Ok(Some((Lsm::status()?, lsm.describe()))),
        Err(KernelError::NotLoaded) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why this kernel does not take it, if so.
pub fn refusal() -> Option<KernelError> {
    Lsm::probe().err()
}

/// Are jails held here without it?
pub fn jails_do_without() -> bool {
    Landlock::probe().is_ok()
}
