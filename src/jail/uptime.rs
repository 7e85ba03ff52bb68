//! Since when a jail is up: a short file in its run directory, written before its root is pinned and removed with that, so
//! that neither a restart of its service nor another supervisor begins it anew. Two clocks: that which runs on while the
//! machine sleeps and that nobody sets, for how long, and the wall's, for when.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::root;
use super::store::Directory;
use super::{Host, JailError};
use crate::kernel::JailName;
use crate::kernel::system::SINCE_BOOT;

const FILE: &str = "started";
const LIMIT: usize = 64;

/// When a jail was brought up, and how long ago that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uptime {
    /// Milliseconds since the epoch, by the wall's clock at that moment.
    pub started_ms: u64,
    pub up: Duration,
}

/// What the file holds: milliseconds of either clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Started {
    since_boot: u64,
    since_epoch: u64,
}

impl Started {
    fn now() -> Result<Started, JailError> {
        Ok(Started { since_boot: milliseconds(SINCE_BOOT)?, since_epoch: milliseconds(ClockId::CLOCK_REALTIME)? })
    }

    fn text(self) -> String {
        format!("{} {}\n", self.since_boot, self.since_epoch)
    }

    fn parse(text: &str) -> Option<Started> {
        let (since_boot, since_epoch) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Started { since_boot: since_boot.parse().ok()?, since_epoch: since_epoch.parse().ok()? })
    }

    /// `None` for a moment that is still to come: of another boot.
    fn until(self, now: Started) -> Option<Uptime> {
        let up = Duration::from_millis(now.since_boot.checked_sub(self.since_boot)?);
        Some(Uptime { started_ms: self.since_epoch, up })
    }
}

fn milliseconds(clock: ClockId) -> Result<u64, JailError> {
    let now = clock_gettime(clock).map_err(JailError::system("read the clock"))?;
    Ok(Duration::from(now).as_millis() as u64)
}

/// Notes that the jail of this run directory is brought up now. The caller holds the jail's lock. Not to disk: nothing of a
/// jail that is up outlives the machine.
pub(super) fn begin(run: &Directory) -> Result<(), JailError> {
    root::unlink_stale(run, FILE)?;
    run.write_new(FILE, 0o600, Started::now()?.text().as_bytes()).map(drop)
}

/// Of a jail that is up; `None` for one that is down, or where nobody noted it.
pub fn uptime(host: &Host, name: &JailName) -> Option<Uptime> {
    let run = root::run_of(&host.config, name).ok()??;
    let text = String::from_utf8(run.read(FILE, LIMIT).ok()?).ok()?;
    Started::parse(&text)?.until(Started::now().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_half_of_it_is_nothing() {
        let started = Started { since_boot: 12_345, since_epoch: 1_800_000_000_123 };
        assert_eq!(Started::parse(&started.text()), Some(started));
        for text in ["", "\n", "12345", "12345 18000", "12345 x\n", "-1 5\n"] {
            assert_eq!(Started::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_changes_no_uptime() {
        let started = Started { since_boot: 1_000, since_epoch: 1_800_000_000_000 };
        let later = Started { since_boot: 61_500, since_epoch: 5 };
        let found = started.until(later).unwrap();
        assert_eq!((found.up, found.started_ms), (Duration::from_millis(60_500), 1_800_000_000_000));
        assert_eq!(later.until(started), None);
    }
}
