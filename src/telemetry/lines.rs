//! What a service wrote, for `jailctl logs`.

use serde::Serialize;

use super::{Format, moment, printable, printable_json};
use crate::supervise::Record;

const HEADING: &str = "SEQ\tTIME\tSTREAM\tLOST\tTEXT\n";

/// Turns records into lines, and notices what is missing between them.
#[derive(Debug)]
pub struct Lines {
    format: Format,
    /// The number of the record before.
    before: Option<u64>,
    heading: bool,
}

/// A line, for programs. A stream of them may have no end, so JSON is one such map a line.
#[derive(Serialize)]
pub struct Line<'a> {
    pub seq: u64,
    pub time: String,
    pub stream: &'static str,
    /// Lines that were lost right before this one.
    pub lost: u64,
    pub text: &'a str,
}

impl Lines {
    /// `heading`: before the first line of TSV.
    pub fn new(format: Format, heading: bool) -> Lines {
        Lines { format, before: None, heading: heading && format == Format::Tsv }
    }

    /// The next records, in order, as text.
    pub fn render(&mut self, records: &[Record]) -> String {
        let mut text = String::new();
        if std::mem::take(&mut self.heading) {
            text += HEADING;
        }
        for record in records {
            let line = self.line(record);
            text += &self.one(&line);
        }
        text
    }

    /// The next record.
    pub fn line<'a>(&mut self, record: &'a Record) -> Line<'a> {
        let lost = self.before.map_or(0, |before| record.seq.saturating_sub(before + 1));
        self.before = Some(record.seq);
        Line { seq: record.seq, time: moment::stamp(record.time_ms), stream: record.source.name(), lost, text: &record.text }
    }

    fn one(&self, line: &Line<'_>) -> String {
        let Line { seq, time, stream, lost, text } = line;
        match self.format {
            Format::Json => printable_json(serde_json::to_string(line).expect("plain values") + "\n"),
            Format::Tsv => format!("{seq}\t{time}\t{stream}\t{lost}\t{}\n", printable(text)),
            Format::Text | Format::Names => {
                let gap = if *lost > 0 { format!("[{lost} line(s) lost]\n") } else { String::new() };
                format!("{gap}{time} {stream}: {}\n", printable(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::Source;

    fn record(seq: u64, source: Source, text: &str) -> Record {
        Record { seq, time_ms: 1_795_472_159_007 + seq, source, text: text.into() }
    }

    #[test]
    fn lost_lines_are_told_where_they_were_lost() {
        let first = [record(4, Source::Stdout, "one"), record(5, Source::Stderr, "two")];
        let then = [record(9, Source::Supervisor, "exited with status 1")];
        let shown = [Format::Text, Format::Tsv, Format::Json].map(|format| {
            let mut lines = Lines::new(format, true);
            lines.render(&first) + lines.render(&then).as_str()
        });
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_file_that_somebody_wrote_to_cannot_move_the_cursor() {
        let text = Lines::new(Format::Text, true).render(&[record(1, Source::Stdout, "a\u{1b}[2Jb\rc")]);
        assert!(text.ends_with("stdout: a\\u{1b}[2Jb\\rc\n"), "{text}");
    }
}
