//! The terminal while the view is on it: raw, on the alternate screen, and given back whatever happens.

use std::io::{self, Stdout, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

/// Does the terminal show more than ASCII, as its locale says (setlocale(3): the first of these that is set)?
pub fn is_unicode() -> bool {
    let value = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Is the view on the terminal?
static ON: AtomicBool = AtomicBool::new(false);
/// The signal that wants us to end; 0 for none.
static ENDED_BY: AtomicI32 = AtomicI32::new(0);
static HOOK: Once = Once::new();

/// Those that end a process; Ctrl-C and Ctrl-\ are keys here.
const ENDING: [Signal; 4] = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT];

extern "C" fn note(signal: i32) {
    ENDED_BY.store(signal, Ordering::Relaxed);
}

/// The terminal as it is drawn on. Dropping it gives it back as it was.
pub struct Screen {
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    _signals: Signals,
    _raw: Raw,
}

impl Screen {
    pub fn enter() -> io::Result<Screen> {
        HOOK.call_once(|| {
            // The message of a panic would go to the alternate screen, and vanish with it.
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        let signals = Signals::catch();
        let raw = Raw::enter()?;
        Ok(Screen { terminal: Terminal::new(CrosstermBackend::new(stdout()))?, _signals: signals, _raw: raw })
    }

    /// The signal that came meanwhile and would have ended us.
    pub fn ended_by(&self) -> Option<Signal> {
        Signal::try_from(ENDED_BY.load(Ordering::Relaxed)).ok()
    }
}

/// Signals that end us are noted, until this value is dropped.
struct Signals(Vec<(Signal, SigAction)>);

impl Signals {
    fn catch() -> Signals {
        ENDED_BY.store(0, Ordering::Relaxed);
        let action = SigAction::new(SigHandler::Handler(note), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler only stores into an atomic.
        let before = |signal| Some((signal, unsafe { sigaction(signal, &action) }.ok()?));
        Signals(ENDING.into_iter().filter_map(before).collect())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (signal, action) in &self.0 {
            // SAFETY: an action that was in force before.
            let _ = unsafe { sigaction(*signal, action) };
        }
    }
}

struct Raw;

impl Raw {
    fn enter() -> io::Result<Raw> {
        enable_raw_mode()?;
        ON.store(true, Ordering::Relaxed);
        // From here on dropped, whatever fails.
        let raw = Raw;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        give_back();
    }
}

/// A terminal that hung up cannot be given back, and nobody sees it.
fn give_back() {
    if ON.swap(false, Ordering::Relaxed) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}
