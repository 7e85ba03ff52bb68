//! Root's powers, which here are not parted into capabilities: the module decides about each.

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, setgid, setuid};

/// Nothing to drop.
pub fn drop_capabilities(_keep: u64) -> Result<(), Errno> {
    Ok(())
}

/// Becomes the user for good: setuid(2) of root sets real, effective and saved.
pub fn set_user(uid: Uid) -> Result<(), Errno> {
    setuid(uid)
}

/// Becomes a member of the group for good.
pub fn set_group(gid: Gid) -> Result<(), Errno> {
    setgid(gid)
}

/// Becomes the user. One who may bind ports below 1024 though it is not root is not to be had here: as on Linux where a process
/// may not have that, it becomes the user without.
pub fn set_user_with_low_ports(uid: Uid) -> Result<(), Errno> {
    set_user(uid)
}
