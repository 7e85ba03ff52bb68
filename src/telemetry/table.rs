//! One column model for every listing: a table for people, TSV for scripts of other languages, JSON for programs.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use unicode_width::UnicodeWidthStr;

use super::{moment, printable, printable_json};

/// How a listing is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    Tsv,
    Json,
    /// A name a line: the column NAME, or the first.
    Names,
}

/// What of a listing is shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// The columns that are shown only when asked for, too.
    pub verbose: bool,
    /// No line of headings.
    pub headless: bool,
    /// For a terminal that takes SGR sequences (ECMA-48).
    pub colour: bool,
}

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
    /// Several named numbers: their sum in text, a map in JSON.
    Counts(Vec<(&'static str, u64)>),
    /// Parts of a whole: the first few in text, all of them joined by `, ` elsewhere.
    Parts(String),
    /// `-` in text, null in JSON.
    Absent,
}

/// How many of [`Value::Parts`] are shown in text: a row is to fit a line.
const PARTS_SHOWN: usize = 3;

impl Value {
    pub fn text(text: impl fmt::Display) -> Value {
        Value::Text(text.to_string())
    }

    /// As text, nothing left out.
    fn whole(&self) -> String {
        match self {
            Value::Parts(parts) => printable(parts).into_owned(),
            Value::Since { at: number, .. } | Value::Bytes(number) => number.to_string(),
            other => other.to_string(),
        }
    }

    /// Its colour, if it has one: green, yellow or red, as SGR parameters.
    fn colour(&self) -> Option<&'static str> {
        let Value::State(word) = self else { return None };
        match word.as_str() {
            "running" | "up" | "ok" => Some("32"),
            "starting" | "backoff" | "stopping" | "frozen" | "note" => Some("33"),
            "failed" | "orphaned" | "unreadable" | "MISSING" => Some("31"),
            _ => None,
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
            Value::Number(number) | Value::Bytes(number) => serializer.serialize_u64(*number),
            Value::Since { at, .. } => serializer.serialize_u64(*at),
            Value::Decimal(number) => serializer.serialize_f64(*number),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Counts(counts) => serializer.collect_map(counts.iter().copied()),
            Value::Absent => serializer.serialize_unit(),
        }
    }
}

/// `512`, `1.5K`, `147M`: the largest binary unit, one decimal below ten.
pub fn short(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "";
    for larger in ["K", "M", "G", "T", "P"] {
        // What would round up to 1024 of this unit is one of the next.
        if size < 1023.5 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit.is_empty() || size >= 9.95 { format!("{size:.0}{unit}") } else { format!("{size:.1}{unit}") }
}

/// A column: its heading in capitals, which in lower case is its key in JSON and in scripts (`ENFORCED BY` is
/// `enforced_by`, `CPU%` is `cpu_percent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// Least width in text.
    pub width: usize,
    /// Shown in text only when asked for; JSON and TSV always hold it.
    pub verbose: bool,
}

impl Column {
    pub const fn new(name: &'static str, width: usize) -> Column {
        Column { name, width, verbose: false }
    }

    pub const fn verbose(name: &'static str, width: usize) -> Column {
        Column { name, width, verbose: true }
    }

    pub fn key(self) -> String {
        self.name.to_ascii_lowercase().replace(' ', "_").replace('%', "_percent")
    }
}

/// A listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// Every row has a value per column.
    pub fn new(columns: &[Column], rows: Vec<Vec<Value>>) -> Table {
        debug_assert!(rows.iter().all(|row| row.len() == columns.len()));
        Table { columns: columns.to_vec(), rows }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// A table of one row.
    pub fn row(&self, index: usize) -> Option<Table> {
        Some(Table { columns: self.columns.clone(), rows: vec![self.rows.get(index)?.clone()] })
    }

    /// The lines in the given format, the last one ended.
    pub fn render(&self, format: Format, verbose: bool) -> String {
        self.show(format, Look { verbose, ..Look::default() })
    }

    /// The same, looking as asked for.
    pub fn show(&self, format: Format, look: Look) -> String {
        match format {
            Format::Text => self.lines(look),
            Format::Tsv => self.tsv(look.headless),
            Format::Json => printable_json(serde_json::to_string_pretty(self).expect("cells are plain values") + "\n"),
            Format::Names => self.names(),
        }
    }

    fn lines(&self, look: Look) -> String {
        let shown: Vec<usize> = (0..self.columns.len()).filter(|i| look.verbose || !self.columns[*i].verbose).collect();
        let plain = |row: &Vec<Value>| shown.iter().map(|i| (row[*i].to_string(), row[*i].colour())).collect::<Vec<_>>();
        let heading = shown.iter().map(|i| (self.columns[*i].name.to_owned(), Some("1"))).collect();
        let lines: Vec<_> = std::iter::once(heading).chain(self.rows.iter().map(plain)).collect();
        let widths: Vec<usize> = shown
            .iter()
            .enumerate()
            .map(|(at, i)| lines.iter().map(|line| line[at].0.width()).max().unwrap_or(0).max(self.columns[*i].width))
            .collect();
        let mut text = String::new();
        for line in &lines[usize::from(look.headless)..] {
            let last = line.len() - 1;
            for (at, (cell, colour)) in line.iter().enumerate() {
                match colour.filter(|_| look.colour) {
                    Some(colour) => text += &format!("\x1b[{colour}m{cell}\x1b[0m"),
                    None => text.push_str(cell),
                }
                if at != last {
                    text.extend(std::iter::repeat_n(' ', widths[at] - cell.width() + 1));
                }
            }
            text.push('\n');
        }
        text
    }

    fn tsv(&self, headless: bool) -> String {
        let mut text = String::new();
        if !headless {
            text = self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join("\t") + "\n";
        }
        for row in &self.rows {
            text += &(row.iter().map(Value::whole).collect::<Vec<_>>().join("\t") + "\n");
        }
        text
    }

    fn names(&self) -> String {
        let at = self.columns.iter().position(|column| column.name == "NAME").unwrap_or(0);
        self.rows.iter().map(|row| format!("{}\n", row[at].whole())).collect()
    }
}

/// As text, without the last line's end.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.lines(Look::default()).trim_end_matches('\n'))
    }
}

/// A list of maps.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| Row { columns: &self.columns, row }))
    }
}

struct Row<'a> {
    columns: &'a [Column],
    row: &'a [Value],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.row.len()))?;
        for (column, value) in self.columns.iter().zip(self.row) {
            map.serialize_entry(&column.key(), value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 3] = [Column::new("NAME", 6), Column::new("PROCS", 0), Column::verbose("ROOT", 0)];

    fn table() -> Table {
        Table::new(
            &COLUMNS,
            vec![
                vec![Value::text("web"), Value::Number(1), Value::text("/a\tb")],
                vec![Value::text("日本語日本語"), Value::Decimal(0.25), Value::Absent],
            ],
        )
    }

    #[test]
    fn a_long_list_of_parts_is_short_for_people_and_whole_for_programs() {
        let row = |parts: &str| Table::new(&[Column::new("BY", 0)], vec![vec![Value::Parts(parts.into())]]);
        assert_eq!(row("a, b, c, d, e").render(Format::Text, false), "BY\na, b, c and 2 more\n");
        assert_eq!(row("a, b, c, d").render(Format::Text, false), "BY\na, b, c, d\n");
        assert_eq!(row("a, b, c, d, e").render(Format::Tsv, false), "BY\na, b, c, d, e\n");
        assert!(row("a, b, c, d, e").render(Format::Json, false).contains("\"a, b, c, d, e\""));
    }

    #[test]
    fn columns_line_up_under_wide_characters() {
        assert_eq!(table().render(Format::Text, false), "NAME         PROCS\nweb          1\n日本語日本語 0.2\n");
    }

    #[test]
    fn verbose_columns_are_always_in_tsv_and_json() {
        assert!(!table().render(Format::Text, false).contains("ROOT"));
        assert!(table().render(Format::Text, true).contains("ROOT"));
        assert_eq!(table().render(Format::Tsv, false).lines().nth(1), Some("web\t1\t/a\\tb"));
        let json: serde_json::Value = serde_json::from_str(&table().render(Format::Json, false)).unwrap();
        assert_eq!(json[0]["root"], "/a\tb");
        assert_eq!(json[1]["root"], serde_json::Value::Null);
    }

    #[test]
    fn colours_are_for_states_and_headings_and_change_no_width() {
        let columns = [Column::new("NAME", 0), Column::new("STATE", 0), Column::new("N", 0)];
        let row = |name: &str, state: &str| vec![Value::text(name), Value::State(state.into()), Value::Number(1)];
        let table = Table::new(&columns, vec![row("web", "running"), row("db", "down"), row("x", "failed")]);
        let painted = table.show(Format::Text, Look { colour: true, ..Look::default() });
        assert!(painted.contains("web  \x1b[32mrunning\x1b[0m 1\n") && painted.contains("\x1b[31mfailed\x1b[0m  1\n"));
        assert!(painted.contains("db   down    1\n"));
        let bare = ["1", "32", "31", "0"].iter().fold(painted, |text, sgr| text.replace(&format!("\x1b[{sgr}m"), ""));
        assert_eq!(bare, table.render(Format::Text, false));
    }

    #[test]
    fn headings_can_be_left_out_and_names_stand_alone() {
        let look = Look { headless: true, ..Look::default() };
        assert_eq!(table().show(Format::Text, look).lines().count(), 2);
        assert_eq!(table().show(Format::Tsv, look).lines().next(), Some("web\t1\t/a\\tb"));
        assert_eq!(table().show(Format::Names, look), "web\n日本語日本語\n");
    }

    #[test]
    fn moments_and_sizes_are_short_for_people_and_plain_numbers_for_programs() {
        let cells = vec![Value::Since { at: 100, now: 165 }, Value::Bytes(154_025_984)];
        let table = Table::new(&[Column::new("SINCE", 0), Column::new("VMEM", 0)], vec![cells]);
        assert_eq!(table.render(Format::Text, false), "SINCE VMEM\n1m 5s 147M\n");
        assert_eq!(table.render(Format::Tsv, false), "SINCE\tVMEM\n100\t154025984\n");
        let sizes = [0, 1023, 1024, 10 * 1024 - 1, 1 << 20, (1 << 20) - 1, u64::MAX].map(short);
        assert_eq!(sizes, ["0", "1023", "1.0K", "10K", "1.0M", "1.0M", "16384P"]);
    }

    proptest! {
        #[test]
        fn no_cell_breaks_a_line_or_a_column(cells in proptest::collection::vec("\\PC*|[\\x00-\\x1f\\x7f-\\x9f]*", 1..5)) {
            let rows = cells.into_iter().map(|cell| vec![Value::Text(cell), Value::Number(1)]).collect::<Vec<_>>();
            let count = rows.len();
            let table = Table::new(&[Column::new("A", 3), Column::new("B", 0)], rows);
            for format in [Format::Text, Format::Tsv] {
                let text = table.render(format, true);
                prop_assert_eq!(text.lines().count(), count + 1);
                let separators = if format == Format::Tsv { "\n\t" } else { "\n" };
                prop_assert!(!text.chars().any(|c| c.is_control() && !separators.contains(c)));
            }
        }
    }
}
