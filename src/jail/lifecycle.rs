//! create, bring up, tear down, destroy: each either done or undone.

use serde::Serialize;

use super::{Host, JailError, Spec};
use crate::kernel::{JailInfo, JailName, Jid};

/// What `create` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    Created,
    /// One line per changed key: `key: old -> new`.
    Changed {
        diff: Vec<String>,
    },
    Unchanged,
}

/// A jail that is in the kernel and has its mounts.
#[derive(Debug, Clone)]
pub struct Running {
    pub name: JailName,
    pub jid: Jid,
    /// False when it was up already.
    pub brought_up: bool,
}

/// A jail as found on this host.
#[derive(Debug, Clone)]
pub struct Observed {
    pub name: JailName,
    /// `Err` when `jail.toml` cannot be read: the reason.
    pub spec: Result<Spec, String>,
    /// `None`: not in the kernel.
    pub kernel: Option<JailInfo>,
}

/// Writes the jail's `jail.toml` and data layer. Creating again changes only what differs; a running jail keeps its
/// policy until it is restarted. Nothing is left after a failure.
pub fn create(_host: &Host, _name: &JailName, _spec: &Spec) -> Result<Change, JailError> {
    todo!()
}

/// Mounts the root into a pinned namespace and registers the jail in the kernel; rolls back whatever it half did.
/// Finds and reuses a jail that is up. Cleans what a crash left.
pub fn bring_up(_host: &Host, _name: &JailName) -> Result<Running, JailError> {
    todo!()
}

/// Kills every member, removes the jail from the kernel, unpins its namespace. Idempotent: also cleans what a crash
/// left, and says whether there was anything.
pub fn tear_down(_host: &Host, _name: &JailName) -> Result<bool, JailError> {
    todo!()
}

/// Removes a jail that is down, with its data.
pub fn destroy(_host: &Host, _name: &JailName) -> Result<(), JailError> {
    todo!()
}

/// One jail of the data directory. [`JailError::NoSuchJail`] with the nearest name.
pub fn observe(_host: &Host, _name: &JailName) -> Result<Observed, JailError> {
    todo!()
}

/// All jails of the data directory, by name.
pub fn observe_all(_host: &Host) -> Result<Vec<Observed>, JailError> {
    todo!()
}
