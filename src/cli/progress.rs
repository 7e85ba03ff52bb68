//! Progress of long work, on standard error and only when that is a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::jail::Tally;

const PAUSE: Duration = Duration::from_millis(200);

/// One line that is written over, and gone on drop.
pub struct Progress {
    doing: &'static str,
    shown: bool,
    next: Option<Instant>,
}

impl Progress {
    /// `doing`: `exporting` and the like.
    pub fn new(doing: &'static str) -> Progress {
        // Short work shows nothing.
        let next = std::io::stderr().is_terminal().then(|| Instant::now() + 2 * PAUSE);
        Progress { doing, shown: false, next }
    }

    pub fn show(&mut self, tally: &Tally) {
        let now = Instant::now();
        if self.next.is_some_and(|next| now >= next) {
            self.next = Some(now + PAUSE);
            self.shown = true;
            let line = format!("\r\x1b[K{}: {} files, {}", self.doing, tally.entries, size(tally.bytes));
            // Nobody misses a line that cannot be written.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// Bytes for people.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        let sizes: Vec<String> = [0, 1023, 1024, 1_572_864, 5 << 30, 2 << 40].into_iter().map(size).collect();
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.0 GiB", "2048.0 GiB"]);
    }
}
