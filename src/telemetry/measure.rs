//! All that is measured of one jail at one moment, from the kernel and its supervisor.

use super::Measure;
use crate::jail::{self, Host};
use crate::kernel::{JailName, JailStats, Jid, KernelError};
use crate::supervise;

/// For how long each jail is up, in whole seconds, for listings.
pub fn uptimes(host: &Host) -> impl Fn(&JailName) -> Option<u64> {
    |name| jail::uptime(host, name).map(|found| found.up.as_secs())
}

/// Every jail in the kernel, or one, ascending by jid. What cannot be told of one is left out: it may have gone meanwhile.
///
/// # Errors
/// Those of [`crate::kernel::Kernel::stats`].
pub fn measure(host: &Host, jid: Option<Jid>) -> Result<Vec<Measure>, KernelError> {
    let of = |stats: JailStats| {
        let status = supervise::written_status(host, &stats.name).filter(|(_, alive)| *alive);
        Measure {
            usage: host.kernel.usage(stats.jid).unwrap_or_default(),
            limits: host.kernel.limits(stats.jid).unwrap_or_default(),
            supervised: status.is_some(),
            restarts: status.map(|(status, _)| status.restarts),
            started_ms: jail::uptime(host, &stats.name).map(|found| found.started_ms),
            stats,
        }
    };
    Ok(host.kernel.stats(jid)?.into_iter().map(of).collect())
}
