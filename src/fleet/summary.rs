//! How it went, jail by jail. Pure.

use crate::kernel::JailName;

/// How it ended for one jail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Started,
    /// Started, after what a crash had left was cleaned up.
    Recovered,
    AlreadyRunning,
    Restarted,
    Stopped,
    WasDown,
    Failed(String),
    /// Never begun; why.
    Skipped(String),
}

impl End {
    const WORDS: [&'static str; 7] = ["started", "already running", "restarted", "stopped", "not running", "failed", "skipped"];

    fn kind(&self) -> usize {
        match self {
            End::Started | End::Recovered => 0,
            End::AlreadyRunning => 1,
            End::Restarted => 2,
            End::Stopped => 3,
            End::WasDown => 4,
            End::Failed(_) => 5,
            End::Skipped(_) => 6,
        }
    }

    /// In one or two words.
    pub fn word(&self) -> &'static str {
        Self::WORDS[self.kind()]
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            End::Failed(why) | End::Skipped(why) => Some(why),
            _ => None,
        }
    }
}

/// All ends so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    ends: Vec<(JailName, End)>,
}

impl Summary {
    pub fn add(&mut self, name: JailName, end: End) {
        self.ends.push((name, end));
    }

    /// In the order in which they came.
    pub fn ends(&self) -> &[(JailName, End)] {
        &self.ends
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Nothing failed and nothing was skipped.
    pub fn is_clean(&self) -> bool {
        self.ends.iter().all(|(_, end)| end.reason().is_none())
    }

    /// How many of what, and a line for each that is not as it was asked to be, with the first line of the reason.
    pub fn text(&self) -> String {
        let count = |kind: usize| self.ends.iter().filter(|(_, end)| end.kind() == kind).count();
        let counts: Vec<String> = (End::WORDS.iter().enumerate())
            .filter(|(kind, _)| count(*kind) > 0)
            .map(|(kind, word)| format!("{} {word}", count(kind)))
            .collect();
        let mut text = format!("{} jails: {}\n", self.ends.len(), counts.join(", "));
        let mut bad: Vec<_> = self.ends.iter().filter_map(|(name, end)| Some((end.kind(), name, end.reason()?))).collect();
        bad.sort();
        for (kind, name, why) in bad {
            let why = why.strip_prefix(&format!("jail {name} ")).unwrap_or(why);
            let why = why.lines().next().unwrap_or_default().trim_end_matches(':');
            text.push_str(&format!("  {:<8} {name}: {why}\n", End::WORDS[kind]));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_and_names_what_is_not_as_it_was_asked_to_be() {
        let mut summary = Summary::default();
        let failed = End::Failed("jail bad did not start: it ended with status 1; its last words on stderr:\n  no config".into());
        let skipped = End::Skipped("it needs bad, which failed".into());
        for (name, end) in
            [("web", skipped), ("a", End::Started), ("bad", failed), ("b", End::Started), ("c", End::AlreadyRunning)]
        {
            summary.add(name.parse().unwrap(), end);
        }
        assert_eq!(
            summary.text(),
            "5 jails: 2 started, 1 already running, 1 failed, 1 skipped\n\
             \x20 failed   bad: did not start: it ended with status 1; its last words on stderr\n\
             \x20 skipped  web: it needs bad, which failed\n"
        );
        assert!(!summary.is_clean());
    }

    #[test]
    fn what_was_down_or_up_already_is_no_failure() {
        let mut summary = Summary::default();
        summary.add("a".parse().unwrap(), End::WasDown);
        summary.add("b".parse().unwrap(), End::Stopped);
        assert_eq!((summary.is_clean(), summary.text().as_str()), (true, "2 jails: 1 stopped, 1 not running\n"));
    }
}
