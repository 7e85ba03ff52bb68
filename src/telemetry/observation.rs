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
    /// What one that is gone wrote last, while the jail is still up.
    pub last: Option<Status>,
    /// All its processes are stopped where they are.
    pub frozen: bool,
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

    /// The state of a jail whose supervisor was killed.
    pub const ORPHANED: &str = "orphaned";

    /// The state of a jail whose processes are stopped.
    pub const FROZEN: &str = "frozen";

    /// In a word: [`Self::FROZEN`], the supervisor's, or without one `up`, `down`, `unreadable`, [`Self::ORPHANED`], or how the last
    /// supervisor ended.
    pub fn state(&self) -> &str {
        let is_orphaned = self.supervisor.is_none() && self.jail.kernel.as_ref().is_some_and(|jail| jail.held);
        if self.frozen && !is_orphaned {
            return Self::FROZEN;
        }
        if let Some(supervisor) = &self.supervisor {
            return &supervisor.state;
        }
        match (&self.jail.kernel, &self.last) {
            (Some(jail), _) if jail.held => Self::ORPHANED,
            (Some(_), Some(last)) if last.has_ended() => &last.state,
            (Some(_), Some(_)) => Self::ORPHANED,
            (Some(_), None) => "up",
            (None, _) if self.jail.spec.is_err() => "unreadable",
            (None, _) => "down",
        }
    }

    fn complete(host: &Host, jail: Observed) -> Observation {
        let root = host.config.root_dir(&jail.name).display().to_string();
        let supervisor = supervise::status(host, &jail.name);
        let last = match (&supervisor, &jail.kernel) {
            (None, Some(_)) => supervise::last_status(host, &jail.name),
            _ => None,
        };
        let frozen = jail.kernel.as_ref().is_some_and(|known| host.kernel.is_frozen(known.jid).unwrap_or(false));
        Observation { jail, root, supervisor, last, frozen }
    }
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{JailInfo, Jid, Level, Policy};

    fn seen(up: bool, held: bool, supervisor: Option<&str>, last: Option<&str>) -> Observation {
        let name: JailName = "web".parse().unwrap();
        let status = |state: &str| Status { pid: 7, state: state.into(), ..Status::default() };
        let kernel = up.then(|| JailInfo {
            jid: Jid::new(3).unwrap(),
            name: name.clone(),
            root: "/".into(),
            profile: "high".into(),
            policy: Policy::new(Level::High.rights(), Vec::new()),
            processes: 1,
            held,
            closing: false,
        });
        let jail = Observed { name, spec: Err("no".into()), kernel, pinned: up };
        Observation { jail, root: "/".into(), supervisor: supervisor.map(status), last: last.map(status), frozen: false }
    }

    #[test]
    fn a_supervisor_speaks_for_its_jail_and_one_that_was_killed_is_noticed() {
        for (seen, state) in [
            (seen(true, true, Some("backoff"), None), "backoff"),
            (seen(true, true, None, Some("running")), "orphaned"),
            (seen(true, true, None, None), "orphaned"),
            (seen(true, false, None, Some("running")), "orphaned"),
            (seen(true, false, None, Some("failed")), "failed"),
            (seen(true, false, None, None), "up"),
            (seen(false, false, None, None), "unreadable"),
        ] {
            assert_eq!(seen.state(), state);
        }
    }

    #[test]
    fn a_frozen_jail_is_called_so_unless_its_supervisor_was_killed() {
        let frozen = |seen| Observation { frozen: true, ..seen };
        assert_eq!(frozen(seen(true, true, Some("running"), None)).state(), "frozen");
        assert_eq!(frozen(seen(true, false, None, None)).state(), "frozen");
        assert_eq!(frozen(seen(true, true, None, Some("running"))).state(), "orphaned");
    }
}
