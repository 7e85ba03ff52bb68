//! Reserved ports: programs on the root control group that let a reserved port be bound by members of its owner's control
//! group alone, whoever asks, and the kernel's list of ports it never picks by itself.

use std::collections::BTreeMap;

use crate::kernel::{KernelError, Port};

/// Do the programs load and attach here? Else why not. Leaves nothing attached.
pub fn probe() -> Result<(), String> {
    unimplemented!()
}

/// Makes the kernel enforce exactly these reservations: port -> id of the owner's control group (its inode number).
/// Idempotent; also repairs what a crash left. With none, nothing stays attached. The caller holds the body's lock.
pub fn reconcile(_reserved: &BTreeMap<Port, u64>) -> Result<(), KernelError> {
    unimplemented!()
}
