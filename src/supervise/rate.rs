//! How many lines of one service are logged: a bucket of tokens that fills at a constant rate. Pure.
//!
//! A service that writes on and on must not fill the host's log, nor keep its supervisor busy. What is over the limit is
//! counted, and told in one line every few seconds.

use std::time::{Duration, Instant};

/// Lines a second, for as long as one likes.
pub const RATE: u32 = 500;
/// Lines at once, after a while with few.
pub const BURST: u32 = 20_000;
/// Between two lines that tell of losses.
const TELL: Duration = Duration::from_secs(5);

/// The bucket of one service.
#[derive(Debug)]
pub struct Rate {
    tokens: u32,
    /// Up to when tokens were given.
    given: Instant,
    lost: u64,
    /// When the first loss that is not told yet was.
    since: Option<Instant>,
}

impl Rate {
    pub fn new(now: Instant) -> Rate {
        Rate { tokens: BURST, given: now, lost: 0, since: None }
    }

    /// May a line be logged now? If not, it is counted as lost.
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.tokens > 0 {
            self.tokens -= 1;
            return true;
        }
        self.lost += 1;
        self.since.get_or_insert(now);
        false
    }

    /// Is the bucket empty?
    pub fn is_over(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens == 0
    }

    /// How many lines were lost, when it is time to tell; each is told once. `last`: there is no later time.
    pub fn told(&mut self, now: Instant, last: bool) -> Option<u64> {
        let since = self.since?;
        if !last && now.saturating_duration_since(since) < TELL {
            return None;
        }
        self.since = None;
        Some(std::mem::take(&mut self.lost))
    }

    fn fill(&mut self, now: Instant) {
        let token = Duration::from_secs(1) / RATE;
        let due = now.saturating_duration_since(self.given).as_nanos() / token.as_nanos();
        let due = u32::try_from(due).unwrap_or(BURST).min(BURST);
        self.tokens = self.tokens.saturating_add(due).min(BURST);
        // The part of a token that is left over counts next time; a full bucket keeps none.
        self.given = if self.tokens == BURST { now.max(self.given) } else { self.given + token * due };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_passes_whole_and_the_next_line_is_lost_and_told_once() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        assert!((0..BURST).all(|_| rate.take(start)));
        assert!(!rate.take(start) && rate.is_over(start));
        assert_eq!(rate.told(start + TELL / 2, false), None, "not yet");
        assert_eq!(rate.told(start + TELL, false), Some(1));
        assert_eq!(rate.told(start + TELL * 3, false), None);
        assert!(rate.take(start + TELL), "it fills again");
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_pass_and_each_line_passes_or_is_told(
            steps in prop::collection::vec((0..400_u64, 0..5000_u32), 1..60),
        ) {
            let start = Instant::now();
            let (mut rate, mut now) = (Rate::new(start), start);
            let (mut offered, mut passed, mut told) = (0_u64, 0_u64, 0_u64);
            for (pause, lines) in steps {
                now += Duration::from_millis(pause);
                for _ in 0..lines {
                    offered += 1;
                    passed += u64::from(rate.take(now));
                }
                told += rate.told(now, false).unwrap_or(0);
                let allowed = u64::from(BURST) + (now - start).as_millis() as u64 * u64::from(RATE) / 1000 + 1;
                prop_assert!(passed <= allowed, "{} of {}", passed, allowed);
            }
            told += rate.told(now, true).unwrap_or(0);
            prop_assert_eq!(passed + told, offered);
        }
    }
}
