//! The script that `apply` runs: a file in the jail's own /tmp, written from the host's side without following anything
//! the jail may have put there, and removed when the script has ended.

use std::os::fd::AsFd;

use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, unlinkat};

use super::JailError;
use super::store::{Directory, random_name, remove_tree};

/// Names that [`sweep`] removes.
pub(super) const PREFIX: &str = ".jailsh-apply-";

/// Removed on drop.
pub struct ScriptFile {
    tmp: Directory,
    name: String,
}

impl ScriptFile {
    /// Writes `text` under a random name, readable and runnable by `owner` alone.
    pub fn write(jail: &Directory, text: &[u8], owner: u32) -> Result<ScriptFile, JailError> {
        let tmp = jail.sub("data")?.sub("tmp")?;
        let name = random_name(PREFIX)?;
        let file = ScriptFile { tmp, name };
        let written = file.tmp.write_new(&file.name, 0o700, text)?;
        let doing = || format!("give {} to user {owner}", file.tmp.path_of(&file.name).display());
        fchown(&written, Some(Uid::from_raw(owner)), Some(Gid::from_raw(0))).map_err(JailError::system(doing()))?;
        Ok(file)
    }

    /// Its path inside the jail.
    pub fn path(&self) -> String {
        format!("/tmp/{}", self.name)
    }
}

impl Drop for ScriptFile {
    fn drop(&mut self) {
        // The script may have removed itself; what cannot be removed now goes with the next [`sweep`].
        let _ = unlinkat(self.tmp.fd().as_fd(), self.name.as_str(), UnlinkatFlags::NoRemoveDir);
    }
}

/// Removes the scripts of applies that were killed. The jail is down: nothing runs them.
pub fn sweep(jail: &Directory) -> Result<(), JailError> {
    /// More files than this in /tmp are the jail's own affair.
    const LOOKED_AT: usize = 65536;
    let tmp = jail.sub("data")?.sub("tmp")?;
    for name in tmp.names(LOOKED_AT)? {
        if let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) {
            remove_tree(&tmp, name)?;
        }
    }
    Ok(())
}
