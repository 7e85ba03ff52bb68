//! A profile: a built-in level, rights added and taken away with a reason each, and the proof, examples of what it must
//! allow and deny. Pure.

mod algebra;
mod diff;
mod meant;
mod parse;
pub mod place;
mod remedy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::probe::Example;
use crate::kernel::{Level, Policy, Reservation, Right, RightSet};

pub use algebra::Extension;
pub use diff::{Entry, ProfileDiff, Rewording};
pub use meant::{meant, words};
pub(super) use parse::{EXTENSION_KEYS, KEYS, profile};
pub use parse::{auditable_right, grantable_right, reason, right, whole_right};
pub use remedy::{key_of, warning};

/// What a jail may do, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Of one that a library gives a name to: 1 to [`Profile::MAX_NAME`] lower-case letters, digits and `_`, no level's.
    pub name: Option<String>,
    pub level: Level,
    /// No fence, and no right of `deny`.
    pub grant: Reasons,
    pub deny: Reasons,
    /// Not held, but let through and told. No fence, and no right of `grant` or `deny`.
    pub audit: Reasons,
    pub must_allow: Vec<Example>,
    pub must_deny: Vec<Example>,
}

/// Rights, and why they were given or taken: one line each, if said at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasons(BTreeMap<Right, Option<String>>);

impl Reasons {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, right: Right) -> bool {
        self.0.contains_key(&right)
    }

    /// The reason given for the right.
    pub fn of(&self, right: Right) -> Option<&str> {
        self.0.get(&right)?.as_deref()
    }

    /// In table order.
    pub fn rights(&self) -> impl Iterator<Item = Right> {
        self.0.keys().copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Right, Option<&str>)> {
        self.0.iter().map(|(right, reason)| (*right, reason.as_deref()))
    }

    /// A reason that is there already stays unless there is a new one.
    pub fn insert(&mut self, right: Right, reason: Option<String>) {
        let entry = self.0.entry(right).or_default();
        *entry = reason.or(entry.take());
    }

    pub fn remove(&mut self, right: Right) {
        self.0.remove(&right);
    }
}

impl FromIterator<Right> for Reasons {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Reasons {
        Reasons(rights.into_iter().map(|right| (right, None)).collect())
    }
}

/// Names alone if no reason is given, else a map from name to reason, empty where none is.
impl Serialize for Reasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.values().all(Option::is_none) {
            return serializer.collect_seq(self.rights());
        }
        serializer.collect_map(self.iter().map(|(right, reason)| (right.name(), reason.unwrap_or_default())))
    }
}

/// Where a right's being held or not comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The level grants it.
    Level,
    Granted,
    Denied,
    /// Not held, but let through and told.
    Audited,
    /// Neither the level nor anybody grants it.
    Absent,
    /// No profile can.
    Fence,
}

impl Profile {
    /// Longest name, in bytes: so many the kernel's table shows.
    pub const MAX_NAME: usize = 31;
    /// Longest reason, in bytes.
    pub const MAX_REASON: usize = 200;

    pub fn built_in(level: Level) -> Self {
        Profile {
            name: None,
            level,
            grant: Reasons::default(),
            deny: Reasons::default(),
            audit: Reasons::default(),
            must_allow: Vec::new(),
            must_deny: Vec::new(),
        }
    }

    /// Nothing but a level.
    pub fn is_built_in(&self) -> bool {
        *self == Profile::built_in(self.level)
    }

    pub fn rights(&self) -> RightSet {
        let granted = self.grant.rights().fold(self.level.rights(), RightSet::with);
        self.deny.rights().chain(self.audit.rights()).fold(granted, RightSet::without)
    }

    /// What is let through and told, though it is not held.
    pub fn audited(&self) -> RightSet {
        self.audit.rights().fold(RightSet::EMPTY, RightSet::with)
    }

    /// What the kernel is told of a jail with these ports.
    pub fn policy(&self, ports: Vec<Reservation>) -> Policy {
        Policy { audited: self.audited(), ..Policy::new(self.rights(), ports) }
    }

    pub fn cause(&self, right: Right) -> Cause {
        if right.is_fence() {
            Cause::Fence
        } else if self.grant.contains(right) {
            Cause::Granted
        } else if self.deny.contains(right) {
            Cause::Denied
        } else if self.audit.contains(right) {
            Cause::Audited
        } else if right.is_part() {
            self.cause(right.whole())
        } else if self.level.rights().holds(right) {
            Cause::Level
        } else {
            Cause::Absent
        }
    }

    /// The reason this profile gives for holding the right or not.
    pub fn reason(&self, right: Right) -> Option<&str> {
        let said = |right| self.grant.of(right).or_else(|| self.deny.of(right)).or_else(|| self.audit.of(right));
        said(right).or_else(|| said(right.whole()))
    }

    /// For listings: the name, or the level with `+` or `-` if it holds more or less than that, and `~` if it audits.
    pub fn label(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let mut label = self.level.name().to_owned();
        let level = self.level.rights();
        if self.grant.rights().any(|right| !level.holds(right)) {
            label.push('+');
        }
        if self.deny.rights().any(|right| level.holds(right)) {
            label.push('-');
        }
        if !self.audit.is_empty() {
            label.push('~');
        }
        label
    }

    /// As a map with all its keys, which the parser takes back.
    pub fn to_tree(&self) -> Value {
        serde_json::to_value(Whole(self)).expect("a profile holds only texts and lists")
    }

    /// The lines of a `jail.toml`.
    pub fn to_toml(&self) -> String {
        #[derive(Serialize)]
        struct Spec<'a> {
            profile: &'a Profile,
        }
        toml::to_string_pretty(&Spec { profile: self }).expect("a profile holds only texts and lists")
    }
}

/// `medium + raw_socket - ptrace ~ mount`: what it holds more or less than the level and what it audits, behind the name if
/// it has one.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}: ")?;
        }
        let level = self.level.rights();
        f.write_str(self.level.name())?;
        self.grant.rights().filter(|right| !level.holds(*right)).try_for_each(|right| write!(f, " + {right}"))?;
        self.deny.rights().filter(|right| level.holds(*right)).try_for_each(|right| write!(f, " - {right}"))?;
        self.audit.rights().try_for_each(|right| write!(f, " ~ {right}"))
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_built_in() { serializer.serialize_str(self.level.name()) } else { Whole(self).serialize(serializer) }
    }
}

/// A profile as a map even where a word would do.
struct Whole<'a>(&'a Profile);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Whole(profile) = self;
        let mut map = serializer.serialize_map(None)?;
        if let Some(name) = &profile.name {
            map.serialize_entry("name", name)?;
        }
        map.serialize_entry("base", profile.level.name())?;
        for (key, examples) in [("must_allow", &profile.must_allow), ("must_deny", &profile.must_deny)] {
            if !examples.is_empty() {
                map.serialize_entry(key, examples)?;
            }
        }
        map.serialize_entry("grant", &profile.grant)?;
        map.serialize_entry("deny", &profile.deny)?;
        if !profile.audit.is_empty() {
            map.serialize_entry("audit", &profile.audit)?;
        }
        map.end()
    }
}
