//! Signals while a line is typed and the terminal takes each key by itself: one that ends the process leaves the terminal as
//! it was, and a late Ctrl-C of the line before does not disturb how it is set.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};

/// How it was before the line; null between lines.
static BEFORE: AtomicPtr<libc::termios> = AtomicPtr::new(null_mut());

const ENDING: [Signal; 2] = [Signal::SIGTERM, Signal::SIGHUP];

/// What was installed is the default again (SA_RESETHAND), so the signal that is raised anew ends the process.
extern "C" fn restore(signal: i32) {
    let before = BEFORE.load(Ordering::Acquire);
    if !before.is_null() {
        // SAFETY: tcsetattr is async-signal-safe; what is pointed to lives until `BEFORE` was set to null.
        unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, before) };
    }
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = raise(signal);
    }
}

/// A Ctrl-C that was pressed before the terminal took it as a key. The system call that it interrupts is begun again
/// (SA_RESTART), for one that changes the terminal's modes would fail.
extern "C" fn too_late(_signal: i32) {}

/// While a line is typed. What was installed before is back on drop.
pub struct Restoring {
    before: Option<Box<libc::termios>>,
    handlers: Vec<(Signal, SigAction)>,
}

impl Restoring {
    pub fn begin() -> Restoring {
        let before = nix::sys::termios::tcgetattr(std::io::stdin()).ok().map(|before| Box::new(libc::termios::from(before)));
        let mut restoring = Restoring { before, handlers: Vec::new() };
        let Some(before) = &mut restoring.before else { return restoring };
        BEFORE.store(&raw mut **before, Ordering::Release);
        let ending = SigAction::new(SigHandler::Handler(restore), SaFlags::SA_RESETHAND, SigSet::empty());
        let late = SigAction::new(SigHandler::Handler(too_late), SaFlags::SA_RESTART, SigSet::empty());
        for (signal, action) in [(Signal::SIGINT, late)].into_iter().chain(ENDING.map(|signal| (signal, ending))) {
            // SAFETY: the handlers call async-signal-safe functions alone.
            let Ok(old) = (unsafe { sigaction(signal, &action) }) else { continue };
            if matches!(old.handler(), SigHandler::SigIgn) {
                // As nohup(1) asked for it.
                // SAFETY: ignoring has no handler.
                let _ = unsafe { sigaction(signal, &old) };
            } else {
                restoring.handlers.push((signal, old));
            }
        }
        restoring
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        for (signal, old) in &self.handlers {
            // SAFETY: what was installed before us, by whoever promised the same for it.
            let _ = unsafe { sigaction(*signal, old) };
        }
        BEFORE.store(null_mut(), Ordering::Release);
    }
}
