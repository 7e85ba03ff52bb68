//! What a jail is to be: the typed form of `jail.toml` and of a script's `#{...}`. Pure; one parser serves both.

mod assign;
pub mod duration;
pub mod exposure;
mod limits;
mod log;
mod parse;
mod parse_network;
mod parse_service;
pub mod probe;
pub mod profile;
mod render;
mod service;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;

use super::base::Base;
use crate::kernel::{ConnectRule, JailName, Limits, Policy, Reservation, Right, RightSet};

pub use assign::assign;
pub use log::{Facility, LogLevel};
pub use parse::{STOP_SIGNALS, SpecError, nearest};
pub use profile::Profile;
pub use service::{Check, Health, Ready, Service, Sign, Span};

/// A jail's spec. Every field was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spec {
    /// The service, an argv; empty for a jail that only `exec` and `apply` use.
    pub command: Vec<String>,
    pub profile: Profile,
    /// Where its programs come from.
    pub base: Base,
    /// Ports only this jail may bind.
    pub ports: Vec<Reservation>,
    /// Where it may connect and send to, instead of anywhere; empty for nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Vec<ConnectRule>>,
    /// Of the jail as a whole.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    pub log: Log,
    /// Started by `jailmgr start --all`.
    pub autostart: bool,
    /// Jails that `jailmgr start` starts before this one, and `jailmgr stop` stops after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<JailName>,
    pub restart: Restart,
    /// More restarts than this within `restart_window` and the service is given up; without a number, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_restarts: Option<u32>,
    pub restart_window: Span,
    /// User of the service; root if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Environment of the service, besides the clean one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Sent first when the service is stopped.
    pub stop_signal: StopSignal,
    /// Seconds between the stop signal and SIGKILL, 0 to 3600.
    pub stop_grace: u64,
    /// When the service of `command` counts as ready; without it, once it was executed and lasted a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Several services in place of `command`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
}

/// Where the service's output goes in syslog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    pub facility: Facility,
    /// Level of lines from standard output.
    pub stdout: LogLevel,
    /// Level of lines from standard error.
    pub stderr: LogLevel,
    /// At most 63 printable characters.
    pub tag: String,
}

/// When the supervisor starts the service again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    Always,
    OnFailure,
    Never,
}

impl Restart {
    pub const ALL: [(&'static str, Restart); 3] =
        [("always", Restart::Always), ("on-failure", Restart::OnFailure), ("never", Restart::Never)];
}

impl FromStr for Restart {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Restart::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value).ok_or(())
    }
}

/// A signal that asks a service to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopSignal(pub nix::sys::signal::Signal);

impl Serialize for StopSignal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str().trim_start_matches("SIG"))
    }
}

/// The maps of a spec, and the keys that the parser takes in each.
pub fn keys() -> [(&'static str, &'static [&'static str]); 8] {
    [
        ("spec", &parse::KEYS),
        ("spec.services", &parse_service::SERVICE_KEYS),
        ("spec.profile", &profile::KEYS),
        ("spec.extension", &profile::EXTENSION_KEYS),
        ("spec.limits", &limits::KEYS),
        ("spec.log", &parse::LOG_KEYS),
        ("spec.ready", &parse_service::READY_KEYS),
        ("spec.health", &parse_service::HEALTH_KEYS),
    ]
}

/// The right that a list of destinations takes the place of.
pub fn connect_anywhere() -> Right {
    "connect".parse().expect("a right of the table")
}

/// A held right that sends past any list of destinations, for a jail without [`connect_anywhere`].
pub fn way_past(rights: RightSet) -> Option<Right> {
    const WAYS_PAST: [&str; 4] = ["raw_socket", "packet_socket", "socket_family", "net_admin"];
    let held = WAYS_PAST.map(|name| name.parse::<Right>().expect("a right of the table"));
    held.into_iter().find(|right| !rights.holds(connect_anywhere()) && rights.holds(*right))
}

/// What lets files out of the project that a limit of disk space counts, or takes more than it: another project's number and
/// the flag by which directories hand theirs on, which an owner may change, and the kernel's reserve
/// (fs/quota/dquot.c, ignore_hardlimit).
pub fn way_past_disk(open: RightSet) -> Option<Right> {
    const WAYS_PAST: [&str; 3] = ["quota", "immutable", "resource"];
    WAYS_PAST.map(|name| name.parse::<Right>().expect("a right of the table")).into_iter().find(|right| open.holds(*right))
}

impl Spec {
    /// Longest grace, in seconds.
    pub const MAX_GRACE: u64 = 3600;
    pub const RESTART_WINDOW: Span = Span::seconds(300);

    /// What it runs: each service's argv; one that is empty for a jail without service.
    pub fn commands(&self) -> impl Iterator<Item = &[String]> {
        let single = self.services.is_empty().then_some(self.command.as_slice());
        single.into_iter().chain(self.services.iter().map(|service| service.command.as_slice()))
    }

    /// The log tag of a jail whose spec names none.
    pub fn default_tag(name: &JailName) -> String {
        Spec::short_tag(&format!("jail-{name}"))
    }

    /// Does a running jail that was started as `old` have to be restarted to be this? Limits are changed as it runs.
    pub fn needs_restart(&self, old: &Spec) -> bool {
        *self != Spec { limits: self.limits.clone(), ..old.clone() }
    }

    /// What the kernel is told.
    pub fn policy(&self) -> Policy {
        let policy = self.profile.policy(self.ports.clone());
        match &self.connect {
            Some(rules) => Policy { rights: policy.rights.without(connect_anywhere()), connect: rules.clone(), ..policy },
            None => policy,
        }
    }
}
