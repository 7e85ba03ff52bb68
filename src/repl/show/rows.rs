//! Lists of maps as tables, and the foot of every table that had not enough room.

use rhai::Dynamic;

use super::literal;
use super::paint::{BOLD, Paint};
use super::text::{line, wrapped};
use crate::script::seen::{self, Seen};
use crate::telemetry::{Cell, Fitted, Grid, Heading, Table};

/// Characters of one cell before it is fitted.
const CELL: usize = 200;
/// Rows that are drawn.
const ROWS: usize = 10_000;
/// Columns that name a row stand first.
const FIRST: [&str; 5] = ["name", "jail", "id", "pid", "file"];

/// Would it be read best as a table: a list of maps of plain values?
pub fn are_rows(value: &Dynamic) -> bool {
    let is_plain = |item: &Dynamic| !(item.is_array() || item.is_map() || item.is_blob() || is_long(item));
    let is_row = |row: &Dynamic| match (row.as_map_ref(), seen::seen(row)) {
        (Ok(map), _) => !map.is_empty() && map.values().all(is_plain),
        (_, Some(Seen::Record(_))) => true,
        _ => false,
    };
    value.as_array_ref().is_ok_and(|rows| !rows.is_empty() && rows.iter().all(is_row))
}

fn is_long(item: &Dynamic) -> bool {
    item.as_immutable_string_ref().is_ok_and(|text| text.contains('\n'))
}

/// Rows and columns of whatever it is: the keys of maps, else one column.
pub fn show(value: &Dynamic, width: usize, paint: Paint) -> String {
    let rows: Vec<Vec<(String, Dynamic)>> = match (value.as_array_ref(), value.as_map_ref()) {
        (Ok(items), _) => items.iter().take(ROWS).map(row).collect(),
        (_, Ok(map)) => {
            let pair = |(key, value): (&_, &Dynamic)| {
                vec![("key".to_owned(), Dynamic::from(ToString::to_string(key))), ("value".to_owned(), value.clone())]
            };
            map.iter().take(ROWS).map(pair).collect()
        }
        _ => vec![row(value)],
    };
    let count = value.as_array_ref().map(|items| items.len()).unwrap_or(rows.len());
    let mut shown =
        if rows.is_empty() { "no rows\n".to_owned() } else { with_foot(&grid(&rows).fitted(width, paint.0), width, paint) };
    if count > rows.len() {
        shown += &(paint.dim(&wrapped(&format!("and {} more rows", count - rows.len()), width, 0)) + "\n");
    }
    shown
}

/// Keys and values of one row.
fn row(value: &Dynamic) -> Vec<(String, Dynamic)> {
    if let Ok(map) = value.as_map_ref() {
        return map.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
    }
    if let Some(Seen::Record(_)) = seen::seen(value)
        && let Ok(serde_json::Value::Object(map)) = seen::json(value)
    {
        return map.iter().map(|(key, value)| (key.clone(), seen::of_json(value))).collect();
    }
    vec![("value".to_owned(), value.clone())]
}

fn grid(rows: &[Vec<(String, Dynamic)>]) -> Grid {
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in rows.iter().flatten() {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    keys.sort_by_key(|key| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
    let value =
        |row: &'_ [(String, Dynamic)], key: &str| row.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let is_number = |key: &str| {
        let mut known = rows.iter().filter_map(|row| value(row, key)).filter(|value| !value.is_unit()).peekable();
        known.peek().is_some() && known.all(|value| value.is_int() || value.is_float())
    };
    let heading = |(at, key): (usize, &&str)| Heading {
        name: line(&key.to_uppercase()),
        width: 0,
        right: is_number(key),
        elastic: !is_number(key),
        weight: if at == 0 { u8::MAX } else { 2 },
    };
    Grid {
        headings: keys.iter().enumerate().map(heading).collect(),
        rows: rows.iter().map(|row| keys.iter().map(|key| cell(value(row, key))).collect()).collect(),
    }
}

fn cell(value: Option<Dynamic>) -> Cell {
    let text = match value {
        Some(value) if !value.is_unit() => match value.as_immutable_string_ref() {
            Ok(text) => crate::telemetry::printable(&text).chars().take(CELL).collect(),
            Err(_) => literal::inline(&value, CELL).unwrap_or_else(|| "…".to_owned()),
        },
        _ => "-".to_owned(),
    };
    Cell { text, colour: None }
}

/// A listing; `nothing` stands for an empty one.
pub fn listing(table: &Table, width: usize, paint: Paint, nothing: &str) -> String {
    if table.is_empty() {
        return format!("{nothing}\n");
    }
    with_foot(&table.fitted(width, paint.0), width, paint)
}

/// Says what is missing, and where it is.
pub fn with_foot(fitted: &Fitted, width: usize, paint: Paint) -> String {
    let names = fitted.left_out.join(", ").to_lowercase();
    let foot = match fitted.left_out.len() {
        0 => return fitted.text.clone(),
        1 => format!("1 column left out: {names}; :json shows all"),
        count => format!("{count} columns left out: {names}; :json shows all"),
    };
    let foot: String = wrapped(&foot, width, 0).lines().map(|line| paint.dim(line) + "\n").collect();
    fitted.text.clone() + foot.as_str()
}

/// Keys and values, one below the other; long values go on below themselves.
pub fn pairs(pairs: &[(String, Cell)], width: usize, paint: Paint) -> String {
    use unicode_width::UnicodeWidthStr;
    let column = pairs.iter().map(|(key, _)| key.width()).max().unwrap_or(0) + 2;
    let mut shown = String::new();
    for (key, cell) in pairs {
        let value = wrapped(&cell.text, width.saturating_sub(column).max(1), 0);
        for (nth, line) in value.split('\n').enumerate() {
            let key = if nth == 0 { key.as_str() } else { "" };
            shown += &paint.with(BOLD, key);
            shown.extend(std::iter::repeat_n(' ', column - key.width()));
            shown += &(paint.cell(&Cell { text: line.to_owned(), colour: cell.colour }) + "\n");
        }
    }
    shown
}
