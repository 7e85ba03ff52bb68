//! What a supervisor does next. Pure: moments are durations since it began.

use std::time::Duration;

use super::backoff::Backoff;

/// Between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_secs(10);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Nothing,
    Start,
    /// SIGTERM to the service.
    Terminate,
    /// SIGKILL to the service.
    Kill,
    /// The service is gone and is not to come back: end all that is in the jail.
    Finish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running { since: Duration },
    Waiting { until: Duration },
    Stopping { until: Duration },
    Killed,
    Done,
}

/// One service's course, which begins with its first start.
#[derive(Debug)]
pub struct Course {
    state: State,
    backoff: Backoff,
}

impl Course {
    pub fn begun(now: Duration) -> Course {
        Course { state: State::Running { since: now }, backoff: Backoff::new(None, Duration::ZERO) }
    }

    /// The service ended, or could not be started. The pause before it is started again, if it is. `jitter` as
    /// [`Backoff::next`] takes it.
    pub fn ended(&mut self, now: Duration, jitter: i64) -> (Deed, Option<Duration>) {
        match self.state {
            State::Running { since } => match self.backoff.next(now, now.saturating_sub(since), jitter) {
                Ok(pause) => {
                    self.state = State::Waiting { until: now + pause };
                    (Deed::Nothing, Some(pause))
                }
                Err(_) => self.finish(),
            },
            State::Stopping { .. } | State::Killed => self.finish(),
            State::Waiting { .. } | State::Done => (Deed::Nothing, None),
        }
    }

    fn finish(&mut self) -> (Deed, Option<Duration>) {
        self.state = State::Done;
        (Deed::Finish, None)
    }

    /// Somebody wants it to stop.
    pub fn asked_to_stop(&mut self, now: Duration) -> Deed {
        match self.state {
            State::Running { .. } => {
                self.state = State::Stopping { until: now + GRACE };
                Deed::Terminate
            }
            State::Waiting { .. } => self.finish().0,
            State::Stopping { .. } | State::Killed | State::Done => Deed::Nothing,
        }
    }

    /// Time went by.
    pub fn due(&mut self, now: Duration) -> Deed {
        match self.state {
            State::Waiting { until } if until <= now => {
                self.state = State::Running { since: now };
                Deed::Start
            }
            State::Stopping { until } if until <= now => {
                self.state = State::Killed;
                Deed::Kill
            }
            _ => Deed::Nothing,
        }
    }

    /// When [`Course::due`] has something to do, if nothing happens before.
    pub fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Waiting { until } | State::Stopping { until } => Some(until),
            _ => None,
        }
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }
}
