//! What the jails are ordered by.

use std::cmp::Ordering;

use super::sample::Jail;
use crate::telemetry::Sort;

impl From<Sort> for Order {
    fn from(sort: Sort) -> Order {
        match sort {
            Sort::Cpu => Order::Cpu,
            Sort::Memory => Order::Memory,
            Sort::Processes => Order::Processes,
            Sort::Name => Order::Name,
        }
    }
}

/// By name in alphabetical order, by all else the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Cpu,
    Memory,
    Name,
    Processes,
    Restarts,
    Denials,
}

impl Order {
    pub const ALL: [(char, &'static str, Order); 6] = [
        ('c', "CPU", Order::Cpu),
        ('m', "memory", Order::Memory),
        ('n', "name", Order::Name),
        ('p', "processes", Order::Processes),
        ('r', "restarts", Order::Restarts),
        ('d', "denials", Order::Denials),
    ];

    pub fn name(self) -> &'static str {
        Order::ALL.iter().find(|(_, _, order)| *order == self).map_or("", |(_, name, _)| name)
    }

    /// Equal ones are told apart by name, always in the same direction, so that no row jumps. `cpu`: percent.
    pub fn compare(self, reversed: bool, (a, a_cpu): (&Jail, f64), (b, b_cpu): (&Jail, f64)) -> Ordering {
        let by = match self {
            Order::Cpu => b_cpu.total_cmp(&a_cpu),
            Order::Memory => b.memory.bytes().cmp(&a.memory.bytes()),
            Order::Name => a.name.cmp(&b.name),
            Order::Processes => b.processes.cmp(&a.processes),
            Order::Restarts => b.restarts.cmp(&a.restarts),
            Order::Denials => b.denials.cmp(&a.denials),
        };
        (if reversed { by.reverse() } else { by }).then_with(|| a.name.cmp(&b.name))
    }
}
