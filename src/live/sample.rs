//! What was seen of all jails at one moment.

use std::time::Duration;

use crate::kernel::{JailName, Jid};
use crate::telemetry::processes::Tree;

/// What does not change while one looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// `lsm`, `landlock`, `sim`.
    pub body: String,
    /// `uname -r`.
    pub kernel: String,
}

/// Memory of a jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// What its control group is charged for, in bytes, and how much that may be.
    Charged { bytes: u64, limit: Option<u64> },
    /// Sum of its processes' virtual sizes, in bytes: nobody counts the other.
    Virtual(u64),
}

impl Memory {
    pub fn bytes(self) -> u64 {
        match self {
            Memory::Charged { bytes, .. } | Memory::Virtual(bytes) => bytes,
        }
    }

    /// The part of its limit, from 0 to 1.
    pub fn part(self) -> Option<f64> {
        match self {
            Memory::Charged { bytes, limit: Some(limit) } if limit > 0 => Some((bytes as f64 / limit as f64).min(1.0)),
            _ => None,
        }
    }
}

/// How many of a jail's services are ready, as its supervisor wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    pub ready: usize,
    pub services: usize,
    /// Some of them fail their health checks.
    pub ill: bool,
}

/// One jail.
#[derive(Debug, Clone, PartialEq)]
pub struct Jail {
    pub jid: Jid,
    pub name: JailName,
    /// As `jailctl status` has it.
    pub state: String,
    /// CPU time since creation, in microseconds.
    pub cpu_usec: u64,
    /// Percent of one processor in the last second, by the supervisor's sample; for the first look.
    pub cpu_percent: f64,
    pub memory: Memory,
    pub processes: u64,
    /// By the present supervisor; `None` without one.
    pub restarts: Option<u64>,
    /// Since creation; `None`: this body counts none.
    pub denials: Option<u64>,
    pub health: Option<Health>,
    /// When its state was entered, in seconds since the epoch.
    pub since: Option<u64>,
}

/// More of the jail that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    pub name: JailName,
    /// How its service last ended.
    pub last_exit: Option<String>,
    pub processes: Tree,
    /// The last of them, each a line; why there can be none.
    pub denials: Result<Vec<String>, String>,
    /// The last lines of its log, oldest first.
    pub log: Vec<String>,
}

/// All jails in the kernel at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Monotonic.
    pub at: Duration,
    /// Seconds since the epoch.
    pub now: u64,
    pub jails: Vec<Jail>,
    pub detail: Option<Detail>,
}
