//! The listings of the jails in the kernel, on every system.

use super::cell::{Unit, Value};
use super::table::{Column, Table};
use crate::kernel::{JailName, JailStats};

const STATS: [Column; 10] = [
    Column::new("ID", 8),
    Column::new("NAME", 16),
    Column::new("CPU1S", 10).of(Unit::Percent),
    Column::new("CPU10S", 10).of(Unit::Percent),
    Column::new("PROC", 10).weighing(4),
    Column::new("REFS", 10),
    Column::new("VMEM", 10).of(Unit::Bytes).weighing(4),
    Column::verbose("ROOT", 0),
    Column::verbose("DENIALS", 0).weighing(3),
    Column::verbose("UPTIME", 0),
];

/// `jailctl stats`. `uptime`: seconds since a jail was brought up, if somebody noted that.
pub fn stats(stats: &[JailStats], uptime: impl Fn(&JailName) -> Option<u64>) -> Table {
    let row = |jail: &JailStats| {
        vec![
            Value::Number(jail.jid.get().into()),
            Value::text(&jail.name),
            Value::Number(jail.cpu_ticks_1s),
            Value::Decimal(jail.cpu_ticks_10s),
            Value::Number(jail.processes),
            Value::Number(jail.references),
            Value::Number(jail.vmem_bytes),
            Value::text(&jail.root),
            jail.denials.as_ref().map_or(Value::Absent, |denials| {
                Value::Counts(denials.iter().map(|(right, count)| (right.name(), *count)).collect())
            }),
            uptime(&jail.name).map_or(Value::Absent, Value::Seconds),
        ]
    };
    Table::new(&STATS, stats.iter().map(row).collect())
}

const JAILS: [Column; 6] = [
    Column::new("ID", 8),
    Column::new("REFS", 8),
    Column::new("PROCS", 8),
    Column::new("NAME", 16),
    Column::new("ROOT", 0),
    Column::verbose("UPTIME", 0),
];

/// `jailctl list`: the jails in the kernel. `uptime` as for [`stats`].
pub fn jails(stats: &[JailStats], uptime: impl Fn(&JailName) -> Option<u64>) -> Table {
    let row = |jail: &JailStats| {
        vec![
            Value::Number(jail.jid.get().into()),
            Value::Number(jail.references),
            Value::Number(jail.processes),
            Value::text(&jail.name),
            Value::text(&jail.root),
            uptime(&jail.name).map_or(Value::Absent, Value::Seconds),
        ]
    };
    Table::new(&JAILS, stats.iter().map(row).collect())
}
