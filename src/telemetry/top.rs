//! `jailctl top`: the jails that use most, first.

use std::str::FromStr;

use super::cell::Value;
use super::table::{Column, Table};
use crate::kernel::{JailStats, Processes};

/// What the jails are ordered by. By name in alphabetical order, by all else the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Cpu,
    Memory,
    Processes,
    Name,
}

impl Sort {
    pub const NAMES: [&str; 4] = ["cpu", "mem", "procs", "name"];
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "cpu" => Ok(Sort::Cpu),
            "mem" => Ok(Sort::Memory),
            "procs" => Ok(Sort::Processes),
            "name" => Ok(Sort::Name),
            _ => Err(format!("{name:?} is no order; use {}", Sort::NAMES.join(", "))),
        }
    }
}

const COLUMNS: [Column; 7] = [
    Column::new("NAME", 16),
    Column::new("JID", 4),
    Column::new("CPU%", 6),
    Column::new("CPU10S", 6),
    Column::new("PROCS", 5),
    Column::new("VMEM", 6),
    Column::new("DENIALS", 0),
];

/// One snapshot. CPU% is that of one processor, over the last second; CPU10S its mean over ten.
pub fn top(stats: &[JailStats], sort: Sort) -> Table {
    let mut jails: Vec<&JailStats> = stats.iter().collect();
    jails.sort_by(|a, b| {
        let largest = match sort {
            Sort::Cpu => (b.cpu_ticks_1s.cmp(&a.cpu_ticks_1s)).then(b.cpu_ticks_10s.total_cmp(&a.cpu_ticks_10s)),
            Sort::Memory => b.vmem_bytes.cmp(&a.vmem_bytes),
            Sort::Processes => b.processes.cmp(&a.processes),
            Sort::Name => std::cmp::Ordering::Equal,
        };
        largest.then_with(|| a.name.cmp(&b.name))
    });
    let row = |jail: &&JailStats| {
        vec![
            Value::text(&jail.name),
            Value::Number(jail.jid.get().into()),
            // A tick is 1/100 s, so ticks in a second are percent.
            Value::Number(jail.cpu_ticks_1s),
            Value::Decimal(jail.cpu_ticks_10s),
            Value::Number(jail.processes),
            Value::Bytes(jail.vmem_bytes),
            jail.denials.as_ref().map_or(Value::Absent, |denials| Value::Number(denials.values().sum())),
        ]
    };
    Table::new(&COLUMNS, jails.iter().map(row).collect())
}

/// The line above the table.
pub fn totals(stats: &[JailStats]) -> String {
    let processes: u64 = stats.iter().map(|jail| jail.processes).sum();
    let cpu: u64 = stats.iter().map(|jail| jail.cpu_ticks_1s).sum();
    format!("{} jail{}, {}, {cpu}% CPU", stats.len(), if stats.len() == 1 { "" } else { "s" }, Processes(processes as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Format;
    use crate::telemetry::views::tests::web;

    #[test]
    fn jails_come_in_the_order_asked_for() {
        let jail = |name: &str, cpu: u64, vmem: u64, processes: u64| JailStats {
            name: name.parse().unwrap(),
            cpu_ticks_1s: cpu,
            vmem_bytes: vmem,
            processes,
            ..web()
        };
        let jails = [jail("b", 5, 1, 9), jail("a", 5, 7, 2), jail("c", 90, 3, 1)];
        let order = |sort| top(&jails, sort).render(Format::Names, false).replace('\n', "");
        let orders: Vec<String> = Sort::NAMES.iter().map(|name| order(name.parse().unwrap())).collect();
        assert_eq!(orders, ["cab", "acb", "bac", "abc"]);
        assert_eq!(totals(&jails), "3 jails, 12 processes, 100% CPU");
        assert!("rss".parse::<Sort>().is_err());
    }

    #[test]
    fn a_snapshot_is_short_enough_for_a_line() {
        insta::assert_snapshot!(top(&[web()], Sort::Cpu).render(Format::Text, false));
    }
}
