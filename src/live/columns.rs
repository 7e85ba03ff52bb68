//! Which columns fit a width, and what stands in them.

use super::sample::{Jail, Memory};
use super::track::Track;
use crate::telemetry::{ago, short};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Name,
    Jid,
    State,
    Cpu,
    Minute,
    Memory,
    Limit,
    Processes,
    Restarts,
    Denials,
    Rate,
    Health,
    Since,
}

/// From left to right, with the least width of each.
const PLACES: [(Column, u16); 13] = [
    (Column::Name, 12),
    (Column::Jid, 5),
    (Column::State, 9),
    (Column::Cpu, 5),
    (Column::Minute, 8),
    (Column::Memory, 6),
    (Column::Limit, 10),
    (Column::Processes, 5),
    (Column::Restarts, 8),
    (Column::Denials, 7),
    (Column::Rate, 6),
    (Column::Health, 6),
    (Column::Since, 7),
];

/// Which matter most: those that do not fit go from the end on.
const WEIGHTS: [Column; 13] = [
    Column::Name,
    Column::Cpu,
    Column::State,
    Column::Processes,
    Column::Memory,
    Column::Restarts,
    Column::Denials,
    Column::Minute,
    Column::Since,
    Column::Health,
    Column::Jid,
    Column::Rate,
    Column::Limit,
];

/// Widest name, and widest line of the last minute.
const MAX_NAME: u16 = 40;
const MAX_MINUTE: u16 = 30;

/// The columns that fit, with their widths; one space stands between two. `name`: the longest one.
pub fn fitting(width: u16, name: usize) -> Vec<(Column, u16)> {
    let least = |column| PLACES.iter().find(|(place, _)| *place == column).map_or(0, |(_, least)| *least);
    let mut used = 0;
    let mut chosen: Vec<Column> = Vec::new();
    for column in WEIGHTS {
        let more = least(column) + u16::from(!chosen.is_empty());
        if used + more > width && !chosen.is_empty() {
            break;
        }
        used += more;
        chosen.push(column);
    }
    let mut columns: Vec<(Column, u16)> = PLACES.into_iter().filter(|(column, _)| chosen.contains(column)).collect();
    let mut spare = width.saturating_sub(used);
    let name = u16::try_from(name).unwrap_or(MAX_NAME).min(MAX_NAME);
    for (column, most) in [(Column::Name, name), (Column::Minute, MAX_MINUTE)] {
        if let Some((_, width)) = columns.iter_mut().find(|(place, _)| *place == column) {
            let more = most.saturating_sub(*width).min(spare);
            *width += more;
            spare -= more;
        }
    }
    // A screen that is narrower than the least of names.
    if let [(_, only)] = &mut columns[..] {
        *only = (*only).min(width);
    }
    columns
}

impl Column {
    pub fn heading(self, charged: bool) -> &'static str {
        match self {
            Column::Name => "NAME",
            Column::Jid => "JID",
            Column::State => "STATE",
            Column::Cpu => "CPU%",
            Column::Minute => "MINUTE",
            Column::Memory if charged => "MEM",
            Column::Memory => "VMEM",
            Column::Limit => "OF LIMIT",
            Column::Processes => "PROCS",
            Column::Restarts => "RESTARTS",
            Column::Denials => "DENIALS",
            Column::Rate => "PER S",
            Column::Health => "HEALTH",
            Column::Since => "SINCE",
        }
    }

    /// Numbers stand to the right.
    pub fn is_number(self) -> bool {
        !matches!(self, Column::Name | Column::State | Column::Minute | Column::Limit | Column::Health)
    }

    /// What stands in it; nothing for what is drawn otherwise. `now`: seconds since the epoch.
    pub fn cell(self, jail: &Jail, track: &Track, now: u64) -> String {
        let maybe = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        match self {
            Column::Name => jail.name.to_string(),
            Column::Jid => jail.jid.to_string(),
            Column::State => jail.state.clone(),
            Column::Cpu => percent(track.cpu()),
            Column::Minute => String::new(),
            Column::Memory => short(jail.memory.bytes()),
            Column::Limit => match jail.memory {
                Memory::Charged { limit: Some(_), .. } => String::new(),
                _ => "-".to_owned(),
            },
            Column::Processes => jail.processes.to_string(),
            Column::Restarts => maybe(jail.restarts),
            Column::Denials => maybe(jail.denials),
            Column::Rate => match jail.denials {
                Some(_) => format!("{:.0}", track.denial_rate.ceil()),
                None => "-".to_owned(),
            },
            Column::Health => match jail.health {
                Some(health) if health.ill => "ill".to_owned(),
                Some(health) if health.ready == health.services => "ok".to_owned(),
                Some(health) => format!("{}/{}", health.ready, health.services),
                None => "-".to_owned(),
            },
            Column::Since => jail.since.map_or("-".to_owned(), |since| ago(now.saturating_sub(since))),
        }
    }
}

/// One decimal below ten.
pub fn percent(percent: f64) -> String {
    if percent < 9.95 { format!("{percent:.1}") } else { format!("{percent:.0}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_narrower_the_screen_the_fewer_the_columns() {
        let at = |width| fitting(width, 20).into_iter().map(|(column, _)| column.heading(false)).collect::<Vec<_>>().join(" ");
        insta::assert_snapshot!([12, 20, 40, 60, 80, 120, 200].map(|width| format!("{width}: {}", at(width))).join("\n"));
    }

    #[test]
    fn percents_are_short() {
        assert_eq!([0.0, 9.94, 9.96, 399.6].map(percent), ["0.0", "9.9", "10", "400"]);
    }

    proptest! {
        #[test]
        fn columns_never_stand_out(width in 1_u16..400, name in 0_usize..100) {
            let columns = fitting(width, name);
            let total: u16 = columns.iter().map(|(_, width)| width).sum::<u16>() + columns.len() as u16 - 1;
            prop_assert!(total <= width, "{total} {columns:?}");
        }
    }
}
