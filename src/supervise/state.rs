//! When one service runs, waits and ends: a pure machine without clock, process or file.
//!
//! ```text
//! Waiting -> Starting -> Trial | Unready -> Running          first run, or each one with a readiness check
//!    ^                       |                 |
//!    +---- (back-off) -------+-----------------+             it ended, or was halted for being unready or unhealthy
//!              Halting (stop signal, grace) -> Clearing -> Ended
//! ```
//! It waits until its delay is over, what the last run left is gone, and its surroundings permit it ([`Event::Permitted`]).
//! A [`Action::Spawn`] must be answered by [`Event::Spawned`] or [`Event::SpawnFailed`].

use std::time::Duration;

use super::backoff::Backoff;
use super::check::{Health, Ready};
use super::event::{Action, End, Event, Probe, Timer, Weight};
use crate::jail::Restart;
use crate::kernel::Processes;

/// How long a first run without readiness check must last to count as started, if it does not come to rest before.
const TRIAL: Duration = Duration::from_millis(100);

/// What follows once a halted run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Then {
    End,
    /// The run failed, so the policy decides.
    Judge(String),
    /// Another one at once.
    Again,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Waiting {
        due: bool,
        cleared: bool,
    },
    /// A stop that is asked for meanwhile waits for the outcome.
    Starting {
        stop: bool,
    },
    Trial,
    Unready,
    Running,
    Halting(Then),
    Clearing(Then),
    Ended,
}

/// What is fixed for a service.
#[derive(Debug, Clone)]
pub struct Rules {
    pub restart: Restart,
    pub max_restarts: Option<u32>,
    pub restart_window: Duration,
    pub grace: Duration,
    pub ready: Option<Ready>,
    pub health: Option<Health>,
}

/// The state of one service.
#[derive(Debug, Clone)]
pub struct Machine {
    rules: Rules,
    backoff: Backoff,
    phase: Phase,
    permitted: bool,
    /// A process of a run was executed and has not ended.
    alive: bool,
    /// When the run began.
    since: Duration,
    run: u64,
    /// A run was ready.
    started: bool,
    restarts: u64,
    /// Health checks that failed in a row.
    ill: u32,
    last_exit: Option<String>,
    end: Option<End>,
}

impl Machine {
    pub fn new(rules: Rules) -> Self {
        let backoff = Backoff::new(rules.max_restarts, rules.restart_window);
        Machine {
            rules,
            backoff,
            phase: Phase::Waiting { due: true, cleared: true },
            permitted: false,
            alive: false,
            since: Duration::ZERO,
            run: 0,
            started: false,
            restarts: 0,
            ill: 0,
            last_exit: None,
            end: None,
        }
    }

    /// The state's name in [`super::Status`].
    pub fn state(&self) -> &'static str {
        match &self.phase {
            Phase::Waiting { .. } if self.run == 0 => "waiting",
            Phase::Starting { .. } if self.started => "backoff",
            Phase::Waiting { .. } => "backoff",
            Phase::Starting { .. } | Phase::Trial | Phase::Unready => "starting",
            Phase::Running => "running",
            Phase::Halting(Then::End) | Phase::Clearing(Then::End) => "stopping",
            Phase::Halting(_) | Phase::Clearing(_) => "restarting",
            Phase::Ended if self.has_failed() => "failed",
            Phase::Ended => "stopped",
        }
    }

    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The number of its newest run, from 1.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Health checks that failed in a row.
    pub fn ill(&self) -> u32 {
        self.ill
    }

    /// How it last ended and what followed.
    pub fn last_exit(&self) -> Option<&str> {
        self.last_exit.as_deref()
    }

    /// Set once it is known how it will end.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    fn has_failed(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.failed)
    }

    /// A run was ready, once.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// It runs and is ready, or has done its work: others may build on it.
    pub fn is_up(&self) -> bool {
        match self.phase {
            Phase::Running => true,
            Phase::Ended => self.started && !self.has_failed(),
            _ => false,
        }
    }

    /// No process of it runs, and none is about to.
    pub fn is_down(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. } | Phase::Ended)
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// Takes one event. `now` is a monotonic clock; `jitter`, in thousandths from -100 to 100, shifts a restart delay.
    pub fn step(&mut self, event: Event, now: Duration, jitter: i64) -> Vec<Action> {
        use Action::{Arm, Clear, Log};
        if let Event::Exited(_) = event {
            self.alive = false;
        }
        match (&mut self.phase, event) {
            (_, Event::Permitted(permitted)) => {
                self.permitted = permitted;
                self.spawn_if_free()
            }
            (Phase::Ended, Event::RestartRequested(_)) => {
                self.end = None;
                self.phase = Phase::Waiting { due: true, cleared: true };
                self.spawn_if_free()
            }
            (Phase::Ended, _) => Vec::new(),

            (Phase::Starting { stop }, Event::Spawned) => {
                let stop = *stop;
                self.alive = true;
                self.since = now;
                if stop { self.halt(Then::End) } else { self.begin() }
            }
            (Phase::Starting { stop: true }, Event::SpawnFailed(_)) => self.finish(),
            (Phase::Starting { .. }, Event::SpawnFailed(why)) if self.started => {
                self.judge(false, why, now, Duration::ZERO, jitter)
            }
            (Phase::Starting { .. }, Event::SpawnFailed(why)) => self.fail(why),
            (Phase::Starting { stop }, Event::StopRequested(why)) => {
                *stop = true;
                self.stopped_by(&why)
            }
            (Phase::Starting { stop }, Event::Doomed(why)) => {
                *stop = true;
                self.end = Some(End { failed: true, reason: why });
                Vec::new()
            }

            (Phase::Trial, Event::Timer(Timer::Main)) => self.succeed(),
            (Phase::Trial, Event::Settled { run }) if run == self.run => self.succeed(),
            (Phase::Trial, Event::Exited(ending)) if ending.is_success() => {
                self.started = true;
                self.judge(true, ending.to_string(), now, now.saturating_sub(self.since), jitter)
            }
            (Phase::Trial, Event::Exited(ending)) => self.fail(format!("the service {ending} at once")),

            (Phase::Unready, Event::Notified { run }) if run == self.run => self.succeed(),
            (Phase::Unready, Event::Probed { run, result }) if run == self.run => match (result, &self.rules.ready) {
                (Ok(()), _) => self.succeed(),
                (Err(_), Some(ready)) => vec![Arm(Timer::Probe, ready.interval)],
                (Err(_), None) => Vec::new(),
            },
            (Phase::Unready, Event::Timer(Timer::Probe)) => vec![Action::Probe(Probe::Ready, self.run)],
            (Phase::Unready, Event::Timer(Timer::Ready)) => {
                let patience = self.rules.ready.as_ref().map_or(Duration::ZERO, |ready| ready.timeout);
                let why = format!("it was not ready within {} s", patience.as_secs_f64());
                let mut actions = vec![Log(Weight::Warning, why.clone())];
                actions.extend(self.halt(Then::Judge(why)));
                actions
            }
            (Phase::Unready, Event::Exited(ending)) => {
                let how = format!("the service {ending} before it was ready");
                if self.started { self.judge(false, how, now, now.saturating_sub(self.since), jitter) } else { self.fail(how) }
            }

            (Phase::Running, Event::Timer(Timer::Probe)) => vec![Action::Probe(Probe::Health, self.run)],
            (Phase::Running, Event::Probed { run, result }) if run == self.run => self.examine(result),
            (Phase::Running, Event::Exited(ending)) => {
                self.judge(ending.is_success(), ending.to_string(), now, now.saturating_sub(self.since), jitter)
            }

            (Phase::Waiting { due, .. }, Event::Timer(Timer::Main)) => {
                *due = true;
                self.spawn_if_free()
            }
            (Phase::Waiting { cleared, .. }, Event::Cleared { left }) => {
                *cleared = true;
                let mut actions = undying(left);
                actions.extend(self.spawn_if_free());
                actions
            }
            (Phase::Waiting { due, .. }, Event::RestartRequested(_)) => {
                *due = true;
                let mut actions = vec![Action::Quiet];
                actions.extend(self.spawn_if_free());
                actions
            }
            (Phase::Waiting { .. }, Event::StopRequested(why)) => {
                let mut actions = self.stopped_by(&why);
                actions.extend(self.finish());
                actions
            }

            (Phase::Trial | Phase::Unready | Phase::Running, Event::StopRequested(why)) => {
                let mut actions = self.stopped_by(&why);
                actions.extend(self.halt(Then::End));
                actions
            }
            (Phase::Trial | Phase::Unready | Phase::Running, Event::RestartRequested(who)) => {
                let mut actions = vec![Log(Weight::Notice, format!("restarting: {who}"))];
                actions.extend(self.halt(Then::Again));
                actions
            }

            (Phase::Halting(then) | Phase::Clearing(then), Event::StopRequested(why)) if *then != Then::End => {
                *then = Then::End;
                self.stopped_by(&why)
            }
            (Phase::Halting(then), Event::Exited(ending)) => match std::mem::replace(then, Then::End) {
                Then::End => {
                    self.last_exit = Some(ending.to_string());
                    self.finish()
                }
                Then::Judge(why) => self.over(why, now, jitter),
                Then::Again => self.again(ending.to_string()),
            },
            (Phase::Halting(then), Event::Timer(Timer::Main)) => {
                self.phase = Phase::Clearing(std::mem::replace(then, Then::End));
                let line = format!("the grace of {} s is over: killing", self.rules.grace.as_secs());
                vec![Log(Weight::Warning, line), Clear]
            }

            (Phase::Clearing(_), Event::Exited(ending)) => {
                self.last_exit = Some(ending.to_string());
                Vec::new()
            }
            (Phase::Clearing(then), Event::Cleared { left }) => {
                let then = std::mem::replace(then, Then::End);
                let mut actions = undying(left);
                actions.extend(match then {
                    Then::End => self.ended(),
                    _ if self.alive => self.fail("the service would not die".into()),
                    Then::Judge(why) => self.over(why, now, jitter),
                    Then::Again => self.again("killed after its grace".into()),
                });
                actions
            }
            (Phase::Clearing(then), Event::Doomed(why)) if *then != Then::End => {
                *then = Then::End;
                self.end = Some(End { failed: true, reason: why });
                Vec::new()
            }
            // Clearing a jail that is gone finds it empty.
            (Phase::Clearing(_), _) => Vec::new(),

            (_, Event::Doomed(why)) => self.fail(why),
            // Late or repeated news of a phase or a run that is over.
            _ => Vec::new(),
        }
    }

    fn spawn_if_free(&mut self) -> Vec<Action> {
        if !self.permitted || self.phase != (Phase::Waiting { due: true, cleared: true }) {
            return Vec::new();
        }
        self.phase = Phase::Starting { stop: false };
        self.restarts += u64::from(self.run > 0);
        self.run += 1;
        vec![Action::Spawn { run: self.run }]
    }

    /// A run was executed.
    fn begin(&mut self) -> Vec<Action> {
        let mut actions = vec![Action::Log(Weight::Info, "started".into())];
        match &self.rules.ready {
            Some(ready) => {
                self.phase = Phase::Unready;
                actions.push(Action::Arm(Timer::Ready, ready.timeout));
                actions.extend(ready.check.is_some().then_some(Action::Probe(Probe::Ready, self.run)));
            }
            None if self.started => actions.extend(self.succeed()),
            None => {
                self.phase = Phase::Trial;
                actions.extend([Action::Arm(Timer::Main, TRIAL), Action::Watch(self.run)]);
            }
        }
        actions
    }

    /// A run is ready.
    fn succeed(&mut self) -> Vec<Action> {
        self.phase = Phase::Running;
        self.started = true;
        self.ill = 0;
        let mut actions = vec![Action::Quiet];
        if self.rules.ready.is_some() {
            actions.push(Action::Log(Weight::Info, "ready".into()));
        }
        actions.extend(self.rules.health.as_ref().map(|health| Action::Arm(Timer::Probe, health.interval)));
        actions
    }

    /// A check of a run that is ready.
    fn examine(&mut self, result: Result<(), String>) -> Vec<Action> {
        let Some(health) = &self.rules.health else { return Vec::new() };
        let again = Action::Arm(Timer::Probe, health.interval);
        let Err(why) = result else {
            let was_ill = std::mem::take(&mut self.ill) > 0;
            let well = was_ill.then(|| Action::Log(Weight::Notice, "healthy again".into()));
            return well.into_iter().chain([again]).collect();
        };
        self.ill += 1;
        let line = Action::Log(Weight::Warning, format!("unhealthy, {} of {}: {why}", self.ill, health.failures));
        if self.ill < health.failures {
            return vec![line, again];
        }
        let why = format!("it was unhealthy {} time(s) in a row: {why}", self.ill);
        let mut actions = vec![line];
        actions.extend(self.halt(Then::Judge(why)));
        actions
    }

    /// Ends the run that is on.
    fn halt(&mut self, then: Then) -> Vec<Action> {
        self.phase = Phase::Halting(then);
        vec![Action::Quiet, Action::Arm(Timer::Main, self.rules.grace), Action::StopSignal]
    }

    fn stopped_by(&mut self, why: &str) -> Vec<Action> {
        self.end = Some(End { failed: false, reason: format!("stopped by {why}") });
        vec![Action::Log(Weight::Notice, format!("stopping: {why}"))]
    }

    /// A halted run is over, for this reason.
    fn over(&mut self, why: String, now: Duration, jitter: i64) -> Vec<Action> {
        if self.started { self.judge(false, why, now, now.saturating_sub(self.since), jitter) } else { self.fail(why) }
    }

    /// After a run that was not asked to end: again, or not.
    fn judge(&mut self, success: bool, how: String, now: Duration, up: Duration, jitter: i64) -> Vec<Action> {
        let mut actions = vec![Action::Log(Weight::Warning, how.clone())];
        let again = match self.rules.restart {
            Restart::Always => true,
            Restart::OnFailure => !success,
            Restart::Never => false,
        };
        let delay = if again { self.backoff.next(now, up, jitter) } else { Err("not to be restarted".into()) };
        match delay {
            Err(reason) => {
                self.last_exit = Some(how);
                self.end = Some(End { failed: again || !success, reason });
                actions.extend(self.finish());
            }
            Ok(delay) => {
                let seconds = format!("{:.1}", delay.as_secs_f64());
                self.last_exit = Some(format!("{how}; restart after {seconds} s"));
                self.phase = Phase::Waiting { due: false, cleared: false };
                actions.push(Action::Log(Weight::Notice, format!("restarting in {seconds} s")));
                actions.extend([Action::Quiet, Action::Arm(Timer::Main, delay), Action::Clear]);
            }
        }
        actions
    }

    /// After a run that was halted to begin anew.
    fn again(&mut self, how: String) -> Vec<Action> {
        self.last_exit = Some(format!("{how}; restarted on request"));
        self.phase = Phase::Waiting { due: true, cleared: false };
        vec![Action::Quiet, Action::Clear]
    }

    fn fail(&mut self, reason: String) -> Vec<Action> {
        self.end = Some(End { failed: true, reason });
        self.finish()
    }

    fn finish(&mut self) -> Vec<Action> {
        self.phase = Phase::Clearing(Then::End);
        vec![Action::Quiet, Action::Clear]
    }

    fn ended(&mut self) -> Vec<Action> {
        self.phase = Phase::Ended;
        let reason = self.end.as_ref().map_or("", |end| end.reason.as_str());
        self.last_exit = Some(match &self.last_exit {
            Some(how) => format!("{how}; {reason}"),
            None => reason.to_owned(),
        });
        Vec::new()
    }
}

/// A line about what survived being killed.
fn undying(left: usize) -> Vec<Action> {
    (left > 0).then(|| Action::Log(Weight::Warning, format!("{} would not die", Processes(left)))).into_iter().collect()
}
