//! Readiness and health as the monitor knows them. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::jail::spec;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A connection to this TCP port of the loopback address.
    Port(u16),
    /// A command in the jail.
    Inside(Vec<String>),
    /// A command on the host.
    Outside(Vec<String>),
}

/// What a run waits for before it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Without one, a newline on the descriptor.
    pub check: Option<Check>,
    pub timeout: Duration,
    pub interval: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    pub check: Check,
    pub interval: Duration,
    pub timeout: Duration,
    pub failures: u32,
}

impl Check {
    fn of(check: &spec::Check, inside: bool) -> Self {
        match check {
            spec::Check::Port(port) => Check::Port(port.get()),
            spec::Check::Command(argv) if inside => Check::Inside(argv.clone()),
            spec::Check::Command(argv) => Check::Outside(argv.clone()),
        }
    }
}

impl Ready {
    pub fn of(ready: &spec::Ready) -> Self {
        let check = match &ready.sign {
            spec::Sign::Descriptor => None,
            spec::Sign::Check(check) => Some(Check::of(check, true)),
        };
        Ready { check, timeout: ready.timeout.0, interval: ready.interval.0 }
    }
}

impl Health {
    pub fn of(health: &spec::Health) -> Self {
        Health {
            check: Check::of(&health.check, health.inside),
            interval: health.interval.0,
            timeout: health.timeout.0,
            failures: health.failures,
        }
    }
}
