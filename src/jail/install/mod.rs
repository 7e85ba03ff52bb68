//! Installing Debian packages for one jail. Its base is shared and read-only, so apt-get runs in a throw-away jail over a
//! copy of that; what comes of it is a base of its own, and the jail is moved there. Touches bases, the throw-away jail,
//! and at last the jail's data and spec.

mod account;
mod merge;
mod workshop;

use std::time::Duration;

use super::base::{self, Base, Pin};
use super::store::{self, Lock};
use super::{Host, JailError, stale};
use crate::kernel::JailName;

/// What is to be installed.
pub struct InstallRequest<'a> {
    /// As apt-get(8) takes them: `NAME` or `NAME=VERSION`.
    pub packages: &'a [String],
    /// Read the archives' lists anew first.
    pub update: bool,
    /// What of it is not there by dpkg's record, which it is given; empty if all is.
    pub lacks: &'a dyn Fn(&str) -> Vec<String>,
    /// Kill apt-get after this long.
    pub timeout: Option<Duration>,
}

/// From which base to which; the same if everything was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub from: Pin,
    pub to: Pin,
}

/// Sees to it that the jail's base has the packages. Other jails keep theirs. A jail that runs takes the programs up with
/// its next start, and is noted to need one. A failure before the jail is moved changes nothing of it; one that is cut in
/// the middle of the move is completed by the next call.
///
/// # Errors
/// [`JailError::Conflict`]: the base is the host's or has no apt-get, or apt-get failed, or a user that a package made
/// stands against one of the jail's.
pub fn install(host: &Host, name: &JailName, request: &InstallRequest<'_>) -> Result<Installed, JailError> {
    let config = &host.config;
    let from = pin_of(host, name)?;
    let lacks = |pin: &Pin| -> Result<Vec<String>, JailError> {
        let status = base::package_status(config, &Base::Pinned(pin.clone()))?;
        Ok((request.lacks)(&status.unwrap_or_default()))
    };
    if lacks(&from)?.is_empty() {
        return Ok(Installed { to: from.clone(), from });
    }
    let names: Vec<&str> = request.packages.iter().map(String::as_str).collect();
    let derived = base::derive(config, &from, &names)?;
    let known = if request.update { None } else { base::made(config, &derived)? };
    let to = match known {
        Some(pin) if lacks(&pin)?.is_empty() => pin,
        _ => workshop::build(host, &from, request, derived)?,
    };
    move_to(host, name, &from, &to)?;
    Ok(Installed { from, to })
}

fn pin_of(host: &Host, name: &JailName) -> Result<Pin, JailError> {
    let jail = store::jail(&host.config, name)?;
    let spec = store::read_spec(&jail, name)?.ok_or_else(|| store::no_such_jail(&host.config, name))?;
    match spec.base {
        Base::Pinned(pin) => Ok(pin),
        other => Err(JailError::Conflict {
            what: format!("jail {name} has base {other}, into which nothing is installed"),
            remedy: "make a jail of an imported Debian base".into(),
        }),
    }
}

fn move_to(host: &Host, name: &JailName, from: &Pin, to: &Pin) -> Result<(), JailError> {
    let config = &host.config;
    let _lock = Lock::jail(host, name)?;
    if pin_of(host, name)? != *from {
        return Err(JailError::Conflict {
            what: format!("jail {name} was moved off base {from} meanwhile"),
            remedy: "try again".into(),
        });
    }
    let jail = store::jail(config, name)?;
    let mut spec = store::read_spec(&jail, name)?.ok_or_else(|| store::no_such_jail(config, name))?;
    let changes = merge::Changes::between(&base::tree(config, from)?, &base::tree(config, to)?, &jail)?;
    // Both stay while the jail is on its way: neither is removed under this lock.
    let _bases = base::hold(config, &Base::Pinned(to.clone()))?;
    stale::wear(host, name, &format!("its base is {to}"))?;
    changes.apply()?;
    base::settle(&jail, &mut spec, from, to)
}
