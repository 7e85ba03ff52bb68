//! Replacing a jail's directory by another one in a single step: whoever looks sees the old jail or the new one.

use nix::errno::Errno;

use super::directory::Directory;
use super::{MAX_JAILS, REPLACED, SPEC_FILE, remove_tree, trash_of};
use crate::jail::JailError;
use crate::kernel::JailName;
use crate::kernel::system;

/// What belongs to the one or the other; all else in a jail's directory (its snapshots above all) stays with the jail.
const REPLACED_ENTRIES: [&str; 3] = [SPEC_FILE, "data", "root"];

/// Fills a new directory, exchanges it with the jail's own, and removes the old one. The caller holds the jail's lock, has
/// swept, and saw that the jail is down. A crash leaves the old jail or the new one; the rest goes with the next sweep.
pub fn exchange(
    jails: &Directory,
    name: &JailName,
    fill: impl FnOnce(&Directory) -> Result<(), JailError>,
) -> Result<(), JailError> {
    let aside = format!(".{name}{REPLACED}");
    let made = jails.make(&aside, 0o700).and_then(|made| {
        fill(&made)?;
        made.sync()?;
        system::exchange(jails.fd(), aside.as_str(), jails.fd(), name.as_str())
            .map_err(JailError::system(format!("exchange {} for the new one", jails.path_of(name.as_str()).display())))?;
        jails.sync()
    });
    // After a failure it holds what was new, else what was old, but for what is carried over.
    let cleaned = carry_over(jails, name).and_then(|()| remove_tree(jails, &trash_of(name)));
    made.and(cleaned)
}

/// Brings what stays with the jail from its old directory to the new one (before the exchange that is nothing), and sets
/// the old one aside to be removed: what is half removed has other names in it, and nothing of that stays with the jail.
pub fn carry_over(jails: &Directory, name: &JailName) -> Result<(), JailError> {
    let aside = format!(".{name}{REPLACED}");
    let Some(old) = jails.find(&aside)? else { return Ok(()) };
    if let Some(jail) = jails.find(name.as_str())? {
        move_entries(&old, &jail)?;
    }
    let trash = trash_of(name);
    remove_tree(jails, &trash)?;
    system::rename_new(jails.fd(), aside.as_str(), jails.fd(), trash.as_str())
        .map_err(JailError::system(format!("set {} aside", jails.path_of(&aside).display())))?;
    jails.sync()
}

fn move_entries(old: &Directory, jail: &Directory) -> Result<(), JailError> {
    for entry in old.names(MAX_JAILS)? {
        if REPLACED_ENTRIES.iter().any(|replaced| entry == *replaced) {
            continue;
        }
        match system::rename_new(old.fd(), entry.as_os_str(), jail.fd(), entry.as_os_str()) {
            Ok(()) => {}
            Err(Errno::EEXIST) => {
                return Err(JailError::Path {
                    path: old.path_of(&entry),
                    why: "is there twice, after a rollback that was cut".into(),
                    remedy: format!("merge it with {} by hand", jail.path_of(&entry).display()),
                });
            }
            Err(errno) => {
                return Err(JailError::System { doing: format!("move {}", old.path_of(&entry).display()), errno });
            }
        }
    }
    jail.sync()
}
