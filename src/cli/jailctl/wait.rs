//! `jailctl wait`: until a jail is in a state.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::script::duration;
use crate::telemetry::Observation;

/// Between two looks.
const STEP: Duration = Duration::from_millis(100);
/// As timeout(1).
const TIMED_OUT: Exit = Exit(124);

/// Wait until a jail is in a state.
///
/// Waiting for running ends with a failure when the service has been given up.
///
/// Examples: jailctl wait web --for running --timeout 10
///           jailctl wait job && echo over
///
/// Exit status: 0 it is, 1 it cannot be or failed, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root, 124 not in time.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Wait {
    /// Give up after this long (90, 500ms, 2m, 1h)
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// State to wait for
    #[arg(long = "for", value_name = "STATE", value_enum, default_value_t = Awaited::Stopped)]
    state: Awaited,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Awaited {
    /// The service runs
    Running,
    /// No service is kept running: none was started, it ended, or was stopped
    Stopped,
    /// The service was given up
    Failed,
    /// The jail is in the kernel
    Up,
    /// It is not
    Down,
}

impl Awaited {
    fn is_met(self, state: &str, is_up: bool) -> bool {
        match self {
            Awaited::Running => state == "running",
            Awaited::Stopped => matches!(state, "up" | "down" | "unreadable" | "stopped" | "failed"),
            Awaited::Failed => state == "failed",
            Awaited::Up => is_up,
            Awaited::Down => !is_up,
        }
    }
}

impl Wait {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let name = self.jail.name(&site)?;
        let until = self.timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let seen = Observation::one(&site, &name)?;
            let state = seen.state();
            if self.state.is_met(state, seen.jail.kernel.is_some()) {
                return Ok(Exit::DONE);
            }
            if self.state == Awaited::Running && state == "failed" {
                let why = seen.last.and_then(|last| last.last_exit).unwrap_or_default();
                return Err(Failure::new(Exit::FAILED, format!("jail {name} has failed: {why}; see jailctl logs {name}")));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(Failure::new(TIMED_OUT, format!("jail {name} is still {state}")));
            }
            std::thread::sleep(STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_meets_what_it_means() {
        let met = |state: &str, is_up| -> Vec<Awaited> {
            Awaited::value_variants().iter().copied().filter(|awaited| awaited.is_met(state, is_up)).collect()
        };
        assert_eq!(met("running", true), [Awaited::Running, Awaited::Up]);
        assert_eq!(met("backoff", true), [Awaited::Up]);
        assert_eq!(met("orphaned", true), [Awaited::Up]);
        assert_eq!(met("failed", true), [Awaited::Stopped, Awaited::Failed, Awaited::Up]);
        assert_eq!(met("up", true), [Awaited::Stopped, Awaited::Up]);
        assert_eq!(met("down", false), [Awaited::Stopped, Awaited::Down]);
    }
}
