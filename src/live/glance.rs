//! Looks at the host.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use super::sample::{Detail, Head, Health, Jail, Memory, Sample};
use crate::jail::Host;
use crate::kernel::{JailName, JailStats, KernelError};
use crate::supervise::{self, Status};
use crate::telemetry::processes::Tree;
use crate::telemetry::{self, Denials, Format, Lines, Observation};

/// Lines of a log, and denials, that are shown of the jail that is looked at.
const DETAIL_LINES: usize = 200;

pub struct Glance {
    host: Host,
    begun: Instant,
    denials: Denials,
}

impl Glance {
    pub fn new(host: Host) -> Glance {
        Glance { host, begun: Instant::now(), denials: Denials::default() }
    }

    pub fn head(&self) -> Head {
        let kernel = nix::sys::utsname::uname().map_or(String::new(), |name| name.release().to_string_lossy().into_owned());
        Head { body: self.host.kernel.body().to_owned(), kernel }
    }

    /// All jails as they are now, and more of the one that is wanted. What cannot be told of one jail is left out, for it
    /// may have gone meanwhile.
    pub fn look(&mut self, wanted: Option<&JailName>) -> Result<Sample, KernelError> {
        let at = self.begun.elapsed();
        let jails: Vec<Jail> = self.host.kernel.stats(None)?.iter().map(|stats| self.jail(stats)).collect();
        let detail = wanted.and_then(|name| self.detail(jails.iter().find(|jail| jail.name == *name)?));
        Ok(Sample { at, now: telemetry::now(), jails, detail })
    }

    fn jail(&self, stats: &JailStats) -> Jail {
        let host = &self.host;
        let written = supervise::written_status(host, &stats.name);
        let frozen = host.kernel.is_frozen(stats.jid).unwrap_or(false);
        let state = match &written {
            Some((status, false)) if !status.has_ended() => Observation::ORPHANED,
            _ if frozen => Observation::FROZEN,
            Some((status, _)) => &status.state,
            None => "up",
        };
        let alive = written.as_ref().filter(|(_, alive)| *alive).map(|(status, _)| status);
        let memory = match host.kernel.usage(stats.jid).ok().and_then(|usage| usage.memory_bytes) {
            Some(bytes) => {
                let limit = host.kernel.limits(stats.jid).ok().and_then(|limits| limits.memory);
                Memory::Charged { bytes, limit: limit.map(|limit| limit.0) }
            }
            None => Memory::Virtual(stats.vmem_bytes),
        };
        Jail {
            jid: stats.jid,
            name: stats.name.clone(),
            state: state.to_owned(),
            cpu_usec: stats.cpu_usec,
            // A tick is 1/100 s, so ticks in a second are percent.
            cpu_percent: stats.cpu_ticks_1s as f64,
            memory,
            processes: stats.processes,
            restarts: alive.map(|status| status.restarts),
            denials: stats.denials.as_ref().map(|denials| denials.values().sum()),
            health: alive.and_then(health),
            since: written.as_ref().map(|(status, _)| status.since),
        }
    }

    fn detail(&mut self, jail: &Jail) -> Option<Detail> {
        let denials = match self.host.kernel.denials() {
            Ok((found, lost)) => {
                self.denials.add(&found, lost, clocks());
                Ok(self.denials.lines(jail.jid, DETAIL_LINES))
            }
            Err(error) => Err(error.to_string()),
        };
        let records = supervise::log(&self.host, &jail.name).and_then(|mut log| log.read()).unwrap_or_default();
        let from = records.len().saturating_sub(DETAIL_LINES);
        let log = Lines::new(Format::Text, false).render(&records[from..]);
        let processes = Tree::of_jail(&self.host, jail.jid, &jail.name).ok()?;
        let last_exit = supervise::last_status(&self.host, &jail.name).and_then(|status| status.last_exit);
        Some(Detail { name: jail.name.clone(), last_exit, processes, denials, log: log.lines().map(str::to_owned).collect() })
    }
}

fn health(status: &Status) -> Option<Health> {
    let ready = status.services.iter().filter(|service| service.ready).count();
    let ill = status.services.iter().any(|service| service.ill > 0);
    (!status.services.is_empty()).then_some(Health { ready, services: status.services.len(), ill })
}

/// The monotonic clock in nanoseconds, as the kernel stamps denials, and milliseconds since the epoch.
pub fn clocks() -> (u64, u64) {
    let monotonic = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (monotonic.as_nanos() as u64, wall.as_millis() as u64)
}
