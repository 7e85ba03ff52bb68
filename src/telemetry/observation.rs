//! A jail as the host finds it, with its supervisor's words.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::jail::{self, Host, JailError, Observed};
use crate::kernel::JailName;
use crate::supervise::{self, Status};

/// A jail of the data directory.
pub struct Observation {
    pub jail: Observed,
    /// As the host names it.
    pub root: String,
    pub supervisor: Option<Status>,
}

impl Observation {
    /// One jail. [`JailError::NoSuchJail`].
    pub fn one(host: &Host, name: &JailName) -> Result<Observation, JailError> {
        Ok(Self::complete(host, jail::observe(host, name)?))
    }

    /// All jails, by name.
    pub fn all(host: &Host) -> Result<Vec<Observation>, JailError> {
        Ok(jail::observe_all(host)?.into_iter().map(|seen| Self::complete(host, seen)).collect())
    }

    fn complete(host: &Host, jail: Observed) -> Observation {
        let root = host.config.root_dir(&jail.name).display().to_string();
        let supervisor = supervise::status(host, &jail.name);
        Observation { jail, root, supervisor }
    }
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
