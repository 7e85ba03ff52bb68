//! The machine's memory and clock.

use nix::time::ClockId;
use nix::unistd::{SysconfVar, sysconf};

/// A clock that runs on while the machine sleeps, and that nobody sets.
pub const SINCE_BOOT: ClockId = ClockId::CLOCK_BOOTTIME;

/// Bytes; `None` where the system does not tell.
pub fn physical_memory() -> nix::Result<Option<i64>> {
    let (pages, size) = (sysconf(SysconfVar::_PHYS_PAGES)?, sysconf(SysconfVar::PAGE_SIZE)?);
    Ok(pages.zip(size).map(|(pages, size)| pages.saturating_mul(size)))
}
