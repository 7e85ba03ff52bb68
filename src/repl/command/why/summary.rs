//! Denials of one jail, counted. Pure.

use std::collections::BTreeMap;

use crate::kernel::{Denial, JailName};
use crate::telemetry::{Column, Format, Observation, Table, Value, clock, object, printable};

/// Kinds of denials that are shown.
const SHOWN: usize = 12;

const COLUMNS: [Column; 5] = [
    Column::new("RIGHT", 12),
    Column::new("TIMES", 0),
    Column::new("OBJECT", 12),
    Column::new("PROCESS", 12),
    Column::new("LAST", 0),
];

struct Kind<'a> {
    times: u64,
    last: u64,
    newest: &'a Denial,
}

/// A line a right, object and program, the newest first. With each denial, milliseconds since the epoch.
pub fn of(name: &JailName, denials: &[(u64, &Denial)]) -> String {
    let mut kinds: BTreeMap<_, Kind<'_>> = BTreeMap::new();
    for (at, denial) in denials {
        let kind = (denial.right, denial.audited, denial.object, &denial.subject, &denial.command);
        let kind = kinds.entry(kind).or_insert(Kind { times: 0, last: *at, newest: denial });
        (kind.times, kind.last, kind.newest) = (kind.times + 1, *at, denial);
    }
    let mut kinds: Vec<Kind<'_>> = kinds.into_values().collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.last));
    let row = |kind: &Kind<'_>| {
        vec![
            Value::Text(format!("{}{}", kind.newest.right, if kind.newest.audited { ", let through" } else { "" })),
            Value::Number(kind.times),
            Value::maybe(object(kind.newest)),
            Value::Text(format!("{}, pid {}", kind.newest.command, kind.newest.pid)),
            Value::Text(clock(kind.last / 1000)),
        ]
    };
    let more = kinds.len().saturating_sub(SHOWN);
    let table = Table::new(&COLUMNS, kinds.iter().take(SHOWN).map(row).collect()).render(Format::Text, false);
    let more = if more > 0 { format!("\nand {more} kinds more") } else { String::new() };
    let count = denials.len();
    format!("{name} was denied {count} time{}\n{}{more}", if count == 1 { "" } else { "s" }, table.trim_end())
}

/// A jail that was denied nothing, as far as one knows.
pub fn without(seen: &Observation, blind: Option<&String>) -> String {
    let name = &seen.jail.name;
    let mut lines = match blind {
        Some(why) => vec![format!("whether {name} was denied something is not known: {}", printable(why))],
        None => vec![format!("{name} was denied nothing that the kernel still tells of")],
    };
    let told = seen.supervisor.as_ref().or(seen.last.as_ref());
    lines.push(format!("it is {}", seen.state()));
    lines.extend(told.and_then(|status| status.last_exit.as_ref()).map(|exit| format!("last exit: {}", printable(exit))));
    lines.push(format!("see :logs {name}"));
    lines.join("\n")
}
