//! The machine's memory.

use nix::unistd::{SysconfVar, sysconf};

/// Bytes; `None` where the system does not tell.
pub fn physical_memory() -> nix::Result<Option<i64>> {
    let (pages, size) = (sysconf(SysconfVar::_PHYS_PAGES)?, sysconf(SysconfVar::PAGE_SIZE)?);
    Ok(pages.zip(size).map(|(pages, size)| pages.saturating_mul(size)))
}
