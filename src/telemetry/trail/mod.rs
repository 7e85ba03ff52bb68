//! The trail of denials: each as a record that programs and `jailsh why --replay` read back, equal ones counted. Pure.

mod propose;
mod replay;

use std::collections::HashMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Format, moment, object, printable, printable_json};
use crate::kernel::{ConnectRule, Denial, Jid, Object, Protocol, Right};

pub use propose::{Need, Proposal, propose};
pub use replay::{Judged, Replay, replay};

/// Equal denials within so many milliseconds are one record with a count.
const WINDOW_MS: u64 = 1000;
/// Longest line of a trail that is read, in bytes: names and paths of the kernel are shorter.
const MAX_LINE: usize = 16 << 10;

/// What became of a use of a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Denied,
    /// Let through, for the right is audited.
    Audited,
    /// Of a replay: the right is held.
    Allowed,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Denied => "denied",
            Outcome::Audited => "audited",
            Outcome::Allowed => "allowed",
        }
    }
}

/// One line of a trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339; of the last of `count`.
    pub time: String,
    pub jail: String,
    pub jid: Jid,
    pub verdict: Outcome,
    pub right: Right,
    /// What it was about, as people read it; null: the kernel does not tell.
    pub object: Option<String>,
    pub pid: i32,
    pub command: String,
    /// Equal ones within a second.
    pub count: u64,
    /// Denials that were counted, but not told, before this one.
    #[serde(default)]
    pub lost: u64,
}

impl Entry {
    /// The part of the right that would have done, by what it was about.
    pub fn narrowest(&self) -> Right {
        let about = self.object.as_deref().and_then(|object| object.rsplit(", ").next()?.split_once(' '));
        let part = about.and_then(|about| match about {
            ("socket", kind) => format!("netlink:{}", kind.strip_prefix("netlink ")?).parse::<Right>().ok(),
            ("device", numbers) => {
                Right::parts().find(|part| part.device().is_some_and(|(_, major, minor)| format!("{major}:{minor}") == numbers))
            }
            _ => None,
        });
        part.filter(|part| part.whole() == self.right).unwrap_or(self.right)
    }
}

impl Entry {
    /// The rule that would let through what was sent, if it was about that.
    pub fn rule(&self) -> Option<ConnectRule> {
        self.sent_to()?.parse().ok()
    }

    /// Where to, if it was about that, as [`ConnectRule::covers`] asks.
    pub fn destination(&self) -> Option<(SocketAddr, Option<Protocol>)> {
        let to = self.sent_to()?;
        let Some((to, name)) = to.rsplit_once('/') else { return Some((SocketAddr::new(to.parse().ok()?, 0), None)) };
        let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.name() == name)?;
        Some((to.parse().ok()?, Some(protocol)))
    }

    fn sent_to(&self) -> Option<&str> {
        self.object.as_deref().filter(|_| self.right.name() == "connect")?.strip_prefix("to ")
    }
}

/// Why a text is no trail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no record of a trail: {why}; make one with jailctl denials -o json")]
pub struct TrailError {
    line: usize,
    why: String,
}

/// Reads what `jailctl denials -o json` wrote.
///
/// # Errors
/// The first line that is none of its.
pub fn read(text: &str) -> Result<Vec<Entry>, TrailError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let entry = |(at, line): (usize, &str)| {
        let wrong = |why: String| TrailError { line: at + 1, why };
        if line.len() > MAX_LINE {
            return Err(wrong(format!("longer than {MAX_LINE} bytes")));
        }
        serde_json::from_str(line).map_err(|error| {
            let text = error.to_string();
            // Where in its one line says little.
            wrong(printable(text.split(" at line ").next().unwrap_or(&text)).into_owned())
        })
    };
    lines.map(entry).collect()
}

type Key = (Jid, Right, bool, i32, Object, Option<String>, String);

/// Puts equal denials together.
#[derive(Debug, Default)]
pub struct Trail {
    /// In the order of their first.
    pending: Vec<Pending>,
    places: HashMap<Key, usize>,
    lost: u64,
}

#[derive(Debug)]
struct Pending {
    key: Key,
    denial: Denial,
    first_ms: u64,
    last_ms: u64,
    /// Not told yet.
    count: u64,
    /// The first ones are.
    told: bool,
}

impl Trail {
    /// `at_ms`: since the epoch, not before that of the call before.
    pub fn add(&mut self, denial: &Denial, at_ms: u64) {
        let key =
            (denial.jid, denial.right, denial.audited, denial.pid, denial.object, denial.subject.clone(), denial.command.clone());
        if let Some(place) = self.places.get(&key) {
            let pending = &mut self.pending[*place];
            if at_ms.saturating_sub(pending.first_ms) < WINDOW_MS {
                (pending.last_ms, pending.count) = (at_ms, pending.count + 1);
                return;
            }
        }
        self.places.insert(key.clone(), self.pending.len());
        self.pending.push(Pending { key, denial: denial.clone(), first_ms: at_ms, last_ms: at_ms, count: 1, told: false });
    }

    pub fn lose(&mut self, count: u64) {
        self.lost += count;
    }

    /// How many were lost since the last record.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The records that are to be told: those never told, and what came since of those whose second is over at `now_ms`.
    pub fn told(&mut self, now_ms: u64, name: impl Fn(Jid) -> String) -> Vec<Entry> {
        let mut told = Vec::new();
        for pending in &mut self.pending {
            let is_over = now_ms.saturating_sub(pending.first_ms) >= WINDOW_MS;
            if pending.count > 0 && (is_over || !pending.told) {
                told.push(pending.entry(&name, std::mem::take(&mut self.lost)));
                (pending.count, pending.told) = (0, true);
            }
        }
        self.pending.retain(|pending| now_ms.saturating_sub(pending.first_ms) < WINDOW_MS);
        self.places = self.pending.iter().enumerate().map(|(place, pending)| (pending.key.clone(), place)).collect();
        told
    }

    /// All that is left.
    pub fn rest(&mut self, name: impl Fn(Jid) -> String) -> Vec<Entry> {
        self.told(u64::MAX, name)
    }
}

impl Pending {
    fn entry(&self, name: &impl Fn(Jid) -> String, lost: u64) -> Entry {
        Entry {
            time: moment::stamp(self.last_ms),
            jail: name(self.denial.jid),
            jid: self.denial.jid,
            verdict: if self.denial.audited { Outcome::Audited } else { Outcome::Denied },
            right: self.denial.right,
            object: object(&self.denial),
            pid: self.denial.pid,
            command: self.denial.command.clone(),
            count: self.count,
            lost,
        }
    }
}

/// Records as lines, for a listing that may have no end.
#[derive(Debug)]
pub struct Lines {
    format: Format,
    heading: bool,
}

const COLUMNS: [&str; 9] = ["TIME", "JAIL", "VERDICT", "RIGHT", "COUNT", "PID", "COMMAND", "OBJECT", "LOST"];
/// In text, but for the last one that is shown there.
const WIDTHS: [usize; 7] = [24, 12, 7, 16, 5, 7, 15];

impl Lines {
    /// `heading`: before the first line of text or TSV.
    pub fn new(format: Format, heading: bool) -> Lines {
        Lines { format, heading: heading && matches!(format, Format::Text | Format::Tsv) }
    }

    pub fn render(&mut self, entries: &[Entry]) -> String {
        let mut text = String::new();
        if !entries.is_empty() && std::mem::take(&mut self.heading) {
            text += &match self.format {
                Format::Text => columns(&COLUMNS.map(str::to_owned)),
                _ => COLUMNS.join("\t") + "\n",
            };
        }
        text.extend(entries.iter().map(|entry| self.one(entry)));
        text
    }

    fn one(&self, entry: &Entry) -> String {
        let cell = |text: &str| printable(text).into_owned();
        let cells = [
            entry.time.clone(),
            cell(&entry.jail),
            entry.verdict.name().to_owned(),
            entry.right.to_string(),
            entry.count.to_string(),
            entry.pid.to_string(),
            cell(&entry.command),
            entry.object.as_deref().map_or("-".to_owned(), cell),
            entry.lost.to_string(),
        ];
        match self.format {
            Format::Json => printable_json(serde_json::to_string(entry).expect("plain values") + "\n"),
            Format::Tsv => cells.join("\t") + "\n",
            Format::Names => cell(&entry.jail) + "\n",
            Format::Text => {
                let gap = if entry.lost > 0 { format!("[{} not told]\n", entry.lost) } else { String::new() };
                format!("{gap}{}", columns(&cells))
            }
        }
    }
}

/// All but the number of lost ones.
fn columns(cells: &[String; 9]) -> String {
    let (object, rest) = (&cells[WIDTHS.len()], &cells[..WIDTHS.len()]);
    let padded = rest.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:<width$} "));
    format!("{}{object}\n", padded.collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_795_472_159_007;

    fn denial(right: &str, pid: i32, command: &str) -> Denial {
        let (jid, right) = (Jid::new(3).unwrap(), right.parse().unwrap());
        let (object, subject) = (Object::File(0x9fa0), Some("/proc/sys/kernel/core_pattern".to_owned()));
        Denial { jid, right, audited: false, pid, command: command.into(), object, subject, when_ns: 0 }
    }

    fn name(_: Jid) -> String {
        "web".into()
    }

    #[test]
    fn each_format_tells_what_was_denied_to_whom_and_how_often() {
        let mut trail = Trail::default();
        trail.add(&denial("sysctl_write", 812, "sysctl"), NOW);
        trail.add(&denial("sysctl_write", 812, "sysctl"), NOW + 900);
        trail.lose(4);
        trail.add(
            &Denial { audited: true, subject: None, object: Object::Capability(18), ..denial("chroot", 9, "a\u{1b}[2J\"b") },
            NOW + 901,
        );
        trail.add(&Denial { object: Object::Nothing, subject: None, ..denial("quota", 10, "quota") }, NOW + 902);
        let told = trail.rest(name);
        let shown = [Format::Text, Format::Tsv, Format::Json].map(|format| Lines::new(format, true).render(&told));
        insta::assert_snapshot!(shown.join("\n"));
        assert_eq!(read(&shown[2]).unwrap(), told, "what is written for programs reads back");
    }

    #[test]
    fn the_first_is_told_at_once_and_its_like_once_a_second() {
        let mut trail = Trail::default();
        let mut counts = Vec::new();
        for step in 0..30 {
            trail.add(&denial("mount", 1, "sh"), NOW + 100 * step);
            counts.push(trail.told(NOW + 100 * step, name).iter().map(|entry| entry.count).sum::<u64>());
        }
        counts.push(trail.rest(name).iter().map(|entry| entry.count).sum());
        let told: Vec<u64> = counts.into_iter().filter(|count| *count > 0).collect();
        assert_eq!(told.iter().sum::<u64>(), 30);
        assert_eq!(told[0], 1);
        assert!(told.len() <= 7, "{told:?}");
    }

    #[test]
    fn what_is_no_trail_is_told_with_its_line() {
        let good = r#"{"time":"","jail":"web","jid":3,"verdict":"denied","right":"mount","object":null,"pid":1,"command":"sh","count":1}"#;
        assert_eq!(read(&format!("{good}\n\n{good}\n")).unwrap().len(), 2);
        let wrong =
            ["{}", "[]", "mount", &good.replace("mount", "muont"), &good.replace(":3", ":0"), &good.replace("denied", "d\u{1b}")];
        let errors = wrong.map(|line| read(&format!("{good}\n{line}")).unwrap_err().to_string());
        insta::assert_snapshot!(errors.join("\n"));
    }

    proptest! {
        #[test]
        fn every_denial_is_in_the_trail_once(steps in prop::collection::vec((0_i32..3, 0_u64..700, any::<bool>()), 0..60)) {
            let mut trail = Trail::default();
            let (mut now, mut told) = (NOW, 0);
            for (pid, later, look) in &steps {
                now += later;
                trail.add(&denial("mount", *pid, "sh"), now);
                if *look {
                    told += trail.told(now, name).iter().map(|entry| entry.count).sum::<u64>();
                }
            }
            told += trail.rest(name).iter().map(|entry| entry.count).sum::<u64>();
            prop_assert_eq!(told, steps.len() as u64);
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC*|[{}\\[\\]\":a-z0-9,\n]*") {
            let _ = read(&text);
        }
    }
}
