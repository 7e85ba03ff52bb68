//! What the probe of a running jail found, as a listing and in a few sentences.

use std::fmt::Write;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::cell::Value;
use super::table::{Column, Table};
use crate::jail::proof::{Attempt, Report, Verdict};

const ATTEMPTS: [Column; 5] = [
    Column::new("ATTEMPT", 24),
    Column::new("RESULT", 0),
    Column::new("RIGHT", 16),
    Column::new("ERRNO", 0),
    Column::new("DETAIL", 0),
];

/// Each attempt, those that got through first.
pub fn attempts(report: &Report) -> Table {
    let row = |attempt: &Attempt| {
        vec![
            Value::text(&attempt.what),
            Value::State(attempt.verdict.word().into()),
            Value::maybe(attempt.right),
            Value::maybe(attempt.errno.as_ref()),
            Value::maybe(attempt.detail.as_ref()),
        ]
    };
    Table::new(&ATTEMPTS, report.attempts.iter().map(row).collect())
}

/// A report as JSON.
pub struct Probed<'a>(pub &'a Report);

impl Serialize for Probed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Report { jail, body, denials, notes, .. } = self.0;
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("jail", jail.as_str())?;
        map.serialize_entry("body", body)?;
        map.serialize_entry("held", &self.0.is_tight())?;
        map.serialize_entry("attempts", &attempts(self.0))?;
        map.serialize_entry("denials", denials)?;
        map.serialize_entry("notes", notes)?;
        map.end()
    }
}

/// What stands below the listing: the sum, whose the denials are, and what the body does not hold anywhere.
pub fn probing(report: &Report) -> String {
    let counted = Verdict::ALL.map(|verdict| (verdict, report.count(verdict)));
    let said: Vec<String> = counted
        .iter()
        .filter(|(verdict, count)| *count > 0 || matches!(verdict, Verdict::Held | Verdict::Open))
        .map(|(verdict, count)| format!("{count} {}", verdict.word()))
        .collect();
    let mut text = format!("{}, {} body: {}\n", report.jail, report.body, said.join(", "));
    match &report.denials {
        Some(denials) if !denials.is_empty() => {
            let counts: Vec<String> = denials.iter().map(|(right, count)| format!("{right} {count}")).collect();
            // Writing to a string never fails.
            let _ = writeln!(text, "denials counted meanwhile, the probe's own: {}", counts.join(", "));
        }
        Some(_) => text += "no denials were counted meanwhile\n",
        None => {}
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}
