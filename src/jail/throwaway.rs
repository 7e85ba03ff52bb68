//! Jails that a verb makes for itself and throws away. What a killed one leaves is removed by the next that makes such.

use super::{Host, JailError, destroy, lifecycle, store};
use crate::kernel::JailName;

/// Gone when dropped.
pub struct Throwaway<'a> {
    host: &'a Host,
    pub name: JailName,
}

impl<'a> Throwaway<'a> {
    /// Makes one with a name of the prefix and this process's number.
    pub fn new(
        host: &'a Host,
        prefix: &str,
        make: impl FnOnce(&JailName) -> Result<(), JailError>,
    ) -> Result<Throwaway<'a>, JailError> {
        sweep(host, prefix)?;
        let name: JailName = format!("{prefix}{}", std::process::id()).parse()?;
        make(&name)?;
        Ok(Throwaway { host, name })
    }
}

impl Drop for Throwaway<'_> {
    fn drop(&mut self) {
        // What is left is swept by the next one.
        let _ = remove(self.host, &self.name);
    }
}

fn remove(host: &Host, name: &JailName) -> Result<(), JailError> {
    lifecycle::tear_down(host, name)?;
    destroy(host, name)
}

/// Is there a process of this number, of whomever?
fn is_alive(pid: u32) -> bool {
    let none = None::<nix::sys::signal::Signal>;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), none) != Err(nix::errno::Errno::ESRCH)
}

/// Removes those of processes that are gone.
fn sweep(host: &Host, prefix: &str) -> Result<(), JailError> {
    for name in store::names(&host.config)? {
        let pid = name.as_str().strip_prefix(prefix).and_then(|pid| pid.parse::<u32>().ok());
        let is_left = |pid: u32| pid == std::process::id() || !is_alive(pid);
        if pid.is_some_and(is_left) {
            remove(host, &name)?;
        }
    }
    Ok(())
}
