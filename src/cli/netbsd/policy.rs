//! A jail's policy on the command line: a level, rights besides, ports.

use clap::Args;

use crate::kernel::{Level, Policy, Reservation, Right};

#[derive(Debug, Args)]
pub struct PolicyOptions {
    /// Profile: low, medium or high; also -p [default of a new jail: high]
    #[arg(short, long = "profile", short_alias = 'p', value_parser = level)]
    pub level: Option<Level>,
    /// Grant these rights besides
    #[arg(long, value_name = "RIGHT[,RIGHT..]", value_delimiter = ',', value_parser = right)]
    pub grant: Vec<Right>,
    /// Take these rights away
    #[arg(long, value_name = "RIGHT[,RIGHT..]", value_delimiter = ',', value_parser = right)]
    pub deny: Vec<Right>,
    /// Ports that only this jail may bind; repeatable
    #[arg(short, long, value_name = "PORT[,PORT..]", value_delimiter = ',')]
    pub reserve: Vec<Reservation>,
}

impl PolicyOptions {
    /// What is said to change.
    pub fn is_empty(&self) -> bool {
        self.level.is_none() && self.grant.is_empty() && self.deny.is_empty() && self.reserve.is_empty()
    }

    /// A policy of its own, or what becomes of another one.
    pub fn policy(&self, before: Policy) -> Policy {
        let mut rights = self.level.map_or(before.rights, Level::rights);
        for right in &self.grant {
            rights = rights.with(*right);
        }
        for right in &self.deny {
            rights = rights.without(*right);
        }
        let mut ports = if self.reserve.is_empty() { before.ports } else { self.reserve.clone() };
        ports.sort_unstable();
        ports.dedup();
        Policy { rights, ports, ..before }
    }
}

fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|_| format!("{text:?} is no profile; use low, medium or high"))
}

fn right(text: &str) -> Result<Right, String> {
    match text.parse::<Right>() {
        Ok(right) if right.is_fence() => Err(format!("{text} is a wall between jails, which no profile grants; leave it out")),
        Ok(right) => Ok(right),
        Err(()) => Err(format!("{text:?} is no right; jailctl info NAME lists them")),
    }
}
