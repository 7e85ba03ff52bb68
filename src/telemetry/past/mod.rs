//! What jails used over the last hours, from the points that their supervisors kept: for a terminal ([`graph`]), as a page
//! for browsers ([`page`]), and as JSON. Pure.

mod chart;
mod graph;
mod page;
#[cfg(test)]
pub mod tests;

use serde_json::{Value, json};

pub use graph::graph;
pub use page::{Head, Reported, page};

use super::short;
use crate::kernel::{JailName, Jid};
use crate::supervise::{Point, STEP};

/// Longer between two points means that nobody looked: the machine slept, or the jail had no supervisor.
const GAP: u64 = 300;

/// What of a jail is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Percent of one processor.
    Cpu,
    /// Bytes that the control group is charged for.
    Memory,
    Processes,
    /// A second.
    Denials,
}

impl Measured {
    pub const ALL: [Measured; 4] = [Measured::Cpu, Measured::Memory, Measured::Processes, Measured::Denials];

    pub fn name(self) -> &'static str {
        match self {
            Measured::Cpu => "CPU",
            Measured::Memory => "memory",
            Measured::Processes => "processes",
            Measured::Denials => "denials",
        }
    }

    /// A value, short, with its unit.
    pub fn show(self, value: f64) -> String {
        let number = if value > 0.0 && value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
        match self {
            Measured::Cpu => format!("{number}%"),
            Measured::Memory => short(value as u64),
            Measured::Processes => format!("{value:.0}"),
            Measured::Denials => format!("{number}/s"),
        }
    }

    /// What fills the height of a picture at least, so that next to nothing does not look like much.
    fn floor(self) -> f64 {
        match self {
            Measured::Cpu => 10.0,
            Measured::Memory => f64::from(1 << 20),
            Measured::Processes => 4.0,
            Measured::Denials => 1.0,
        }
    }
}

/// Since when and until when is looked, in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: u64,
    pub to: u64,
}

/// A value that held from one moment, exclusive, to another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    from: u64,
    to: u64,
    value: f64,
}

/// One measured thing over time, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series(Vec<Piece>);

impl Series {
    pub fn latest(&self) -> Option<f64> {
        self.0.last().map(|piece| piece.value)
    }

    pub fn most(&self) -> Option<f64> {
        self.0.iter().map(|piece| piece.value).reduce(f64::max)
    }

    /// The span in so many equal parts: the most of each. What nobody saw is `None`.
    pub fn parts(&self, span: Span, count: usize) -> Vec<Option<f64>> {
        let mut parts = vec![None; count];
        let width = span.to.saturating_sub(span.from) as f64 / count.max(1) as f64;
        if width <= 0.0 {
            return parts;
        }
        let place = |at: u64| at.saturating_sub(span.from) as f64 / width;
        for piece in self.0.iter().filter(|piece| piece.to > span.from && piece.from < span.to) {
            let first = (place(piece.from) as usize).min(count - 1);
            let last = (place(piece.to).ceil() as usize).clamp(first + 1, count);
            for part in &mut parts[first..last] {
                *part = Some(part.map_or(piece.value, |most: f64| most.max(piece.value)));
            }
        }
        parts
    }
}

/// The past of one jail.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub name: JailName,
    pub jid: Jid,
    points: Vec<Point>,
}

impl Past {
    /// Of the points, oldest first, those of the span, and the one before, from which the first is counted.
    pub fn new(name: JailName, jid: Jid, mut points: Vec<Point>, span: Span) -> Past {
        points.retain(|point| point.at <= span.to);
        let before = points.iter().rposition(|point| point.at <= span.from).unwrap_or(0);
        points.drain(..before);
        Past { name, jid, points }
    }

    /// No supervisor looked.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// `None`: nobody counts this here.
    pub fn series(&self, measured: Measured) -> Option<Series> {
        let now = |value: fn(&Point) -> Option<f64>| {
            let piece = |(before, point): (Option<&Point>, &Point)| {
                let alone = point.at.saturating_sub(STEP.as_secs());
                let from = before.map(|before| before.at).filter(|at| point.at.saturating_sub(*at) <= GAP).unwrap_or(alone);
                Some(Piece { from, to: point.at, value: value(point)? })
            };
            let before = std::iter::once(None).chain(self.points.iter().map(Some));
            before.zip(&self.points).filter_map(piece).collect::<Vec<_>>()
        };
        // A second, from counters that only a new jail makes smaller.
        let rate = |count: fn(&Point) -> Option<u64>, scale: f64| {
            let piece = |pair: &[Point]| {
                let seconds = pair[1].at.checked_sub(pair[0].at).filter(|seconds| (1..=GAP).contains(seconds))?;
                let more = count(&pair[1])?.checked_sub(count(&pair[0])?)?;
                Some(Piece { from: pair[0].at, to: pair[1].at, value: more as f64 / scale / seconds as f64 })
            };
            self.points.windows(2).filter_map(piece).collect::<Vec<_>>()
        };
        let is_counted = |known: fn(&Point) -> bool| self.points.iter().any(known);
        match measured {
            Measured::Cpu => Some(rate(|point| Some(point.cpu_usec), 10_000.0)),
            Measured::Memory => is_counted(|point| point.memory_bytes.is_some())
                .then(|| now(|point| point.memory_bytes.map(|bytes| bytes as f64))),
            Measured::Processes => Some(now(|point| Some(point.processes as f64))),
            Measured::Denials => is_counted(|point| point.denials.is_some()).then(|| rate(|point| point.denials, 1.0)),
        }
        .map(Series)
    }

    /// For programs: the points as they were counted.
    pub fn json(&self) -> Value {
        let point = |point: &Point| {
            json!({
                "at": point.at, "cpu_usec": point.cpu_usec, "memory_bytes": point.memory_bytes,
                "processes": point.processes, "denials": point.denials,
            })
        };
        json!({ "jid": self.jid.get(), "name": self.name.as_str(), "points": self.points.iter().map(point).collect::<Vec<_>>() })
    }
}
