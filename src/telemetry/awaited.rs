//! Waiting for a jail to be in a state.

use std::str::FromStr;
use std::time::{Duration, Instant};

use super::Observation;
use crate::jail::{Host, JailError};
use crate::kernel::JailName;

/// Between two looks.
const STEP: Duration = Duration::from_millis(100);

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    Running,
    Stopped,
    Failed,
    Up,
    Down,
}

impl Awaited {
    pub const ALL: [Awaited; 5] = [Awaited::Running, Awaited::Stopped, Awaited::Failed, Awaited::Up, Awaited::Down];

    pub fn name(self) -> &'static str {
        match self {
            Awaited::Running => "running",
            Awaited::Stopped => "stopped",
            Awaited::Failed => "failed",
            Awaited::Up => "up",
            Awaited::Down => "down",
        }
    }

    /// In a sentence.
    pub fn means(self) -> &'static str {
        match self {
            Awaited::Running => "The service runs",
            Awaited::Stopped => "No service is kept running: none was started, it ended, or was stopped",
            Awaited::Failed => "The service was given up",
            Awaited::Up => "The jail is in the kernel",
            Awaited::Down => "It is not",
        }
    }

    /// By a jail that is in this state, in a word, and in the kernel or not.
    pub fn is_met(self, state: &str, is_up: bool) -> bool {
        match self {
            Awaited::Running => state == "running",
            Awaited::Stopped => matches!(state, "up" | "down" | "unreadable" | "stopped" | "failed"),
            Awaited::Failed => state == "failed",
            Awaited::Up => is_up,
            Awaited::Down => !is_up,
        }
    }
}

impl FromStr for Awaited {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Awaited::ALL.map(Awaited::name).join(", ");
        let found = Awaited::ALL.into_iter().find(|awaited| awaited.name() == name);
        found.ok_or_else(|| format!("{name:?} is no state to wait for; use {known}"))
    }
}

/// How the waiting ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// In this state, in a word.
    Met(String),
    /// It was to run and was given up, for this reason.
    Failed(String),
    /// Another state when the time was over, or whoever waited had enough.
    Still(String),
}

/// Waits until the jail is as `awaited`, no longer than `limit`, and only while not `given_up`.
pub fn wait(
    host: &Host,
    name: &JailName,
    awaited: Awaited,
    limit: Option<Duration>,
    given_up: impl Fn() -> bool,
) -> Result<Waited, JailError> {
    let until = limit.map(|limit| Instant::now() + limit);
    loop {
        let seen = Observation::one(host, name)?;
        let state = seen.state().to_owned();
        if awaited.is_met(&state, seen.jail.kernel.is_some()) {
            return Ok(Waited::Met(state));
        }
        if awaited == Awaited::Running && state == "failed" {
            return Ok(Waited::Failed(seen.last.and_then(|last| last.last_exit).unwrap_or_default()));
        }
        if given_up() || until.is_some_and(|until| Instant::now() >= until) {
            return Ok(Waited::Still(state));
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_meets_what_it_means() {
        let met = |state: &str, is_up| -> Vec<Awaited> {
            Awaited::ALL.into_iter().filter(|awaited| awaited.is_met(state, is_up)).collect()
        };
        assert_eq!(met("running", true), [Awaited::Running, Awaited::Up]);
        assert_eq!(met("backoff", true), [Awaited::Up]);
        assert_eq!(met("orphaned", true), [Awaited::Up]);
        assert_eq!(met("failed", true), [Awaited::Stopped, Awaited::Failed, Awaited::Up]);
        assert_eq!(met("up", true), [Awaited::Stopped, Awaited::Up]);
        assert_eq!(met("down", false), [Awaited::Stopped, Awaited::Down]);
    }

    #[test]
    fn each_state_is_called_by_its_name() {
        for awaited in Awaited::ALL {
            assert_eq!(awaited.name().parse(), Ok(awaited));
        }
        assert!("upp".parse::<Awaited>().unwrap_err().contains("use running"));
    }
}
