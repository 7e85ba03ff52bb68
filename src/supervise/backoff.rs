//! How long to wait before a service is started again, and when no more. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// Delays before the first, second, ... restart in a row; the last one stays.
const DELAYS: [Duration; 5] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8), Duration::from_secs(10)];
/// A run this long makes the next delay the first one again.
const STEADY: Duration = Duration::from_secs(30);
/// Largest jitter, in thousandths of the delay, either way.
const JITTER: i64 = 100;

/// The restarts of one service that nobody asked for.
#[derive(Debug, Clone)]
pub struct Backoff {
    most: Option<u32>,
    window: Duration,
    /// Restarts in a row without a steady run.
    streak: usize,
    /// When the restarts within the window were decided. Never more than `most`.
    recent: VecDeque<Duration>,
}

impl Backoff {
    /// At most `most` restarts within `window`; without a number, any.
    pub fn new(most: Option<u32>, window: Duration) -> Self {
        Backoff { most, window, streak: 0, recent: VecDeque::new() }
    }

    /// The pause before the next restart, after a run that was up for this long.
    ///
    /// # Errors
    /// There is to be none, and why.
    pub fn next(&mut self, now: Duration, up: Duration, jitter: i64) -> Result<Duration, String> {
        if up >= STEADY {
            self.streak = 0;
        }
        if let Some(most) = self.most {
            while self.recent.front().is_some_and(|at| now.saturating_sub(*at) >= self.window) {
                self.recent.pop_front();
            }
            if self.recent.len() >= most as usize {
                let seconds = self.window.as_secs_f64();
                return Err(format!("given up: {most} restart(s) within {seconds} s did not help"));
            }
            self.recent.push_back(now);
        }
        let base = DELAYS[self.streak.min(DELAYS.len() - 1)].as_millis() as u64;
        self.streak += 1;
        let thousandths = (1000 + jitter.clamp(-JITTER, JITTER)) as u64;
        Ok(Duration::from_millis(base * thousandths / 1000))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_grow_to_ten_seconds_and_start_over_after_a_steady_run() {
        let mut backoff = Backoff::new(None, SECOND);
        let mut next = |up| backoff.next(Duration::ZERO, up, 0).unwrap().as_secs();
        assert_eq!([(); 7].map(|()| next(SECOND)), [1, 2, 4, 8, 10, 10, 10]);
        assert_eq!([next(30 * SECOND), next(29 * SECOND)], [1, 2]);
    }

    #[test]
    fn a_service_is_given_up_at_exactly_the_rule() {
        let mut backoff = Backoff::new(Some(2), 10 * SECOND);
        let mut next = |at: u32| backoff.next(at * SECOND, SECOND, 0).is_ok();
        assert_eq!([0, 5, 9, 10, 14, 15].map(&mut next), [true, true, false, true, false, true]);
        let error = Backoff::new(Some(0), 10 * SECOND).next(SECOND, SECOND, 0).unwrap_err();
        assert_eq!(error, "given up: 0 restart(s) within 10 s did not help");
    }

    proptest! {
        #[test]
        fn a_delay_stays_within_a_tenth_of_its_step(streak in 0usize..40, jitter in any::<i64>()) {
            let mut backoff = Backoff { streak, ..Backoff::new(None, SECOND) };
            let (base, delay) = (DELAYS[streak.min(4)], backoff.next(SECOND, SECOND, jitter).unwrap());
            prop_assert!(delay >= base * 9 / 10 && delay <= base * 11 / 10);
        }

        #[test]
        fn no_window_ever_holds_more_restarts_than_the_rule(most in 0u32..6, pauses in prop::collection::vec(0u64..20, 0..60)) {
            let window = 30;
            let mut backoff = Backoff::new(Some(most), Duration::from_secs(window));
            let (mut now, mut granted) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                let within = granted.iter().filter(|at| now - **at < window).count();
                let answer = backoff.next(Duration::from_secs(now), SECOND, 0);
                prop_assert_eq!(answer.is_ok(), within < most as usize);
                if answer.is_ok() {
                    granted.push(now);
                }
                prop_assert!(backoff.recent.len() <= most as usize);
            }
        }
    }
}
