//! When a script has to be done. The interpreter looks at it every few steps; a verb that waits waits no longer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

/// Shared by all that wait for the same script.
#[derive(Debug, Clone, Default)]
pub struct Deadline(Rc<Cell<Option<(Instant, Duration)>>>);

impl Deadline {
    /// From now.
    pub fn set(&self, allowed: Option<Duration>) {
        self.0.set(allowed.map(|allowed| (Instant::now() + allowed, allowed)));
    }

    /// The whole time that was allowed, once it is over.
    pub fn passed(&self) -> Option<Duration> {
        self.0.get().filter(|(end, _)| Instant::now() >= *end).map(|(_, allowed)| allowed)
    }

    /// What is left, or `wanted` if that is less; `None` is without end.
    pub fn within(&self, wanted: Option<Duration>) -> Option<Duration> {
        let left = self.0.get().map(|(end, _)| end.saturating_duration_since(Instant::now()));
        match (left, wanted) {
            (Some(left), Some(wanted)) => Some(left.min(wanted)),
            (left, wanted) => left.or(wanted),
        }
    }

    /// Sends this process a SIGTERM when the time is over, for what waits for signals. Disarmed on drop.
    pub fn alarm(&self) -> Option<Timer> {
        // A time of zero would disarm it.
        let left = self.within(None)?.max(Duration::from_millis(1));
        let notify = SigevNotify::SigevSignal { signal: Signal::SIGTERM, si_value: 0 };
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(notify)).ok()?;
        timer.set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty()).ok()?;
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_deadline_only_the_wish_counts() {
        let never = Deadline::default();
        assert_eq!((never.passed(), never.within(None)), (None, None));
        assert_eq!(never.within(Some(Duration::from_secs(5))), Some(Duration::from_secs(5)));
        assert!(never.alarm().is_none());
    }

    #[test]
    fn the_nearer_end_counts_and_after_it_nothing_is_left() {
        let deadline = Deadline::default();
        deadline.set(Some(Duration::from_secs(3600)));
        let shared = deadline.clone();
        assert_eq!(shared.within(Some(Duration::from_secs(5))), Some(Duration::from_secs(5)));
        assert!(shared.within(Some(Duration::from_secs(7200))) <= Some(Duration::from_secs(3600)));
        deadline.set(Some(Duration::from_nanos(1)));
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!((shared.passed(), shared.within(None)), (Some(Duration::from_nanos(1)), Some(Duration::ZERO)));
    }
}
