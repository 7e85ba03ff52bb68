//! Who has the terminal: the line editor, something that runs, or something that fills the whole screen.
//!
//! The thread marks itself as telling, looks who has the terminal, and tells. Who takes the terminal says so first, and
//! then waits until nobody tells any more, but no longer than a moment: the thread may be waiting for the line editor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

pub const RUNNING: u8 = 0;
pub const TYPING: u8 = 1;
pub const AWAY: u8 = 2;

/// Longest wait for a line that is being told.
const PATIENCE: Duration = Duration::from_millis(50);

/// Nothing is told before somebody reads or runs something.
#[derive(Debug)]
pub struct Gate {
    state: AtomicU8,
    telling: AtomicBool,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate { state: AtomicU8::new(AWAY), telling: AtomicBool::new(false) }
    }
}

impl Gate {
    pub fn set(&self, state: u8) {
        let before = self.state.swap(state, Ordering::SeqCst);
        if before == state || state == TYPING {
            return;
        }
        let until = Instant::now() + PATIENCE;
        while self.telling.load(Ordering::SeqCst) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn away(gate: &Arc<Gate>) -> Away {
        let before = gate.state.load(Ordering::SeqCst);
        gate.set(AWAY);
        Away { gate: gate.clone(), before }
    }

    pub fn is_open(&self) -> bool {
        self.state.load(Ordering::SeqCst) != AWAY
    }

    pub fn is_running(&self) -> bool {
        self.state.load(Ordering::SeqCst) == RUNNING
    }

    /// Tells by `tell`, unless something has the whole terminal. Did it?
    pub fn tell(&self, tell: impl FnOnce()) -> bool {
        self.telling.store(true, Ordering::SeqCst);
        let open = self.is_open();
        if open {
            tell();
        }
        self.telling.store(false, Ordering::SeqCst);
        open
    }
}

/// The terminal is somebody else's, until this is dropped.
#[must_use]
pub struct Away {
    gate: Arc<Gate>,
    before: u8,
}

impl Drop for Away {
    fn drop(&mut self) {
        self.gate.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_into_what_fills_the_screen() {
        let gate = Arc::new(Gate::default());
        assert!(!gate.tell(|| unreachable!()));
        gate.set(TYPING);
        assert!(gate.tell(|| ()));
        let outer = Gate::away(&gate);
        let inner = Gate::away(&gate);
        drop(inner);
        assert!(!gate.tell(|| unreachable!()), "a pager within a view leaves the view its screen");
        drop(outer);
        assert!(gate.tell(|| ()) && !gate.is_running());
    }

    #[test]
    fn who_takes_the_terminal_waits_for_a_line_that_is_told_but_not_for_ever() {
        let gate = Arc::new(Gate::default());
        gate.set(TYPING);
        let (begun, ends) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                gate.tell(|| {
                    begun.wait();
                    // As one that waits for a line editor which reads no more.
                    ends.wait();
                })
            });
            begun.wait();
            let before = Instant::now();
            let away = Gate::away(&gate);
            assert!(before.elapsed() >= PATIENCE && before.elapsed() < 100 * PATIENCE);
            ends.wait();
            drop(away);
        });
    }
}
