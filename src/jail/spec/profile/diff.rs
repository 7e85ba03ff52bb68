//! What changes from one profile to another: by effect, not by how it was written.

use std::fmt;

use serde::Serialize;

use super::Profile;
use crate::jail::spec::probe::Example;
use crate::kernel::{Right, Verdict};

/// From one profile to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileDiff {
    /// Rights that only the other one holds, with its reason.
    pub added: Vec<Entry>,
    /// Rights that the first one holds or audits, with the other's reason for doing neither.
    pub removed: Vec<Entry>,
    /// Rights that only the other one audits, with its reason: where the first one held them they are told from now on,
    /// where it did not they are let through.
    pub audited: Vec<Entry>,
    /// Rights that are the same in both, for another reason.
    pub reworded: Vec<Rewording>,
    /// What only one of them has to prove: `must_allow ping`.
    pub proofs_added: Vec<String>,
    pub proofs_removed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub right: Right,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rewording {
    pub right: Right,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl ProfileDiff {
    /// Same rights, reasons and proof.
    pub fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    /// A line each: `+` for a right or proof that is new, `-` for one that is gone, `?` for a right that is
    /// let through and told, `~` for another reason.
    pub fn lines(&self) -> Vec<String> {
        let entry = |sign: char, entry: &Entry| {
            let reason = entry.reason.as_deref().unwrap_or_else(|| entry.right.reason());
            format!("{sign} {}: {reason}", entry.right)
        };
        let or_none = |reason: &Option<String>| reason.clone().unwrap_or_else(|| "no reason".into());
        let reworded =
            |change: &Rewording| format!("~ {}: {} -> {}", change.right, or_none(&change.before), or_none(&change.after));
        let mut lines: Vec<String> = self.added.iter().map(|added| entry('+', added)).collect();
        lines.extend(self.removed.iter().map(|removed| entry('-', removed)));
        lines.extend(self.audited.iter().map(|audited| entry('?', audited)));
        lines.extend(self.reworded.iter().map(reworded));
        lines.extend(self.proofs_added.iter().map(|proof| format!("+ {proof}")));
        lines.extend(self.proofs_removed.iter().map(|proof| format!("- {proof}")));
        lines
    }
}

impl fmt::Display for ProfileDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl Profile {
    /// What changes from this one to the other.
    pub fn diff(&self, other: &Profile) -> ProfileDiff {
        let (before, after) = (self.policy(Vec::new()), other.policy(Vec::new()));
        let turned = |right, to| after.judge(right) == to && before.judge(right) != to;
        let reason = |profile: &Profile, right| profile.reason(right).map(str::to_owned);
        // Parts that go with a right as a whole are no news of their own.
        let is_named = |part: &Right| self.grant.contains(*part) || other.grant.contains(*part);
        let named = || Right::all().chain(Right::parts().filter(is_named));
        let entries = |wanted: &dyn Fn(Right) -> bool| {
            let found = named().filter(|right| wanted(*right));
            found.map(|right| Entry { right, reason: reason(other, right) }).collect()
        };
        let reworded = named().filter(|right| before.judge(*right) == after.judge(*right));
        let reworded = reworded.map(|right| Rewording { right, before: reason(self, right), after: reason(other, right) });
        ProfileDiff {
            added: entries(&|right| turned(right, Verdict::Allowed)),
            removed: entries(&|right| turned(right, Verdict::Refused)),
            audited: entries(&|right| turned(right, Verdict::Told)),
            reworded: reworded.filter(|change| change.before != change.after).collect(),
            proofs_added: proofs(other, self),
            proofs_removed: proofs(self, other),
        }
    }
}

/// What the first has to prove and the second has not.
fn proofs(of: &Profile, but: &Profile) -> Vec<String> {
    let missing = |key: &'static str, of: &[Example], but: &[Example]| -> Vec<String> {
        of.iter().filter(|example| !but.contains(example)).map(|example| format!("{key} {example}")).collect()
    };
    let mut found = missing("must_allow", &of.must_allow, &but.must_allow);
    found.extend(missing("must_deny", &of.must_deny, &but.must_deny));
    found
}
