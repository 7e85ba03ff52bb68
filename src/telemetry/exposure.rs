//! The listings of exposure.

use super::cell::Value;
use super::table::{Column, Table};
use crate::jail::spec::exposure::{Exposure, Part};

const PARTS: [Column; 4] =
    [Column::new("OPEN", 20), Column::new("WEIGHT", 6), Column::new("WITHOUT", 7), Column::new("BECAUSE", 0)];

/// What is open, the heaviest first: its weight in percent, and the exposure without it.
pub fn parts(exposure: &Exposure) -> Table {
    let row = |part: &Part| {
        vec![Value::text(&part.what), Value::Decimal(part.weight.0), Value::text(part.without), Value::Text(because(part))]
    };
    Table::new(&PARTS, exposure.parts.iter().map(row).collect())
}

fn because(part: &Part) -> String {
    let how = if part.audited { "audited, let through and told" } else { "granted" };
    match &part.reason {
        Some(reason) => format!("{}; {how} because {reason}", part.opens),
        None if part.audited => format!("{}; {how}", part.opens),
        None => part.opens.clone(),
    }
}

const COMPARED: [Column; 4] =
    [Column::new("OPEN", 20), Column::new("FIRST", 6), Column::new("SECOND", 6), Column::new("BECAUSE", 0)];

/// What is open in one and not, or less, in the other: the weight in each, in percent.
pub fn compared(first: &Exposure, second: &Exposure) -> Table {
    let find = |exposure: &Exposure, what: &str| exposure.parts.iter().find(|part| part.what == what).cloned();
    let weight = |part: &Option<Part>| part.as_ref().map_or(Value::Absent, |part| Value::Decimal(part.weight.0));
    let new = second.parts.iter().filter(|part| find(first, &part.what).is_none());
    let rows = first.parts.iter().chain(new).map(|part| {
        let (a, b) = (find(first, &part.what), find(second, &part.what));
        (a.as_ref().map(|part| part.weight) != b.as_ref().map(|part| part.weight), part, weight(&a), weight(&b))
    });
    let differing = rows.filter(|(differs, ..)| *differs);
    Table::new(
        &COMPARED,
        differing.map(|(_, part, a, b)| vec![Value::text(&part.what), a, b, Value::Text(because(part))]).collect(),
    )
}
