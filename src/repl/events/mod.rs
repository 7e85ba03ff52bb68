//! What happens to jails while a line is typed, told above it: denials, restarts, services that ended or were given up,
//! health. A thread with a host of its own looks ([`watch`]); what it found is compared ([`change`]) and kept short
//! ([`digest`]), both pure.
//!
//! The thread lives while a line is typed and no longer: what a line runs may fork, which only a process with one thread can
//! (src/jail/fork.rs), and may fill the screen. What happens meanwhile is told above the next line.

mod change;
mod digest;
mod watch;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use rustyline::ExternalPrinter;

use crate::jail::Host;
use crate::kernel::{Denial, JailName};
use crate::telemetry::{self, Denials};
use watch::{Bell, Memory};

/// Opens a host for the thread; runs there.
pub type Open = Arc<dyn Fn() -> Result<Host, String> + Send + Sync>;

/// Events that are kept for who asks.
const KEPT: usize = 200;
/// How long is waited for the thread, which may be in the middle of a look.
const PATIENCE: Duration = Duration::from_secs(2);

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
}

impl Board {
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

/// Tells while lines are typed.
pub struct Events<P> {
    open: Open,
    board: Board,
    state: State<P>,
}

enum State<P> {
    Idle(Memory<P>),
    Looking(Bell, JoinHandle<Memory<P>>),
    /// It could not begin, or did not end; why is told by `:events`.
    Over,
}

impl<P: ExternalPrinter + Send + 'static> Events<P> {
    pub fn new(printer: P, board: &Board, open: Open, colour: bool) -> Events<P> {
        Events { open, board: board.clone(), state: State::Idle(Memory::new(board.clone(), printer, colour)) }
    }

    /// A line is typed from here on.
    pub fn begin(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Idle(memory) => self.look(memory),
            other => other,
        };
    }

    fn look(&self, mut memory: Memory<P>) -> State<P> {
        let failed = |why: &str| {
            self.board.known().trouble = Some(why.to_owned());
            State::Over
        };
        let (bell, ear) = match Bell::new() {
            Ok(ends) => ends,
            Err(errno) => return failed(errno.desc()),
        };
        let open = self.open.clone();
        let look = move || {
            // Signals are for whoever reads keys: here they would interrupt nobody.
            let _ = SigSet::all().thread_block();
            memory.look(&open, &ear);
            memory
        };
        match std::thread::Builder::new().name("events".into()).spawn(look) {
            Ok(thread) => State::Looking(bell, thread),
            Err(error) => failed(&error.to_string()),
        }
    }

    /// No line is typed any more. Returns when the thread is gone; one that waits for the line editor, which reads no
    /// more, has to be waited for again.
    pub fn end(&mut self) {
        let (bell, thread) = match std::mem::replace(&mut self.state, State::Over) {
            State::Looking(bell, thread) => (bell, thread),
            other => {
                self.state = other;
                return;
            }
        };
        bell.ring();
        let until = Instant::now() + PATIENCE;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(200));
        }
        if !thread.is_finished() {
            self.state = State::Looking(bell, thread);
            return;
        }
        match thread.join() {
            Ok(memory) => self.state = State::Idle(memory),
            // It was told when it came.
            Err(_) => self.board.known().trouble = Some("what looked for them came to grief".into()),
        }
    }
}

/// The jails' run directory names them.
fn name_of(text: &std::ffi::OsStr) -> Option<JailName> {
    text.to_str()?.parse().ok()
}
