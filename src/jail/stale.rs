//! What changed in a jail since it was started, and is not taken up before it is restarted: a short file in its run
//! directory, written before the change is made, so that a crash in between asks for one restart too many, never for one
//! too few. It goes with the jail's next start or stop.

use super::{Host, JailError, lifecycle, root};
use crate::kernel::JailName;

const FILE: &str = "stale";
/// The reason when `jail.toml` was written.
pub const SPEC_CHANGED: &str = "its spec changed";
/// Bytes of the file; more reasons than fit are not remembered.
const LIMIT: usize = 16 << 10;

/// The reasons, in the order in which they came. Empty for a jail that is down.
pub fn stale(host: &Host, name: &JailName) -> Result<Vec<String>, JailError> {
    let Some(directory) = root::run_of(&host.config, name)? else { return Ok(Vec::new()) };
    if directory.status(FILE)?.is_none() {
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&directory.read(FILE, LIMIT)?).into_owned();
    Ok(text.lines().map(str::to_owned).collect())
}

/// Notes a reason, if the jail is up. The caller holds the jail's lock.
pub fn wear(host: &Host, name: &JailName, why: &str) -> Result<(), JailError> {
    if lifecycle::up(host, name)?.is_none() {
        return Ok(());
    }
    let Some(directory) = root::run_of(&host.config, name)? else { return Ok(()) };
    let mut known = stale(host, name)?;
    if known.iter().any(|reason| reason == why) {
        return Ok(());
    }
    known.push(why.replace('\n', " "));
    let text: String = known.iter().map(|reason| format!("{reason}\n")).collect();
    if text.len() > LIMIT {
        return Ok(());
    }
    directory.replace(FILE, 0o600, text.as_bytes())
}
