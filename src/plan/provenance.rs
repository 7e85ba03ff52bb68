//! What a script read besides its own text. A plan carries it, so that one can see on what it rests, and refuse it once
//! that is no longer so. Holds digests and names, never contents: an environment variable may be a password.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::jail::Digest;

/// Everything a script read. Ordered, so that equal runs have equal text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// What the host was asked: the fact's name and what it was.
    pub facts: BTreeMap<String, Digest>,
    /// Environment variables; `None` was absent.
    pub environment: BTreeMap<String, Option<Digest>>,
    /// Files by absolute path.
    pub files: BTreeMap<String, Digest>,
    /// Imported modules: `std/NAME`, or the file's absolute path.
    pub modules: BTreeMap<String, Digest>,
    /// Names only: a digest of a short secret gives it away.
    pub secrets: BTreeSet<String>,
}

/// One thing that is no longer what a plan was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// `fact`, `environment variable`, `file` or `module`.
    pub what: &'static str,
    pub name: String,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.what, self.name)
    }
}

impl Provenance {
    /// What differs in `now` from what was read then. What `now` does not tell counts as different; what it tells
    /// besides does not matter.
    pub fn stale(&self, now: &Provenance) -> Vec<Stale> {
        let mut found = Vec::new();
        compare("fact", &self.facts, &now.facts, &mut found);
        compare("environment variable", &self.environment, &now.environment, &mut found);
        compare("file", &self.files, &now.files, &mut found);
        compare("module", &self.modules, &now.modules, &mut found);
        found
    }
}

fn compare<T: PartialEq>(what: &'static str, then: &BTreeMap<String, T>, now: &BTreeMap<String, T>, found: &mut Vec<Stale>) {
    let changed = then.iter().filter(|(name, value)| now.get(*name) != Some(value));
    found.extend(changed.map(|(name, _)| Stale { what, name: name.clone() }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Provenance {
        let digest = Digest::of("x");
        Provenance {
            facts: [("cpus".into(), Digest::of_value(&4.into()))].into(),
            environment: [("HOME".into(), Some(digest.clone())), ("DOMAIN".into(), None)].into(),
            files: [("/etc/motd".into(), digest.clone())].into(),
            modules: [("std/fleet".into(), digest)].into(),
            secrets: ["db".into()].into(),
        }
    }

    #[test]
    fn it_survives_the_way_through_json_and_holds_no_content() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert_eq!(serde_json::from_str::<Provenance>(&text).unwrap(), sample());
        assert!(
            text.contains(r#""environment":{"DOMAIN":null,"HOME":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db"#),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_provenance_is_refused() {
        for wrong in ["{}", r#"{"facts":{"a":"b"},"environment":{},"files":{},"modules":{},"secrets":[]}"#] {
            assert!(serde_json::from_str::<Provenance>(wrong).is_err(), "{wrong}");
        }
        let mut more = serde_json::to_value(sample()).unwrap();
        more["more"] = 1.into();
        assert!(serde_json::from_value::<Provenance>(more).is_err());
    }

    #[test]
    fn what_changed_appeared_or_vanished_is_stale_and_what_was_never_read_is_not() {
        assert_eq!(sample().stale(&sample()), []);
        let mut now = sample();
        now.facts.insert("cpus".into(), Digest::of_value(&8.into()));
        now.environment.insert("DOMAIN".into(), Some(Digest::of("example.org")));
        now.files.clear();
        now.modules.insert("std/testing".into(), Digest::of(""));
        let stale: Vec<String> = sample().stale(&now).iter().map(ToString::to_string).collect();
        assert_eq!(stale, [r#"fact "cpus""#, r#"environment variable "DOMAIN""#, r#"file "/etc/motd""#]);
    }
}
