//! Giving a jail another name.

use super::clone::{both, expect_free, retag};
use super::lifecycle::expect_down;
use super::store;
use super::{Host, JailError};
use crate::kernel::JailName;
use crate::kernel::system::rename_new;

/// Renames a jail that is down; its snapshots go with it. Takes both names' locks.
pub fn rename(host: &Host, from: &JailName, to: &JailName) -> Result<(), JailError> {
    let _locks = both(host, from, to)?;
    // Also what a cut rollback of it left, which goes by its old name.
    store::sweep(&host.config, from)?;
    store::sweep(&host.config, to)?;
    let jail = store::jail(&host.config, from)?;
    let spec = store::read_spec(&jail, from)?;
    let jails = store::jails_or_make(&host.config)?;
    expect_free(&jails, to)?;
    expect_down(host, from)?;
    rename_new(jails.fd(), from.as_str(), jails.fd(), to.as_str())
        .map_err(JailError::system(format!("rename to {}", jails.path_of(to.as_str()).display())))?;
    jails.sync()?;
    // A crash before this leaves a jail of the new name that logs under the old one's tag.
    if let Some(old) = spec {
        let mut new = old.clone();
        retag(&mut new, from, to);
        if new != old {
            store::write_spec(&store::jail(&host.config, to)?, &new)?;
        }
    }
    Ok(())
}
