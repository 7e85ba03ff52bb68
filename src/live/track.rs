//! One jail over the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use super::sample::Jail;

/// How far back is looked.
pub const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub struct Track {
    /// When, and percent of one processor since the point before.
    points: VecDeque<(Duration, f64)>,
    last: (Duration, u64),
    denials: Option<u64>,
    /// Denials a second, since the sample before.
    pub denial_rate: f64,
}

impl Track {
    /// Begins with what the supervisor measured.
    pub fn new(at: Duration, jail: &Jail) -> Track {
        let points = VecDeque::from([(at, jail.cpu_percent)]);
        Track { points, last: (at, jail.cpu_usec), denials: jail.denials, denial_rate: 0.0 }
    }

    pub fn add(&mut self, at: Duration, jail: &Jail) {
        let (before, used) = std::mem::replace(&mut self.last, (at, jail.cpu_usec));
        let seconds = at.saturating_sub(before).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let percent = jail.cpu_usec.saturating_sub(used) as f64 / 10_000.0 / seconds;
        self.points.push_back((at, percent));
        while self.points.front().is_some_and(|(then, _)| *then + MINUTE < at) {
            self.points.pop_front();
        }
        let denials = std::mem::replace(&mut self.denials, jail.denials);
        self.denial_rate = denials.zip(jail.denials).map_or(0.0, |(old, new)| new.saturating_sub(old) as f64 / seconds);
    }

    /// Percent of one processor, now.
    pub fn cpu(&self) -> f64 {
        self.points.back().map_or(0.0, |(_, percent)| *percent)
    }

    /// The last minute in so many equal parts, the newest last: the most of each. What was not seen is `None`. A point tells
    /// of all the time since the one before.
    pub fn parts(&self, count: usize) -> Vec<Option<f64>> {
        let end = self.points.back().map_or(Duration::ZERO, |(at, _)| *at);
        let age = |at: Duration| end.saturating_sub(at).as_secs_f64();
        let width = MINUTE.as_secs_f64() / count.max(1) as f64;
        let mut parts = vec![None; count];
        let mut before = None;
        for (at, percent) in &self.points {
            let (newest, oldest) = (age(*at), before.map_or(age(*at), age));
            let from = (newest / width) as usize;
            let until = ((oldest / width).ceil() as usize).max(from + 1);
            for part in parts.iter_mut().rev().take(until).skip(from) {
                *part = Some(part.map_or(*percent, |most: f64| most.max(*percent)));
            }
            before = Some(*at);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::live::view::tests::jail;

    fn track(seconds: &[u64], percents: &[u64]) -> Track {
        let mut used = 0;
        let mut before = 0;
        let mut track = Track::new(Duration::ZERO, &jail("web"));
        for (at, percent) in seconds.iter().zip(percents) {
            used += percent * 10_000 * (at - before);
            before = *at;
            track.add(Duration::from_secs(*at), &Jail { cpu_usec: used, ..jail("web") });
        }
        track
    }

    #[test]
    fn percent_is_of_the_time_between_two_looks() {
        assert_eq!(track(&[2, 4], &[50, 100]).cpu(), 100.0);
        assert_eq!(track(&[2, 12], &[50, 7]).cpu(), 7.0);
    }

    #[test]
    fn the_minute_is_cut_into_parts_and_what_was_not_seen_stays_empty() {
        let track = track(&[2, 4, 6], &[10, 90, 20]);
        assert_eq!(track.parts(6), [None, None, None, None, None, Some(90.0)]);
        assert_eq!(track.parts(30)[26..], [Some(0.0), Some(10.0), Some(90.0), Some(20.0)]);
        assert_eq!(track.parts(0), Vec::<Option<f64>>::new());
    }

    #[test]
    fn a_part_between_two_slow_looks_is_filled_with_what_came_after_it() {
        assert_eq!(track(&[30, 60], &[40, 80]).parts(6), [40.0, 40.0, 40.0, 80.0, 80.0, 80.0].map(Some));
    }

    #[test]
    fn a_counter_that_fell_is_no_use_and_no_flood() {
        let mut track = Track::new(Duration::ZERO, &Jail { cpu_usec: 9_000_000, denials: Some(7), ..jail("web") });
        track.add(Duration::from_secs(1), &Jail { cpu_usec: 0, denials: Some(0), ..jail("web") });
        assert_eq!((track.cpu(), track.denial_rate), (0.0, 0.0));
        track.add(Duration::from_secs(3), &Jail { cpu_usec: 0, denials: Some(50), ..jail("web") });
        assert_eq!(track.denial_rate, 25.0);
    }

    proptest! {
        #[test]
        fn no_more_than_a_minute_is_kept(delays in proptest::collection::vec(1_u64..90, 1..200), count in 0_usize..70) {
            let mut at = 0;
            let mut track = Track::new(Duration::ZERO, &jail("web"));
            for delay in delays {
                at += delay;
                track.add(Duration::from_secs(at), &jail("web"));
            }
            prop_assert!(track.points.len() <= 61);
            prop_assert_eq!(track.parts(count).len(), count);
        }
    }
}
