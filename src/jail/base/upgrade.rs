//! Moving a jail to another version of its base, and back. What the jail keeps for itself (/etc, /var and the rest of its
//! data) stays as it is.

use serde::Serialize;

use super::catalog;
use super::import::original;
use super::reference::{Base, Pin};
use crate::jail::label::Label;
use crate::jail::lifecycle::expect_down;
use crate::jail::store::{self, Directory, Lock};
use crate::jail::{Host, JailError, Spec};
use crate::kernel::JailName;

/// The version that a jail had before, in its directory.
const PREVIOUS: &str = "base.previous";

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    Newest,
    To(Label),
    /// To the version it had before.
    Back,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upgrade {
    pub from: Pin,
    pub to: Pin,
}

impl Upgrade {
    /// False: it was there already.
    pub fn moved(&self) -> bool {
        self.from != self.to
    }
}

/// Moves a jail that is down. The version it leaves is remembered, and kept by `gc`.
pub fn upgrade(host: &Host, name: &JailName, to: &Move) -> Result<Upgrade, JailError> {
    let _lock = Lock::jail(host, name)?;
    store::sweep(&host.config, name)?;
    let jail = store::jail(&host.config, name)?;
    let mut spec = store::read_spec(&jail, name)?.ok_or_else(|| store::no_such_jail(&host.config, name))?;
    let Base::Pinned(from) = spec.base.clone() else {
        return Err(JailError::Conflict {
            what: format!("jail {name} runs the host's own programs, which the host's package manager upgrades"),
            remedy: "make a jail of an imported base for one that is upgraded by itself".into(),
        });
    };
    expect_down(host, name)?;
    let _bases = Lock::bases(&host.config)?;
    let to = match to {
        Move::Newest => newest(host, &from)?,
        Move::To(version) => Pin { name: original(&from.name), version: version.clone() },
        Move::Back => previous(&jail)?.ok_or_else(|| JailError::Conflict {
            what: format!("jail {name} was never upgraded"),
            remedy: "name the version to move it to".into(),
        })?,
    };
    catalog::find(&host.config, &to)?;
    if to != from {
        settle(&jail, &mut spec, &from, &to)?;
    }
    Ok(Upgrade { from, to })
}

/// The newest version of what the jail was made of. Packages that were installed into that are not in it; one that they
/// were installed into last is newer than none.
fn newest(host: &Host, from: &Pin) -> Result<Pin, JailError> {
    let newest = catalog::newest(&host.config, &original(&from.name))?;
    let derived = catalog::find(&host.config, from)?.derived;
    Ok(if derived.is_some_and(|derived| derived.from == newest) { from.clone() } else { newest })
}

/// Writes down where the jail is moved to, and where it was.
pub fn settle(jail: &Directory, spec: &mut Spec, from: &Pin, to: &Pin) -> Result<(), JailError> {
    // Remembered first: a crash in between leaves a way back to where the jail is, which harms nobody.
    jail.replace(PREVIOUS, 0o600, from.to_string().as_bytes())?;
    spec.base = Base::Pinned(to.clone());
    store::write_spec(jail, spec)
}

/// The version that a jail had before its last upgrade.
pub fn previous(jail: &Directory) -> Result<Option<Pin>, JailError> {
    if jail.status(PREVIOUS)?.is_none() {
        return Ok(None);
    }
    let text = jail.read(PREVIOUS, 1024)?;
    let pin = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok());
    pin.map(Some).ok_or_else(|| JailError::Path {
        path: jail.path_of(PREVIOUS),
        why: "names no version of a base".into(),
        remedy: "remove it; the jail then has no way back".into(),
    })
}
