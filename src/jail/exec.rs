//! Running commands and scripts in a jail and passing their status through.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Host, JailError};
use crate::kernel::JailName;

/// A command to run to its end.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// Empty: an interactive shell (the user's, from the jail's /etc/passwd).
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    /// Collect stdout and stderr (stdin is `input`, or empty) instead of passing the caller's through.
    pub capture: bool,
    pub input: Option<Vec<u8>>,
    /// Kill it, and all it started, after this long.
    pub timeout: Option<Duration>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status, or 128+n for signal n.
    pub status: i32,
    /// Empty unless captured; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command in a jail that is up. With the caller on a terminal (and not capturing) the process gets a fresh pty,
/// relayed here. 127: not found, 126: not executable, as env(1).
pub fn exec(_host: &Host, _name: &JailName, _request: &ExecRequest) -> Result<Output, JailError> {
    todo!()
}

/// Runs shell text in the jail with /bin/sh. A jail that is down is brought up for it, without its service, and with
/// `ephemeral` torn down again.
pub fn apply(_host: &Host, _name: &JailName, _script: &[u8], _ephemeral: bool, _capture: bool) -> Result<Output, JailError> {
    todo!()
}
