//! What nobody needs any more: versions of bases that no jail pins, leftovers of killed commands, locks of jails that are
//! gone.

use std::collections::BTreeSet;

use nix::unistd::{UnlinkatFlags, unlinkat};
use serde::Serialize;

use super::catalog::{self, bases};
use super::import::{ASIDE, sweep};
use super::reference::{Base, Pin};
use super::upgrade::previous;
use crate::jail::store::{self, Directory, Lock, random_name, remove_tree};
use crate::jail::{Config, Host, JailError, root, snapshot, tree};
use crate::kernel::JailName;
use crate::kernel::system::rename_new;

/// Bases looked at.
const MAX_BASES: usize = 65536;

/// Something that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Garbage {
    /// `base`, `leftovers`, `locks`.
    pub kind: &'static str,
    pub what: String,
    pub bytes: u64,
}

/// Removes what nobody needs; with `dry` only says what. A base stays while any jail, any snapshot, a jail's way back or
/// a running root needs it. Where a `jail.toml` cannot be read, no base is removed at all.
pub fn gc(host: &Host, dry: bool) -> Result<Vec<Garbage>, JailError> {
    let config = &host.config;
    let mut garbage = Vec::new();
    let names = store::names(config)?;
    if !dry {
        leftovers(config, &mut garbage)?;
    }
    let _lock = Lock::bases(config)?;
    let pinned = pins(config, &names)?;
    for version in catalog::list(config)? {
        if pinned.contains(&version.pin) {
            continue;
        }
        let bytes = match dry {
            true => catalog::tree(config, &version.pin).and_then(|tree| tree::measure(&tree))?.bytes,
            false => take_away(config, &version.pin)?,
        };
        garbage.push(Garbage { kind: "base", what: version.pin.to_string(), bytes });
    }
    if !dry {
        match Lock::sweep(config, |name| names.contains(name))? {
            0 => {}
            count => garbage.push(Garbage { kind: "locks", what: format!("{count} of jails that are gone"), bytes: 0 }),
        }
    }
    Ok(garbage)
}

fn leftovers(config: &Config, garbage: &mut Vec<Garbage>) -> Result<(), JailError> {
    let mut bytes = store::sweep_all(config)?;
    if let Some(bases) = bases(config)? {
        let _lock = Lock::bases(config)?;
        bytes += unfinished(&bases)?;
    }
    if bytes > 0 {
        garbage.push(Garbage { kind: "leftovers", what: "of commands that were killed".into(), bytes });
    }
    Ok(())
}

/// Half-made versions, and directories of bases without one, which a killed first import leaves.
fn unfinished(bases: &Directory) -> Result<u64, JailError> {
    let mut bytes = 0;
    for name in bases.names(MAX_BASES)? {
        // A file or a link is none of ours, and stays.
        let Ok(base) = bases.sub(&name) else { continue };
        bytes += sweep(&base)?;
        // Only an empty one goes, and that is what is wanted.
        let _ = unlinkat(bases.fd(), name.as_os_str(), UnlinkatFlags::RemoveDir);
    }
    Ok(bytes)
}

/// Every version that something needs.
fn pins(config: &Config, names: &[JailName]) -> Result<BTreeSet<Pin>, JailError> {
    let mut pins = BTreeSet::new();
    for name in names {
        let jail = match store::jail(config, name) {
            // Destroyed since it was listed.
            Err(JailError::NoSuchJail { .. }) => continue,
            found => found?,
        };
        // A rollback that goes on, or was cut, has the jail's snapshots in its other directory for a moment.
        for directory in [Some(jail), store::replaced(config, name)?].into_iter().flatten() {
            let spec = store::read_spec(&directory, name)?;
            for spec in spec.into_iter().chain(snapshot::specs(&directory, name)?) {
                if let Base::Pinned(pin) = spec.base {
                    pins.insert(pin);
                }
            }
            pins.extend(previous(&directory)?);
        }
        pins.extend(root::base_in_use(config, name)?);
    }
    Ok(pins)
}

/// Removes one version that no jail needs.
pub fn remove(host: &Host, pin: &Pin) -> Result<u64, JailError> {
    let config = &host.config;
    let _lock = Lock::bases(config)?;
    catalog::tree(config, pin)?;
    let names = store::names(config)?;
    for name in &names {
        if pins(config, std::slice::from_ref(name))?.contains(pin) {
            return Err(JailError::Conflict {
                what: format!("jail {name} needs base {pin}, now, in a snapshot or to roll back"),
                remedy: "upgrade or destroy that jail first".into(),
            });
        }
    }
    take_away(config, pin)
}

/// First out of sight in one step, then for good. The caller holds the bases' lock.
fn take_away(config: &Config, pin: &Pin) -> Result<u64, JailError> {
    let Some(bases) = bases(config)? else { return Ok(0) };
    let base = bases.sub(pin.name.as_str())?;
    let bytes = tree::measure(&base.sub(pin.version.as_str())?)?.bytes;
    let trash = random_name(ASIDE)?;
    rename_new(base.fd(), pin.version.as_str(), base.fd(), trash.as_str())
        .map_err(JailError::system(format!("set {} aside", base.path_of(pin.version.as_str()).display())))?;
    base.sync()?;
    remove_tree(&base, &trash)?;
    // The last version takes the base along.
    let _ = unlinkat(bases.fd(), pin.name.as_str(), UnlinkatFlags::RemoveDir);
    Ok(bytes)
}
