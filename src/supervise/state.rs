//! When a service runs, waits and ends: a pure machine without clock, process or file.
//!
//! ```text
//! Starting -> Trial -> Running -> Backoff -> Starting ...      restart
//!               |         |          |
//!               +---------+-> Stopping -> Clearing -> Ended    asked to stop
//!               +---------+-------------> Clearing -> Ended    not to be restarted, failed start, jail gone
//! ```
//! A [`Action::Spawn`] is the last of its list and must be answered by [`Event::Spawned`] or [`Event::SpawnFailed`]
//! before any other event.

use std::fmt;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::jail::Restart;

/// Delays before the first, second, ... restart in a row; the last one stays.
const DELAYS: [Duration; 5] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8), Duration::from_secs(10)];
/// A run this long makes the next delay the first one again.
const STEADY: Duration = Duration::from_secs(30);
/// How long a first run must last to count as started.
const TRIAL: Duration = Duration::from_millis(100);
/// Largest jitter, in thousandths of the delay, either way.
const JITTER: i64 = 100;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Status(i32),
    Signal(i32),
    /// Killed because the jail's keeper had ended.
    WithKeeper,
}

impl Ending {
    fn is_success(self) -> bool {
        self == Ending::Status(0)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Status(status) => write!(f, "exited with status {status}"),
            Ending::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "killed by {signal}"),
                Err(_) => write!(f, "killed by signal {number}"),
            },
            Ending::WithKeeper => write!(f, "killed because the jail's keeper had ended"),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The service was executed.
    Spawned,
    /// It was not, and why.
    SpawnFailed(String),
    Exited(Ending),
    /// The armed timer is over.
    Timer,
    /// Somebody wants the service down; says who.
    StopRequested(String),
    /// The jail is gone or closing underneath.
    Vanished(String),
    /// The clearing is done; so many processes would not die.
    Cleared {
        left: usize,
    },
}

/// What is to be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What the service started and left behind. Sessions that entered the jail by `exec` live on.
    Leftovers,
    /// Every member of the jail.
    Jail,
}

/// Weight of an own log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Info,
    Notice,
    Warning,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Spawn,
    /// Sets the one timer, replacing it.
    Arm(Duration),
    Disarm,
    /// Sends the stop signal to the service.
    StopSignal,
    /// Kills and reaps until nothing of the scope is left, then answers [`Event::Cleared`].
    Clear(Scope),
    /// Tells whoever started the supervisor that the service is up.
    Ready,
    Log(Weight, String),
    /// The supervisor's work is done: [`Machine::end`] says how.
    End,
}

/// How supervision ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub failed: bool,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Starting,
    Trial { since: Duration },
    Running { since: Duration },
    Backoff { due: bool, cleared: bool },
    Stopping,
    Clearing,
    Ended,
}

/// The state of one service.
#[derive(Debug, Clone)]
pub struct Machine {
    policy: Restart,
    grace: Duration,
    phase: Phase,
    /// The first start succeeded.
    ready: bool,
    restarts: u64,
    /// Restarts in a row without a steady run.
    streak: usize,
    last_exit: Option<String>,
    end: Option<End>,
}

impl Machine {
    /// A service that is about to be spawned: the caller does [`Action::Spawn`] first.
    pub fn new(policy: Restart, grace: Duration) -> Self {
        let phase = Phase::Starting;
        Machine { policy, grace, phase, ready: false, restarts: 0, streak: 0, last_exit: None, end: None }
    }

    /// The state's name in [`super::Status`].
    pub fn state(&self) -> &'static str {
        match (&self.phase, &self.end) {
            (Phase::Starting | Phase::Trial { .. }, _) if !self.ready => "starting",
            (Phase::Starting, _) => "backoff",
            (Phase::Trial { .. } | Phase::Running { .. }, _) => "running",
            (Phase::Backoff { .. }, _) => "backoff",
            (Phase::Ended, Some(end)) if end.failed => "failed",
            (Phase::Ended, _) => "stopped",
            (Phase::Stopping | Phase::Clearing, _) => "stopping",
        }
    }

    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// How the service last ended and what followed.
    pub fn last_exit(&self) -> Option<&str> {
        self.last_exit.as_deref()
    }

    /// Set once the machine knows how it will end.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The first start succeeded.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Takes one event. `now` is a monotonic clock; `jitter`, in thousandths from -100 to 100, shifts a restart delay.
    pub fn step(&mut self, event: Event, now: Duration, jitter: i64) -> Vec<Action> {
        use Action::{Arm, Clear, Disarm, Log, Ready, StopSignal};
        match (&mut self.phase, event) {
            (Phase::Ended, _) => Vec::new(),

            (Phase::Starting, Event::Spawned) if self.ready => {
                self.phase = Phase::Running { since: now };
                vec![Log(Weight::Info, "started".into())]
            }
            (Phase::Starting, Event::Spawned) => {
                self.phase = Phase::Trial { since: now };
                vec![Log(Weight::Info, "started".into()), Arm(TRIAL)]
            }
            (Phase::Starting, Event::SpawnFailed(why)) if self.ready => self.after(false, why, Duration::ZERO, jitter),
            (Phase::Starting, Event::SpawnFailed(why)) => self.finish(true, why, Scope::Leftovers),

            (Phase::Trial { since }, Event::Timer) => {
                self.phase = Phase::Running { since: *since };
                self.ready = true;
                vec![Ready]
            }
            (Phase::Trial { since }, Event::Exited(ending)) if ending.is_success() => {
                let up = now.saturating_sub(*since);
                self.ready = true;
                let mut actions = vec![Disarm, Ready];
                actions.extend(self.after(true, ending.to_string(), up, jitter));
                actions
            }
            (Phase::Trial { .. }, Event::Exited(ending)) => {
                self.finish(true, format!("the service {ending} at once"), Scope::Leftovers)
            }
            (Phase::Running { since }, Event::Exited(ending)) => {
                let up = now.saturating_sub(*since);
                self.after(ending.is_success(), ending.to_string(), up, jitter)
            }

            (Phase::Backoff { due, .. }, Event::Timer) => {
                *due = true;
                self.spawn_if_clear()
            }
            (Phase::Backoff { cleared, .. }, Event::Cleared { .. }) => {
                *cleared = true;
                self.spawn_if_clear()
            }

            (Phase::Trial { .. } | Phase::Running { .. }, Event::StopRequested(why)) => {
                self.phase = Phase::Stopping;
                let line = format!("stopping: {why}");
                self.end = Some(End { failed: false, reason: format!("stopped by {why}") });
                vec![Log(Weight::Notice, line), Arm(self.grace), StopSignal]
            }
            (Phase::Starting | Phase::Backoff { .. }, Event::StopRequested(why)) => {
                let mut actions = vec![Log(Weight::Notice, format!("stopping: {why}"))];
                actions.extend(self.finish(false, format!("stopped by {why}"), Scope::Jail));
                actions
            }
            (Phase::Stopping, Event::Exited(ending)) => {
                self.last_exit = Some(ending.to_string());
                self.phase = Phase::Clearing;
                vec![Disarm, Clear(Scope::Jail)]
            }
            (Phase::Stopping, Event::Timer) => {
                self.phase = Phase::Clearing;
                let line = format!("the grace of {} s is over: killing", self.grace.as_secs());
                vec![Log(Weight::Warning, line), Clear(Scope::Jail)]
            }

            (Phase::Clearing, Event::Exited(ending)) => {
                self.last_exit = Some(ending.to_string());
                Vec::new()
            }
            (Phase::Clearing, Event::StopRequested(_)) => vec![Clear(Scope::Jail)],
            (Phase::Clearing, Event::Cleared { left }) => self.ended(left),
            // Clearing a jail that is gone finds it empty.
            (Phase::Clearing, _) => Vec::new(),

            (_, Event::Vanished(why)) => self.finish(true, why, Scope::Leftovers),
            // Late or repeated news of a phase that is over.
            _ => Vec::new(),
        }
    }

    fn spawn_if_clear(&mut self) -> Vec<Action> {
        if !matches!(self.phase, Phase::Backoff { due: true, cleared: true }) {
            return Vec::new();
        }
        self.phase = Phase::Starting;
        self.restarts += 1;
        vec![Action::Spawn]
    }

    /// After a run that was not asked to end: again, or not.
    fn after(&mut self, success: bool, how: String, up: Duration, jitter: i64) -> Vec<Action> {
        let mut actions = vec![Action::Log(Weight::Warning, how.clone())];
        let again = match self.policy {
            Restart::Always => true,
            Restart::OnFailure => !success,
            Restart::Never => false,
        };
        if !again {
            self.last_exit = Some(how);
            actions.extend(self.finish(!success, "not to be restarted".into(), Scope::Leftovers));
            return actions;
        }
        if up >= STEADY {
            self.streak = 0;
        }
        let delay = delay(self.streak, jitter);
        self.streak += 1;
        let seconds = format!("{:.1}", delay.as_secs_f64());
        self.last_exit = Some(format!("{how}; restart after {seconds} s"));
        self.phase = Phase::Backoff { due: false, cleared: false };
        actions.push(Action::Log(Weight::Notice, format!("restarting in {seconds} s")));
        actions.extend([Action::Arm(delay), Action::Clear(Scope::Leftovers)]);
        actions
    }

    fn finish(&mut self, failed: bool, reason: String, scope: Scope) -> Vec<Action> {
        self.phase = Phase::Clearing;
        self.end = Some(End { failed, reason });
        vec![Action::Disarm, Action::Clear(scope)]
    }

    fn ended(&mut self, left: usize) -> Vec<Action> {
        self.phase = Phase::Ended;
        let mut actions = Vec::new();
        if left > 0 {
            actions.push(Action::Log(Weight::Warning, format!("{left} process(es) would not die")));
        }
        let reason = self.end.as_ref().map_or("", |end| end.reason.as_str());
        actions.push(Action::Log(Weight::Notice, format!("supervision ends: {reason}")));
        self.last_exit = Some(match &self.last_exit {
            Some(how) => format!("{how}; {reason}"),
            None => reason.to_owned(),
        });
        actions.push(Action::End);
        actions
    }
}

/// The pause before restart number `streak` (from 0) in a row.
fn delay(streak: usize, jitter: i64) -> Duration {
    let base = DELAYS[streak.min(DELAYS.len() - 1)].as_millis() as u64;
    let thousandths = (1000 + jitter.clamp(-JITTER, JITTER)) as u64;
    Duration::from_millis(base * thousandths / 1000)
}

#[cfg(test)]
mod tests;
