//! The device allow-list of a jail as a program on its control group. It goes with the group.

use std::path::Path;

use crate::kernel::KernelError;

/// Does the program load here? Else why not.
pub fn probe() -> Result<(), String> {
    unimplemented!()
}

/// From now on members of `group` (a directory of the cgroup2 file system) open only the devices every jail may.
pub fn guard(_group: &Path) -> Result<(), KernelError> {
    unimplemented!()
}
