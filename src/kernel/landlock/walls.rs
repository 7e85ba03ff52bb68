//! Confining a process for good: IPC namespace, Landlock domain, capabilities, system call filter.

use nix::errno::Errno;

use crate::kernel::{KernelError, RightSet};

/// What confines the members of one jail, prepared while files can be opened and memory allocated.
pub struct Walls {}

impl Walls {
    /// For members that hold these rights.
    pub fn prepare(_rights: RightSet) -> Result<Walls, KernelError> {
        unimplemented!()
    }

    /// Confines the calling process and all it will ever fork. It must have one thread, be host root with all
    /// capabilities, and stand in the jail's mount namespace: the tree below its root is all the domain will reach.
    pub fn close(&self) -> Result<(), Errno> {
        unimplemented!()
    }
}

/// The capabilities that members holding these rights keep, a bit each.
pub fn capabilities(_rights: RightSet) -> u64 {
    unimplemented!()
}
