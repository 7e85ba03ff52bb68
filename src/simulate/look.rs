//! Looking: what decisions are made on, and what the listings show.

use std::time::Duration;

use super::double::{Given, Page};
use super::world::{Jail, Life, World};
use crate::jail::{self, Base, JailError, Observed};
use crate::kernel::{JailName, Kernel};
use crate::plan::{
    Command, Digest, Entry, JailPath, JailSeen, Kind, MAX_READ, Observe, ObserveError, Packages, Part, Seed, Service,
};
use crate::supervise::{Record, TITLE};
use crate::telemetry::processes::{Process, Tree};
use crate::telemetry::{Awaited, Observation, Waited};

/// How long a simulated wait without a limit goes on: nothing that a service does by itself takes longer.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

impl World {
    /// One jail, as listings show it.
    ///
    /// # Errors
    /// There is none of the name.
    pub fn observation(&self, name: &JailName) -> Result<Observation, JailError> {
        let root = self.config.root_dir(name).display().to_string();
        let kernel = self.in_kernel(name);
        let frozen = kernel.as_ref().is_some_and(|known| self.kernel.is_frozen(known.jid).unwrap_or(false));
        let (spec, status, ended) = self.with(name, |jail| {
            let status = match &jail.life {
                Life::Supervised(rehearsal) => Some((rehearsal.status(), rehearsal.has_ended())),
                _ => None,
            };
            let ended = status.as_ref().is_some_and(|(_, ended)| *ended);
            (jail.spec.clone(), status.map(|(status, _)| status), ended)
        })?;
        let kernel = kernel.map(|known| crate::kernel::JailInfo { held: known.held && !ended, ..known });
        let pinned = kernel.is_some();
        let jail = Observed { name: name.clone(), spec: Ok(spec), kernel, pinned };
        let (supervisor, last) = if ended { (None, status) } else { (status, None) };
        Ok(Observation { jail, root, supervisor, last, frozen })
    }

    pub fn observations(&self) -> Vec<Observation> {
        let names: Vec<JailName> = self.state().jails.keys().cloned().collect();
        names.iter().filter_map(|name| self.observation(name).ok()).collect()
    }

    /// Waits until the jail is as `awaited`, no longer than `limit`: the clock goes on to whatever happens next.
    ///
    /// # Errors
    /// There is none of the name.
    pub fn wait(&self, name: &JailName, awaited: Awaited, limit: Option<Duration>) -> Result<Waited, JailError> {
        let mut left = limit.unwrap_or(PATIENCE);
        loop {
            let seen = self.observation(name)?;
            let state = seen.state().to_owned();
            if awaited.is_met(&state, seen.jail.kernel.is_some()) {
                return Ok(Waited::Met(state));
            }
            if awaited == Awaited::Running && state == "failed" {
                return Ok(Waited::Failed(seen.last.and_then(|last| last.last_exit).unwrap_or_default()));
            }
            let Some(next) = self.until_next().filter(|next| *next <= left) else {
                self.pass(left);
                return Ok(Waited::Still(state));
            };
            self.pass(next);
            left -= next;
        }
    }

    /// The lines of the jail's service; `None`: it has no log.
    ///
    /// # Errors
    /// There is none of the name.
    pub fn log(&self, name: &JailName) -> Result<Option<Vec<Record>>, JailError> {
        self.with(name, |jail| match &jail.life {
            Life::Supervised(rehearsal) => Some(rehearsal.records().to_vec()),
            _ => None,
        })
    }

    /// Supervisors and services, as `ps` would show them.
    pub fn processes(&self, names: &[JailName]) -> Tree {
        let state = self.state();
        let process = |pid, ppid, command| Process { pid, ppid, state: 'S', ticks: 0, command };
        let mut found = Vec::new();
        for (name, jail) in state.jails.iter().filter(|(name, _)| names.contains(name)) {
            let (Life::Supervised(rehearsal), Some(known)) = (&jail.life, self.in_kernel(name)) else { continue };
            let supervisor = rehearsal.status().pid;
            found.push(process(supervisor, 1, format!("{TITLE}jail={name} jid={}", known.jid)));
            found.extend(rehearsal.processes().into_iter().map(|(pid, argv)| process(pid, supervisor, argv.join(" "))));
        }
        Tree::new(found)
    }

    /// What a web server answers.
    ///
    /// # Errors
    /// No double answers.
    pub fn page(&self, url: &str) -> Result<Page, ObserveError> {
        let page = self.script().page(url);
        page.ok_or_else(|| ObserveError::NoDouble {
            what: format!("no double answers {url}"),
            remedy: format!("add on_http({url:?}, #{{ status: 200, body: \"\" }});"),
        })
    }

    fn seen<T>(
        &self,
        name: &JailName,
        absent: T,
        look: impl FnOnce(&Jail) -> Result<T, nix::errno::Errno>,
        path: &JailPath,
    ) -> Result<T, ObserveError> {
        let state = self.state();
        let Some(jail) = state.jails.get(name) else { return Ok(absent) };
        Ok(look(jail).map_err(|errno| self.blocked(name, path, errno))?)
    }
}

impl Observe for World {
    fn jail(&self, name: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        if !self.state().jails.contains_key(name) {
            return Ok(None);
        }
        let seen = self.observation(name)?;
        let service = match seen.state() {
            "down" => Service::Down,
            Observation::FROZEN => Service::Frozen,
            "running" => Service::Ready,
            "up" => Service::Up,
            other => Service::Unready(other.to_owned()),
        };
        let stale = self.with(name, |jail| jail.stale.clone())?;
        Ok(Some(JailSeen { spec: seen.jail.spec.map(Box::new), service, stale }))
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        Ok(self.state().jails.keys().cloned().collect())
    }

    fn entry(&self, name: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        self.seen(name, Entry::Absent, |jail| jail.tree.entry(path), path)
    }

    fn bytes(&self, name: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        let read = |jail: &Jail| {
            let bytes = jail.tree.read(path)?;
            Ok(bytes.filter(|bytes| bytes.len() as u64 <= MAX_READ).map(<[u8]>::to_vec))
        };
        self.seen(name, None, read, path)
    }

    fn id(&self, name: &JailName, kind: Kind, who: &str) -> Result<Option<u32>, ObserveError> {
        if let Ok(number) = who.parse() {
            return Ok(Some(number));
        }
        let table = match kind {
            Kind::User => "/etc/passwd",
            Kind::Group => "/etc/group",
        };
        let path = table.parse().map_err(|error: crate::plan::PathError| ObserveError::Secret(error.to_string()))?;
        let bytes = self.bytes(name, &path)?.unwrap_or_default();
        Ok(match kind {
            Kind::User => jail::user_number(&bytes, who),
            Kind::Group => jail::group_number(&bytes, who),
        })
    }

    fn target(&self, name: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        match self.entry(name, path)? {
            Entry::Link { target } => Ok(Some(target)),
            _ => Ok(None),
        }
    }

    fn names(&self, name: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError> {
        self.seen(name, Vec::new(), |jail| jail.tree.names(path), path)
    }

    fn packages(&self, name: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError> {
        let state = self.state();
        let Some(mut packages) = state.script.packages.get(&base.to_string()).cloned() else {
            return Err(ObserveError::NoDouble {
                what: format!("no double says which packages base {base} has"),
                remedy: format!("add given_packages(\"{base}\", [\"apt\"]);"),
            });
        };
        for (package, version) in state.jails.get(name).into_iter().flat_map(|jail| &jail.packages) {
            packages.add(package, version);
        }
        Ok(Some(packages))
    }

    fn seed(&self, _: &Base, _: &JailPath) -> Result<Seed, ObserveError> {
        Ok(Seed::of(Entry::Unknown))
    }

    fn probe(&self, name: &JailName, command: &Command) -> Result<Option<i32>, ObserveError> {
        let up = self.state().jails.get(name).is_some_and(Jail::is_up);
        if !up {
            return Ok(None);
        }
        self.reply(name, Given::Argv(&command.argv)).map(|reply| Some(reply.status))
    }

    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError> {
        Ok(wanted == pinned)
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        match part {
            Part::Text(text) => Ok(text.clone().into_bytes()),
            Part::Bytes(bytes) => Ok(bytes.0.clone()),
            Part::Secret(name) => {
                let found = self.state().script.secrets.get(name).map(|secret| secret.clone().into_bytes());
                found.ok_or_else(|| ObserveError::NoDouble {
                    what: format!("no double gives the secret {name:?}"),
                    remedy: format!("add given_secret({name:?}, \"...\");"),
                })
            }
            Part::File { path, sha256, .. } => {
                let wrong = |why: String, remedy: &str| ObserveError::Path {
                    path: path.display().to_string(),
                    why,
                    remedy: remedy.into(),
                };
                let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string(), "name a file that can be read"))?;
                if Digest::of(&bytes) == *sha256 { Ok(bytes) } else { Err(wrong("is not what it was".into(), "try again")) }
            }
        }
    }
}
