//! The system call filter of a jail, generated from the rights table: what takes a right the jail lacks is refused.

use crate::kernel::RightSet;

/// The seccomp program for members that hold these rights.
pub fn program(_rights: RightSet) -> seccompiler::BpfProgram {
    unimplemented!()
}
