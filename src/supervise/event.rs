//! What is told to the machine of one service, and what it asks for. Pure.

use std::time::Duration;

use super::ending::Ending;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// May it run? Said whenever the answer changes; at first it may not.
    Permitted(bool),
    /// The service was executed.
    Spawned,
    /// It was not, and why.
    SpawnFailed(String),
    Exited(Ending),
    /// An armed timer is over.
    Timer(Timer),
    /// A newline came on the readiness descriptor of this run.
    Notified {
        run: u64,
    },
    /// A check of this run succeeded, or why not.
    Probed {
        run: u64,
        result: Result<(), String>,
    },
    /// This run waits for something to do, as who is up does.
    Settled {
        run: u64,
    },
    /// It is wanted down; says by whom.
    StopRequested(String),
    /// It is to run anew; says who wants it.
    RestartRequested(String),
    /// It can never run again here, and why.
    Doomed(String),
    /// The clearing is done; so many processes would not die.
    Cleared {
        left: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Trial, back-off, grace.
    Main,
    /// The end of the patience for readiness.
    Ready,
    /// The next check.
    Probe,
}

impl Timer {
    pub const ALL: [Timer; 3] = [Timer::Main, Timer::Ready, Timer::Probe];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    Ready,
    Health,
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
    Spawn {
        run: u64,
    },
    /// Sets a timer, replacing it.
    Arm(Timer, Duration),
    /// Forgets all timers, whatever check is under way and what is watched.
    Quiet,
    /// Sends the stop signal to the service.
    StopSignal,
    /// Kills and reaps until nothing of this service is left, then answers [`Event::Cleared`].
    Clear,
    /// Watches this run come to rest and answers [`Event::Settled`], until it is told to be quiet.
    Watch(u64),
    /// Begins a check and answers [`Event::Probed`].
    Probe(Probe, u64),
    Log(Weight, String),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub failed: bool,
    pub reason: String,
}
