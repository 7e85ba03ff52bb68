//! One cell of a listing: what it holds, and how that is written.

use std::fmt;

use serde::{Serialize, Serializer};

use super::size::{short, size};
use super::{moment, printable};

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Number(u64),
    /// One decimal in text.
    Decimal(f64),
    Flag(bool),
    /// A word for how something is doing, which has a colour.
    State(String),
    /// A moment, in seconds since the epoch: how long before `now` in text, the moment itself elsewhere.
    Since {
        at: u64,
        now: u64,
    },
    /// With a unit in text.
    Bytes(u64),
    /// The two largest units in text.
    Seconds(u64),
    /// Several named numbers: their sum in text, a map in JSON.
    Counts(Vec<(&'static str, u64)>),
    /// Parts of a whole: the first few in text, all of them joined by `, ` elsewhere.
    Parts(String),
    /// `-` in text, null in JSON.
    Absent,
}

/// What a number of a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    #[default]
    None,
    Bytes,
    /// Of one processor.
    Percent,
}

/// How many of [`Value::Parts`] are shown in text: a row is to fit a line.
const PARTS_SHOWN: usize = 3;

impl Value {
    pub fn text(text: impl fmt::Display) -> Value {
        Value::Text(text.to_string())
    }

    /// As text, nothing left out.
    pub(super) fn whole(&self) -> String {
        match self {
            Value::Parts(parts) => printable(parts).into_owned(),
            Value::Since { at: number, .. } | Value::Bytes(number) | Value::Seconds(number) => number.to_string(),
            other => other.to_string(),
        }
    }

    /// Its colour, if it has one: green, yellow or red, as SGR parameters.
    pub(super) fn colour(&self) -> Option<&'static str> {
        let Value::State(word) = self else { return None };
        match word.as_str() {
            "running" | "up" | "ok" | "held" => Some("32"),
            "starting" | "backoff" | "stopping" | "frozen" | "note" => Some("33"),
            "failed" | "orphaned" | "unreadable" | "MISSING" | "open" | "unenforced" => Some("31"),
            _ => None,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(
            self,
            Value::Number(_) | Value::Decimal(_) | Value::Bytes(_) | Value::Seconds(_) | Value::Counts(_) | Value::Since { .. }
        )
    }

    /// With its unit.
    pub(super) fn told(&self, unit: Unit) -> String {
        match (self, unit) {
            (Value::Number(bytes), Unit::Bytes) | (Value::Bytes(bytes), _) => size(*bytes),
            (Value::Number(_) | Value::Decimal(_), Unit::Percent) => format!("{self}%"),
            _ => self.to_string(),
        }
    }

    /// The same, nothing left out.
    pub(super) fn told_whole(&self, unit: Unit) -> String {
        match self {
            Value::Parts(parts) => printable(parts).into_owned(),
            Value::Since { .. } => format!("{self} ago"),
            Value::Counts(counts) if !counts.is_empty() => {
                counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
            }
            _ => self.told(unit),
        }
    }

    /// [`Value::Absent`] for `None`.
    pub fn maybe(text: Option<impl fmt::Display>) -> Value {
        text.map_or(Value::Absent, Value::text)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::State(text) if text.is_empty() => f.write_str("-"),
            Value::Text(text) | Value::State(text) => f.write_str(&printable(text)),
            Value::Number(number) => number.fmt(f),
            Value::Decimal(number) => write!(f, "{number:.1}"),
            Value::Flag(true) => f.write_str("YES"),
            Value::Flag(false) => f.write_str("NO"),
            Value::Since { at, now } => f.write_str(&moment::ago(now.saturating_sub(*at))),
            Value::Bytes(bytes) => f.write_str(&short(*bytes)),
            Value::Seconds(seconds) => f.write_str(&moment::ago(*seconds)),
            Value::Counts(counts) => counts.iter().map(|(_, n)| n).sum::<u64>().fmt(f),
            Value::Parts(parts) => match parts.split(", ").count() {
                count if count <= PARTS_SHOWN + 1 => f.write_str(&printable(parts)),
                count => {
                    let first: Vec<&str> = parts.split(", ").take(PARTS_SHOWN).collect();
                    write!(f, "{} and {} more", printable(&first.join(", ")), count - PARTS_SHOWN)
                }
            },
            Value::Absent => f.write_str("-"),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Text(text) | Value::State(text) | Value::Parts(text) => serializer.serialize_str(text),
            Value::Number(number) | Value::Bytes(number) | Value::Seconds(number) => serializer.serialize_u64(*number),
            Value::Since { at, .. } => serializer.serialize_u64(*at),
            Value::Decimal(number) => serializer.serialize_f64(*number),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Counts(counts) => serializer.collect_map(counts.iter().copied()),
            Value::Absent => serializer.serialize_unit(),
        }
    }
}
