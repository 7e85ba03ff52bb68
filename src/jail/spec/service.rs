//! The services of a jail: what runs, when it counts as ready, how its health is seen, when it is given up.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Restart, StopSignal};
use crate::kernel::Port;

/// A time span of a spec: whole seconds are written as a number, others as a text in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    pub const fn seconds(seconds: u64) -> Span {
        Span(Duration::from_secs(seconds))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.subsec_millis() {
            0 => serializer.serialize_u64(self.0.as_secs()),
            _ => serializer.collect_str(&format_args!("{}ms", self.0.as_millis())),
        }
    }
}

/// Something to try again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// A connection to this TCP port of the loopback address is accepted.
    Port(Port),
    /// This argv ends with status 0.
    Command(Vec<String>),
}

/// What tells that a service is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It writes a newline to the descriptor that `NOTIFY_FD` names.
    Descriptor,
    /// A check succeeds; commands run inside the jail.
    Check(Check),
}

/// When a service counts as ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub sign: Sign,
    /// Not ready by then: the run has failed.
    pub timeout: Span,
    /// Between two tries.
    pub interval: Span,
}

impl Ready {
    pub const TIMEOUT: Span = Span::seconds(30);
    pub const INTERVAL: Span = Span(Duration::from_millis(500));
}

/// A check of a service that runs, over and over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub check: Check,
    /// A command runs inside the jail, not on the host.
    pub inside: bool,
    pub interval: Span,
    /// A check that takes longer has failed.
    pub timeout: Span,
    /// So many failures in a row restart the service.
    pub failures: u32,
}

impl Health {
    pub const INTERVAL: Span = Span::seconds(30);
    pub const TIMEOUT: Span = Span::seconds(5);
    pub const FAILURES: u32 = 3;
}

/// One of several services of a jail. What is not set here is as for the jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Unique in the jail.
    pub name: String,
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Added to the jail's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_restarts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_window: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<StopSignal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Syslog tag of its lines.
    pub tag: String,
    /// Names of those that must be ready before it starts, and that stop after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
}

fn entry<M: SerializeMap>(map: &mut M, check: &Check) -> Result<(), M::Error> {
    match check {
        Check::Port(port) => map.serialize_entry("port", port),
        Check::Command(argv) => map.serialize_entry("command", argv),
    }
}

impl Serialize for Ready {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.sign {
            Sign::Descriptor => map.serialize_entry("fd", &true)?,
            Sign::Check(check) => entry(&mut map, check)?,
        }
        map.serialize_entry("timeout", &self.timeout)?;
        map.serialize_entry("interval", &self.interval)?;
        map.end()
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, &self.check)?;
        if matches!(self.check, Check::Command(_)) {
            map.serialize_entry("inside", &self.inside)?;
        }
        map.serialize_entry("interval", &self.interval)?;
        map.serialize_entry("timeout", &self.timeout)?;
        map.serialize_entry("failures", &self.failures)?;
        map.end()
    }
}
