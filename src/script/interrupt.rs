//! Ctrl-C: ends the script, not what it started.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};

static PENDING: AtomicBool = AtomicBool::new(false);
/// The process goes on after the script.
static OUTLIVED: AtomicBool = AtomicBool::new(false);

/// The first Ctrl-C asks the script to end. The second, when the script hangs in a call, ends the process, unless that is
/// the REPL's.
extern "C" fn note(_signal: i32) {
    if PENDING.swap(true, Ordering::Relaxed) && !OUTLIVED.load(Ordering::Relaxed) {
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        // SAFETY: sigaction and raise are async-signal-safe, and no handler is installed.
        let _ = unsafe { sigaction(Signal::SIGINT, &default) };
        let _ = raise(Signal::SIGINT);
    }
}

/// Catches Ctrl-C from now on. Without SA_RESTART, so that a blocking call of a verb returns.
pub fn install() {
    let action = SigAction::new(SigHandler::Handler(note), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler only touches an atomic and calls async-signal-safe functions.
    let _ = unsafe { sigaction(Signal::SIGINT, &action) };
}

/// Takes a command's death by Ctrl-C for the script's: while a command runs in a jail, the signal is passed on to it and
/// not seen here.
pub fn follow(status: i32) {
    if status == 128 + Signal::SIGINT as i32 {
        PENDING.store(true, Ordering::Relaxed);
    }
}

/// While a line of the REPL is evaluated: Ctrl-C asks it to end, however often, and never ends the process. What was
/// installed before is back on drop.
pub struct Hearing(Option<SigAction>);

impl Hearing {
    pub fn begin() -> Hearing {
        PENDING.store(false, Ordering::Relaxed);
        OUTLIVED.store(true, Ordering::Relaxed);
        let action = SigAction::new(SigHandler::Handler(note), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler only touches atomics, and nothing but them while OUTLIVED is set.
        Hearing(unsafe { sigaction(Signal::SIGINT, &action) }.ok())
    }
}

impl Hearing {
    /// Was Ctrl-C pressed since it began?
    pub fn is_pending() -> bool {
        pending()
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: what was installed before us, by whoever promised the same for it.
            let _ = unsafe { sigaction(Signal::SIGINT, before) };
        }
    }
}

pub fn pending() -> bool {
    PENDING.load(Ordering::Relaxed)
}
