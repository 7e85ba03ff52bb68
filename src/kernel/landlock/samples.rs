//! CPU time of the last seconds, as a supervisor takes it down. Pure.

use serde::{Deserialize, Serialize};

/// Seconds whose CPU time is remembered.
const SAMPLES: usize = 10;

/// CPU time of a jail, second by second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// All that was used when the last sample was taken, in microseconds.
    total: u64,
    /// What was used in each of the last seconds, the newest last, in microseconds.
    seconds: Vec<u64>,
}

impl Samples {
    /// A second later; the same, once ten of them went by in which nothing was used.
    pub fn with(mut self, total: u64) -> Samples {
        self.seconds.push(total.saturating_sub(self.total));
        self.total = total;
        let old = self.seconds.len().saturating_sub(SAMPLES);
        self.seconds.drain(..old);
        self
    }

    /// The last second's, and the mean of all that are remembered; 0 before the first.
    pub fn last_and_mean(&self) -> (u64, f64) {
        let sum: u64 = self.seconds.iter().sum();
        (self.seconds.last().copied().unwrap_or(0), sum as f64 / self.seconds.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_differences_of_the_last_ten_seconds() {
        let mut samples = Samples::default();
        assert_eq!(samples.last_and_mean(), (0, 0.0));
        for total in (0..=20).map(|second| second * 100) {
            samples = samples.with(total);
        }
        samples = samples.with(2500);
        assert_eq!(samples.last_and_mean(), (500, 140.0));
        let rested = (0..10).fold(samples.clone(), |samples, _| samples.with(2500));
        assert_eq!((rested.last_and_mean(), rested.clone().with(2500)), ((0, 0.0), rested));
    }
}
