//! What the kernel tells of denials, look by look, as records.

use std::collections::HashMap;

use super::failure::Failure;
use crate::jail::Host;
use crate::kernel::Jid;
use crate::live::clocks;
use crate::telemetry::trail::{Entry, Trail};

pub struct Watch<'a> {
    host: &'a Host,
    names: HashMap<Jid, String>,
    only: Option<Jid>,
    trail: Trail,
}

impl Watch<'_> {
    /// Of one jail, or of all.
    pub fn new(host: &Host, only: Option<Jid>) -> Watch<'_> {
        Watch { host, names: HashMap::new(), only, trail: Trail::default() }
    }

    /// Those after the last record.
    pub fn lost(&self) -> u64 {
        self.trail.lost()
    }

    /// Takes what the kernel has, if it is not older than `since`, by the monotonic clock in nanoseconds.
    pub fn take(&mut self, since: u64) -> Result<(), Failure> {
        let (found, lost) = self.host.kernel.denials()?;
        let (monotonic, wall) = clocks();
        self.trail.lose(lost);
        let wanted = |jid: Jid| self.only.is_none_or(|only| only == jid);
        if found.iter().any(|denial| !self.names.contains_key(&denial.jid)) {
            let jails = self.host.kernel.list()?;
            self.names.extend(jails.into_iter().map(|jail| (jail.jid, jail.name.to_string())));
        }
        for denial in found.iter().filter(|denial| wanted(denial.jid) && denial.when_ns >= since) {
            self.trail.add(denial, wall.saturating_sub(monotonic.saturating_sub(denial.when_ns) / 1_000_000));
        }
        Ok(())
    }

    pub fn told(&mut self) -> Vec<Entry> {
        let names = &self.names;
        self.trail.told(clocks().1, |jid| named(names, jid))
    }

    pub fn rest(&mut self) -> Vec<Entry> {
        let names = &self.names;
        self.trail.rest(|jid| named(names, jid))
    }
}

/// One that is gone by now is called by its number.
fn named(names: &HashMap<Jid, String>, jid: Jid) -> String {
    names.get(&jid).cloned().unwrap_or_else(|| format!("jid {jid}"))
}
