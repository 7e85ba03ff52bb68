//! The kernel module proper.

use std::time::Duration;

use super::{Denial, Description, Gate, JailDef, JailInfo, JailStats, Jid, Kernel, KernelError, Member, Policy};

/// The loaded module.
pub struct Lsm {}

/// What `jailsh kmod status` shows.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Status {
    pub loaded: bool,
    pub abi: u32,
    pub programs: usize,
    pub jails: usize,
    pub members: u64,
    pub directory: String,
}

impl Lsm {
    /// Where the module is pinned: a bpffs of its own.
    pub const DIRECTORY: &'static str = "/run/jailsh/kmod";

    /// Opens the module that is loaded. [`KernelError::NotLoaded`], [`KernelError::Abi`].
    pub fn open() -> Result<Self, KernelError> {
        todo!()
    }

    pub fn open_or_load() -> Result<Self, KernelError> {
        todo!()
    }

    /// Loads the module, or replaces a loaded one without a gap.
    pub fn load() -> Result<Self, KernelError> {
        todo!()
    }

    /// Removes the module; [`KernelError::Busy`] while a jail exists.
    pub fn unload() -> Result<(), KernelError> {
        todo!()
    }

    /// Does this kernel take BPF LSM programs? Found out by loading a trivial one.
    pub fn probe() -> Result<(), KernelError> {
        todo!()
    }

    pub fn status() -> Result<Status, KernelError> {
        todo!()
    }
}

impl Kernel for Lsm {
    fn describe(&self) -> Description {
        todo!()
    }
    fn create(&self, _def: &JailDef) -> Result<Jid, KernelError> {
        todo!()
    }
    fn update(&self, _jid: Jid, _policy: &Policy) -> Result<(), KernelError> {
        todo!()
    }
    fn destroy(&self, _jid: Jid) -> Result<(), KernelError> {
        todo!()
    }
    fn gate(&self, _jid: Jid) -> Result<Box<dyn Gate>, KernelError> {
        todo!()
    }
    fn members(&self, _jid: Jid) -> Result<Vec<Member>, KernelError> {
        todo!()
    }
    fn signal_all(&self, _jid: Jid, _signal: i32) -> Result<usize, KernelError> {
        todo!()
    }
    fn kill_all(&self, _jid: Jid, _timeout: Duration) -> Result<(), KernelError> {
        todo!()
    }
    fn freeze(&self, _jid: Jid) -> Result<(), KernelError> {
        todo!()
    }
    fn thaw(&self, _jid: Jid) -> Result<(), KernelError> {
        todo!()
    }
    fn list(&self) -> Result<Vec<JailInfo>, KernelError> {
        todo!()
    }
    fn stats(&self, _jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError> {
        todo!()
    }
    fn sample(&self, _jid: Jid) -> Result<(), KernelError> {
        todo!()
    }
    fn hold(&self, _jid: Jid, _held: bool) -> Result<(), KernelError> {
        todo!()
    }
    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError> {
        todo!()
    }
}
