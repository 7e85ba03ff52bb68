//! One column model for every listing: a table for people, TSV for scripts of other languages, JSON for programs.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::cell::{Unit, Value};
use super::grid::{Cell, Fitted, Grid, Heading};
use super::printable_json;

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

/// A column: its heading in capitals, which in lower case is its key in JSON and in scripts (`ENFORCED BY` is
/// `enforced_by`, `CPU%` is `cpu_percent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// Least width in text.
    pub width: usize,
    /// Shown in text only when asked for; JSON and TSV always hold it.
    pub verbose: bool,
    pub unit: Unit,
    /// Where the room is less than all columns need, those with the least are left out. The first one and NAME stay.
    pub weight: u8,
}

impl Column {
    pub const fn new(name: &'static str, width: usize) -> Column {
        Column { name, width, verbose: false, unit: Unit::None, weight: 2 }
    }

    pub const fn verbose(name: &'static str, width: usize) -> Column {
        Column { verbose: true, weight: 1, ..Column::new(name, width) }
    }

    pub const fn of(self, unit: Unit) -> Column {
        Column { unit, ..self }
    }

    pub const fn weighing(self, weight: u8) -> Column {
        Column { weight, ..self }
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
        let heading = |i: &usize| Heading {
            name: self.columns[*i].name.to_owned(),
            width: self.columns[*i].width,
            right: false,
            elastic: false,
            weight: 0,
        };
        let cell = |value: &Value| Cell { text: value.to_string(), colour: value.colour() };
        let row = |row: &Vec<Value>| shown.iter().map(|i| cell(&row[*i])).collect();
        Grid { headings: shown.iter().map(heading).collect(), rows: self.rows.iter().map(row).collect() }
            .lines(look.headless, look.colour)
    }

    /// For somebody who looks at it on a screen of so many columns: with units, numbers to the right, and what has no room
    /// left out.
    pub fn fitted(&self, width: usize, colour: bool) -> Fitted {
        let is_number = |at: usize| {
            let mut known = self.rows.iter().map(|row| &row[at]).filter(|value| **value != Value::Absent).peekable();
            known.peek().is_some() && known.all(Value::is_number)
        };
        let heading = |(at, column): (usize, &Column)| Heading {
            name: column.name.to_owned(),
            width: 0,
            right: is_number(at),
            elastic: self.rows.iter().any(|row| matches!(row[at], Value::Text(_) | Value::Parts(_))),
            weight: if at == 0 || column.name == "NAME" { u8::MAX } else { column.weight },
        };
        let cell = |(value, column): (&Value, &Column)| Cell { text: value.told(column.unit), colour: value.colour() };
        Grid {
            headings: self.columns.iter().enumerate().map(heading).collect(),
            rows: self.rows.iter().map(|row| row.iter().zip(&self.columns).map(cell).collect()).collect(),
        }
        .fitted(width, colour)
    }

    /// The first row as pairs of key and value, told as [`Table::fitted`] tells them, nothing left out; with its colour.
    pub fn pairs(&self) -> Vec<(String, Cell)> {
        let Some(row) = self.rows.first() else { return Vec::new() };
        let pair = |(column, value): (&Column, &Value)| {
            (column.key(), Cell { text: value.told_whole(column.unit), colour: value.colour() })
        };
        self.columns.iter().zip(row).map(pair).collect()
    }

    /// The keys of its rows.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| column.key())
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
