//! Events, no more of them than one can read. Pure.
//!
//! In a window of time the first few are told at once. What is the same as one that was told is counted, what comes after
//! the first few is counted too, and both are told when the window ends. While it floods, windows grow.

use std::time::Duration;

use super::change::{Event, Weight};

/// Lines that are told at once in a window.
const AT_ONCE: usize = 5;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// A line to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub weight: Weight,
    pub text: String,
}

#[derive(Debug)]
pub struct Digest {
    /// When the window ends.
    end: Option<Duration>,
    length: Duration,
    told: Vec<(Event, u64)>,
    more: u64,
}

impl Default for Digest {
    fn default() -> Digest {
        Digest { end: None, length: SHORTEST, told: Vec::new(), more: 0 }
    }
}

impl Digest {
    /// When something is to be told though nothing happens.
    pub fn due(&self) -> Option<Duration> {
        self.end.filter(|_| self.more > 0 || self.told.iter().any(|(_, again)| *again > 0))
    }

    /// Takes an event in; what is to be told of it at once. `now`: monotonic.
    pub fn add(&mut self, event: Event, now: Duration) -> Option<Line> {
        self.end.get_or_insert(now + self.length);
        let same = |(told, _): &&mut (Event, u64)| told.jail == event.jail && told.text == event.text;
        if let Some((_, again)) = self.told.iter_mut().find(same) {
            *again += 1;
            return None;
        }
        if self.told.len() == AT_ONCE {
            self.more += 1;
            return None;
        }
        let line = Line { weight: event.weight, text: event.line() };
        self.told.push((event, 0));
        Some(line)
    }

    /// What is to be told when a window is over. Call it before [`Digest::add`].
    pub fn end(&mut self, now: Duration) -> Vec<Line> {
        if self.end.is_none_or(|end| now < end) {
            return Vec::new();
        }
        self.end = None;
        let again = std::mem::take(&mut self.told).into_iter().filter(|(_, again)| *again > 0);
        let repeated = |(event, again): (Event, u64)| {
            let times = if again == 1 { "once more".to_owned() } else { format!("{again} times more") };
            Line { weight: event.weight, text: format!("{}: {}, {times}", event.jail, event.text) }
        };
        let mut lines: Vec<Line> = again.map(repeated).collect();
        let more = std::mem::take(&mut self.more);
        if more > 0 {
            let events = if more == 1 { "event" } else { "events" };
            lines.push(Line { weight: Weight::Notice, text: format!("and {more} more {events}; :events shows the last ones") });
        }
        self.length = if lines.is_empty() { SHORTEST } else { (self.length * 2).min(LONGEST) };
        lines
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(jail: u64) -> Event {
        let text = "fell".to_owned();
        Event { jail: format!("j{jail}"), weight: Weight::Bad, text, detail: format!(", pid {jail}"), asked: false }
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_flood_of_many_jails_is_five_lines_and_a_number() {
        let mut digest = Digest::default();
        let told = (0..817).filter_map(|jail| digest.add(event(jail), at(jail))).count();
        assert_eq!((told, digest.due()), (5, Some(at(1000))));
        assert_eq!(digest.end(at(999)), []);
        let lines: Vec<String> = digest.end(at(1000)).into_iter().map(|line| line.text).collect();
        assert_eq!(lines, ["and 812 more events; :events shows the last ones"]);
        assert_eq!((digest.due(), digest.end(at(2000))), (None, Vec::new()));
    }

    #[test]
    fn the_same_again_is_counted_and_told_once_and_ever_less_often() {
        let mut digest = Digest::default();
        let mut told = Vec::new();
        for now in 0..3_600 {
            told.extend(digest.end(at(100 * now)));
            told.extend(digest.add(event(1), at(100 * now)));
        }
        assert_eq!(told[0].text, "j1: fell, pid 1");
        assert_eq!(told[1].text, "j1: fell, 9 times more");
        assert!(told.len() < 40, "{} lines in six minutes", told.len());
    }

    #[test]
    fn after_a_calm_window_all_is_told_at_once_again() {
        let mut digest = Digest::default();
        assert!(digest.add(event(1), at(0)).is_some());
        assert_eq!(digest.end(at(5_000)), []);
        assert!(digest.add(event(1), at(5_000)).is_some());
        assert_eq!(digest.due(), None);
    }

    proptest! {
        #[test]
        fn every_event_is_told_or_counted(jails in prop::collection::vec((0_u64..9, 0_u64..900), 0..200)) {
            let mut digest = Digest::default();
            let (mut now, mut told) = (0, 0);
            for (jail, later) in &jails {
                now += later;
                told += digest.end(at(now)).iter().map(|line| count(&line.text)).sum::<u64>();
                told += u64::from(digest.add(event(*jail), at(now)).is_some());
            }
            told += digest.end(at(now + 60_000)).iter().map(|line| count(&line.text)).sum::<u64>();
            prop_assert_eq!(told, jails.len() as u64);
        }
    }

    fn count(line: &str) -> u64 {
        if line.ends_with("once more") {
            return 1;
        }
        line.split(' ').find_map(|word| word.parse().ok()).expect("a number")
    }
}
