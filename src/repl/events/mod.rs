//! What happens to jails while a line is typed, told above it: denials, restarts, services that ended or were given up,
//! health. A thread with a host of its own looks ([`watch`]); what it found is compared ([`change`]) and kept short
//! ([`digest`]), both pure.
//!
//! The line editor takes one message at a time, and only while it reads a key: a message to it may wait. So nobody who
//! reads keys ever waits for the thread; see [`gate`].

mod change;
mod digest;
mod gate;
mod watch;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use rustyline::ExternalPrinter;

pub use gate::Away;

use crate::jail::Host;
use crate::kernel::{Denial, JailName};
use crate::telemetry::{self, Denials};
use gate::Gate;
use watch::{Bell, Watch};

/// Opens a host for the thread; runs there.
pub type Open = Arc<dyn Fn() -> Result<Host, String> + Send + Sync>;

/// Events that are kept for who asks.
const KEPT: usize = 200;
/// How long the end waits for the thread, which may be in the middle of a look.
const PATIENCE: Duration = Duration::from_millis(300);

/// What the thread and the commands share.
#[derive(Debug, Default)]
struct Known {
    off: bool,
    /// In lower case; only events that have it are told.
    filter: Option<String>,
    /// The last events, told or not.
    last: VecDeque<String>,
    denials: Denials,
    /// Why denials are not seen.
    blind: Option<String>,
    /// Why nothing is seen.
    trouble: Option<String>,
    /// What is told from here on is news.
    begun: bool,
}

/// Where the thread writes down what it saw, and is told what to tell.
#[derive(Debug, Clone, Default)]
pub struct Board {
    known: Arc<Mutex<Known>>,
    gate: Arc<Gate>,
}

impl Board {
    /// A line is read from here on: events stand above it.
    pub fn typing(&self) {
        self.gate.set(gate::TYPING);
    }

    /// Something runs from here on: events stand between its outputs.
    pub fn running(&self) {
        self.gate.set(gate::RUNNING);
    }

    /// Something else has the whole terminal, until the value is dropped: events wait.
    pub fn away(&self) -> Away {
        Gate::away(&self.gate)
    }

    pub fn turn(&self, on: bool) {
        self.known().off = !on;
    }

    /// An empty text tells all again.
    pub fn filter(&self, text: &str) {
        self.known().filter = (!text.is_empty()).then(|| text.to_lowercase());
    }

    /// What is told, what cannot be seen, and the last events.
    pub fn report(&self, count: usize) -> String {
        let known = self.known();
        let told = match (&known.filter, known.off) {
            (_, true) => "events are off; :events on tells them again".to_owned(),
            (Some(filter), _) => format!("events with {filter:?} are told; :events filter tells all again"),
            (None, _) => "events are told above the line; :events off tells none".to_owned(),
        };
        let seen = match (&known.trouble, known.begun) {
            (Some(why), _) => Some(format!("note: no events can be seen: {why}")),
            (None, false) => Some("note: no events can be seen: nothing looks for them in this session".to_owned()),
            (None, true) => known.blind.as_ref().map(|why| format!("note: denials are not seen: {why}")),
        };
        let from = known.last.len().saturating_sub(count);
        let last: Vec<&str> = known.last.iter().skip(from).map(String::as_str).collect();
        let last = if last.is_empty() { vec!["nothing happened yet"] } else { last };
        std::iter::once(told).chain(seen).chain(last.into_iter().map(str::to_owned)).collect::<Vec<_>>().join("\n")
    }

    /// The denials that were seen, or why none can be; `None`: nobody looks.
    pub fn denials(&self) -> Option<Result<Denials, String>> {
        let known = self.known();
        let blind = known.blind.clone().map(Err);
        blind.or_else(|| known.begun.then(|| Ok(known.denials.clone())))
    }

    /// Keeps denials that were read elsewhere.
    pub fn keep(&self, found: &[Denial], lost: u64, now: (u64, u64)) {
        self.known().denials.add(found, lost, now);
    }

    /// All that are kept.
    pub fn kept(&self) -> Denials {
        self.known().denials.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Whoever panicked with it left it whole: each change is one assignment.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn note(&self, event: &change::Event) -> bool {
        let line = event.line();
        let mut known = self.known();
        let wanted = known.filter.as_ref().is_none_or(|filter| line.to_lowercase().contains(filter));
        let told = wanted && !known.off;
        known.last.push_back(format!("{} {line}", telemetry::clock(telemetry::now())));
        let over = known.last.len().saturating_sub(KEPT);
        known.last.drain(..over);
        told
    }
}

/// Tells until it is dropped.
pub struct Events {
    bell: Bell,
    thread: Option<JoinHandle<()>>,
}

impl Events {
    /// Begins to look and to tell. What fails is told by `:events`, for it keeps nobody from typing.
    pub fn begin(printer: impl ExternalPrinter + Send + 'static, board: &Board, open: Open, colour: bool) -> Option<Events> {
        let (bell, ear) = Bell::new().map_err(|errno| board.known().trouble = Some(errno.desc().to_owned())).ok()?;
        let shared = board.clone();
        let look = move || {
            // Signals are for whoever runs a verb: here they would interrupt nobody.
            let _ = SigSet::all().thread_block();
            match open() {
                Ok(host) => Watch::new(host, shared, printer, colour).run(&ear),
                Err(why) => shared.known().trouble = Some(why),
            }
        };
        match std::thread::Builder::new().name("events".into()).spawn(look) {
            Ok(thread) => Some(Events { bell, thread: Some(thread) }),
            Err(error) => {
                board.known().trouble = Some(error.to_string());
                None
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.bell.ring();
        let until = Instant::now() + PATIENCE;
        let Some(thread) = self.thread.take() else { return };
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() {
            // Its panic was told when it came.
            let _ = thread.join();
        }
        // One that waits for a line editor that reads no more ends with the process.
    }
}

/// The jails' run directory names them.
fn name_of(text: &std::ffi::OsStr) -> Option<JailName> {
    text.to_str()?.parse().ok()
}
