//! What a monitor is told of its services: a versioned, bounded JSON text in a sealed memory file. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::TITLE;
use super::check::{Health, Ready};
use super::state::Rules;
use crate::jail::{Config, Restart, Spec, spec};
use crate::kernel::{JailName, Jid};

/// Everything the monitor needs; it reads no `jail.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    version: u32,
    pub name: JailName,
    pub jid: Jid,
    /// At least one.
    pub units: Vec<Unit>,
    pub log: LogTo,
    pub data_dir: PathBuf,
    pub run_dir: PathBuf,
    /// The kernel body, as `--kernel` names it.
    pub kernel: String,
    /// The jail outlives its supervisor, so it must not be closed when the members are killed.
    pub keep_jail: bool,
    /// Lines go to the inherited stdout and stderr too.
    pub foreground: bool,
}

/// One service of the jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    pub name: String,
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    /// Syslog tag.
    pub tag: String,
    #[serde(with = "restart")]
    pub restart: Restart,
    pub max_restarts: Option<u32>,
    pub restart_window: Duration,
    #[serde(with = "signal")]
    pub stop_signal: Signal,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_grace: u64,
    pub ready: Option<Ready>,
    pub health: Option<Health>,
    /// Indices of the units that it needs.
    pub needs: Vec<usize>,
}

impl Unit {
    /// The only service of a jail, which is named like it.
    fn only(name: &JailName, spec: &Spec) -> Unit {
        Unit {
            name: name.to_string(),
            argv: spec.command.clone(),
            env: spec.env.clone(),
            user: spec.user.clone(),
            tag: spec.log.tag.clone(),
            restart: spec.restart,
            max_restarts: spec.max_restarts,
            restart_window: spec.restart_window.0,
            stop_signal: spec.stop_signal.0,
            stop_grace: spec.stop_grace,
            ready: spec.ready.as_ref().map(Ready::of),
            health: spec.health.as_ref().map(Health::of),
            needs: Vec::new(),
        }
    }

    /// One of several: what it does not set is as for the jail.
    fn of(name: &JailName, spec: &Spec, service: &spec::Service) -> Unit {
        let jail = Unit::only(name, spec);
        let index = |need: &String| spec.services.iter().position(|other| other.name == *need);
        Unit {
            name: service.name.clone(),
            argv: service.command.clone(),
            env: jail.env.into_iter().chain(service.env.clone()).collect(),
            user: service.user.clone().or(jail.user),
            tag: service.tag.clone(),
            restart: service.restart.unwrap_or(jail.restart),
            max_restarts: service.max_restarts.or(jail.max_restarts),
            restart_window: service.restart_window.map_or(jail.restart_window, |window| window.0),
            stop_signal: service.stop_signal.map_or(jail.stop_signal, |signal| signal.0),
            stop_grace: service.stop_grace.unwrap_or(jail.stop_grace),
            ready: service.ready.as_ref().map(Ready::of),
            health: service.health.as_ref().map(Health::of),
            needs: service.depends_on.iter().filter_map(index).collect(),
        }
    }

    pub fn rules(&self) -> Rules {
        Rules {
            restart: self.restart,
            max_restarts: self.max_restarts,
            restart_window: self.restart_window,
            grace: Duration::from_secs(self.stop_grace),
            ready: self.ready.clone(),
            health: self.health.clone(),
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogTo {
    pub socket: PathBuf,
    pub facility: i32,
    pub stdout: i32,
    pub stderr: i32,
}

/// What makes a text no service description.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("the service description is longer than {} bytes; shorten the command or its environment", Service::MAX_BYTES)]
    TooLong,
    #[error("the service description has version {0}, this program speaks {ours}; use one jailsh for all", ours = Service::VERSION)]
    Version(u64),
    #[error("the service description cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the service description names no command")]
    NoCommand,
    #[error("the service description has services that wait for each other")]
    Circle,
}

impl Service {
    pub const VERSION: u32 = 2;
    /// More than execve takes.
    pub const MAX_BYTES: usize = 4 * 1024 * 1024;

    /// The services of a spec that has some.
    pub fn of(config: &Config, kernel: &str, syslog: PathBuf, name: &JailName, jid: Jid, spec: &Spec) -> Self {
        Service {
            version: Self::VERSION,
            name: name.clone(),
            jid,
            units: match spec.services.as_slice() {
                services if spec.command.is_empty() => services.iter().map(|service| Unit::of(name, spec, service)).collect(),
                _ => vec![Unit::only(name, spec)],
            },
            log: LogTo {
                socket: syslog,
                facility: spec.log.facility.value(),
                stdout: spec.log.stdout.value(),
                stderr: spec.log.stderr.value(),
            },
            data_dir: config.data_dir.clone(),
            run_dir: config.run_dir.clone(),
            kernel: kernel.to_owned(),
            keep_jail: false,
            foreground: false,
        }
    }

    pub fn config(&self) -> Config {
        Config { data_dir: self.data_dir.clone(), run_dir: self.run_dir.clone() }
    }

    /// Seconds that an orderly stop may take: in the worst case one waits for the other.
    pub fn grace(&self) -> u64 {
        self.units.iter().map(|unit| unit.stop_grace).sum()
    }

    /// How long a first start may take, as far as the services decide.
    pub fn start_patience(&self) -> Duration {
        let ready = |unit: &Unit| unit.ready.as_ref().map_or(Duration::ZERO, |ready| ready.timeout);
        self.units.iter().map(ready).sum::<Duration>() + Duration::from_secs(self.grace())
    }

    /// argv[0] of the monitor: what `ps` shows.
    pub fn title(&self) -> String {
        format!("{TITLE}jail={} jid={}", self.name, self.jid)
    }

    pub fn to_json(&self) -> Result<String, ServiceError> {
        let text = serde_json::to_string(self)?;
        if text.len() > Self::MAX_BYTES { Err(ServiceError::TooLong) } else { Ok(text) }
    }

    pub fn from_json(text: &[u8]) -> Result<Self, ServiceError> {
        #[derive(Deserialize)]
        struct Version {
            version: u64,
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ServiceError::TooLong);
        }
        // The version first: the fields of another one need not fit.
        let Version { version } = serde_json::from_slice(text)?;
        if version != u64::from(Self::VERSION) {
            return Err(ServiceError::Version(version));
        }
        let service: Service = serde_json::from_slice(text)?;
        let count = service.units.len();
        if count == 0 || service.units.iter().any(|unit| unit.argv.is_empty()) {
            return Err(ServiceError::NoCommand);
        }
        // Only ever on others, in an order that ends: what would wait for itself for ever is no description.
        let mut placed = vec![false; count];
        for _ in 0..count {
            let free = |unit: &Unit| unit.needs.iter().all(|need| placed.get(*need) == Some(&true));
            let next = (0..count).find(|index| !placed[*index] && free(&service.units[*index]));
            placed[next.ok_or(ServiceError::Circle)?] = true;
        }
        Ok(service)
    }
}

/// What a monitor tells whoever started it, once, before it closes the pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The services are ready, or ended with status 0.
    Ready,
    /// Another supervisor holds the jail.
    Held { pid: i32 },
    Failed {
        why: String,
        /// The service's last words, escaped.
        stderr: Vec<String>,
    },
}

mod restart {
    use super::*;

    pub fn serialize<S: serde::Serializer>(restart: &Restart, serializer: S) -> Result<S::Ok, S::Error> {
        restart.serialize(serializer)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Restart, D::Error> {
        let name = String::deserialize(deserializer)?;
        Restart::from_str(&name).map_err(|()| serde::de::Error::custom(format!("{name:?} is no restart policy")))
    }
}

mod signal {
    use super::*;

    pub fn serialize<S: serde::Serializer>(signal: &Signal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(signal.as_str())
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Signal, D::Error> {
        let name = String::deserialize(deserializer)?;
        Signal::from_str(&name).map_err(|_| serde::de::Error::custom(format!("{name:?} is no signal")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> Service {
        let name: JailName = "web".parse().unwrap();
        let spec = Spec::from_toml(&name, "command = [\"/bin/httpd\", \"-f\"]\nrestart = \"on-failure\"").unwrap();
        Service::of(&Config::default(), "lsm", "/dev/log".into(), &name, Jid::new(3).unwrap(), &spec)
    }

    #[test]
    fn a_description_survives_its_journey() {
        let service = web();
        assert_eq!(Service::from_json(service.to_json().unwrap().as_bytes()).unwrap(), service);
        assert_eq!(service.title(), "jailctl: supervise jail=web jid=3");
    }

    #[test]
    fn another_version_is_named_even_if_its_fields_differ() {
        let error = Service::from_json(br#"{"version":3,"new":1}"#).unwrap_err().to_string();
        assert!(error.contains("version 3, this program speaks 2"), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let good = web().to_json().unwrap();
        for (from, to) in [
            ("on-failure", "sometimes"),
            ("SIGTERM", "SIGNIX"),
            ("\"jid\":3", "\"jid\":0"),
            ("\"web\"", "\"../web\""),
            ("\"argv\":[\"/bin/httpd\",\"-f\"]", "\"argv\":[]"),
            ("\"keep_jail\"", "\"keep_jails\""),
            ("\"needs\":[]", "\"needs\":[0]"),
            ("\"needs\":[]", "\"needs\":[1]"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from} is not in the text");
            assert!(Service::from_json(bad.as_bytes()).is_err(), "{to} must be refused");
        }
        assert!(matches!(Service::from_json(&vec![b' '; Service::MAX_BYTES + 1]), Err(ServiceError::TooLong)));
    }
}
