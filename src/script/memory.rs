//! A bound on the script's memory. Rhai's own limits on arrays and maps make every `push` walk the whole array, so the
//! process's size is watched instead.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Reads this process's resident size.
pub struct Meter {
    statm: Option<File>,
    page: u64,
    limit: u64,
}

impl Meter {
    /// `limit` in bytes.
    pub fn new(limit: u64) -> Meter {
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
        let page = page.and_then(|page| u64::try_from(page).ok()).unwrap_or(4096);
        Meter { statm: File::open("/proc/self/statm").ok(), page, limit }
    }

    /// proc_pid_statm(5): the second number is the resident size in pages. Without /proc nothing is exceeded.
    pub fn exceeded(&self) -> bool {
        let mut text = [0; 128];
        let read = self.statm.as_ref().and_then(|statm| statm.read_at(&mut text, 0).ok()).unwrap_or(0);
        let resident = std::str::from_utf8(&text[..read]).ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
        resident.is_some_and(|pages| pages * self.page > self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_larger_than_nothing_and_smaller_than_everything() {
        assert!(Meter::new(4096).exceeded());
        assert!(!Meter::new(u64::MAX).exceeded());
    }
}
