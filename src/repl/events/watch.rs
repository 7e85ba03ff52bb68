//! What the thread looks at: at the state files of supervisors when they change (inotify(7), kqueue(2)), at the ring of denials a few
//! times a second. Touches the run directory and the kernel, reading only.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;
use rustyline::ExternalPrinter;

use super::change::{Event, Seen, Weight, changes};
use super::digest::{Digest, Line};
use super::{Board, Open, name_of};
use crate::jail::Host;
use crate::kernel::system::{Change, Changes, Place};
use crate::kernel::{Denial, JailName, Jid, KernelError};
use crate::live::clocks;
use crate::supervise;

/// Between two looks at the ring of denials.
const OFTEN: Duration = Duration::from_millis(250);
/// Between two looks for what no file tells: a supervisor that was killed, a run directory that was mounted over.
const SELDOM: Duration = Duration::from_secs(2);
/// What happens together is looked at together.
const SETTLE: Duration = Duration::from_millis(30);

/// A line that is typed takes longer.
const CALM: Duration = Duration::from_millis(100);

/// A supervisor's file (src/supervise/files.rs).
const STATE: &str = "state.json";

/// Ends the thread.
pub struct Bell(OwnedFd);

impl Bell {
    pub fn new() -> Result<(Bell, OwnedFd), Errno> {
        let (ear, bell) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        Ok((Bell(bell), ear))
    }

    pub fn ring(&self) {
        // A full pipe was rung already.
        let _ = nix::unistd::write(&self.0, b"!");
    }
}

/// What is kept from one line to the next.
pub struct Memory<P> {
    board: Board,
    printer: P,
    colour: bool,
    begun: Instant,
    digest: Digest,
    seen: BTreeMap<JailName, Seen>,
    names: HashMap<Jid, String>,
    /// Denials can be had.
    sighted: bool,
    /// When the last denial was that is known, by the kernel's monotonic clock.
    last_denial: u64,
}

/// A look at one host, for as long as one line is typed.
struct Watch<'a, P> {
    host: Host,
    memory: &'a mut Memory<P>,
    directory: Option<Directory>,
}

/// The run directory as it is watched.
struct Directory {
    changes: Changes,
    /// Device and number: another one may be mounted over it.
    identity: (u64, u64),
    parent: Place,
    jails: HashMap<Place, JailName>,
}

impl<P: ExternalPrinter> Memory<P> {
    pub fn new(board: Board, printer: P, colour: bool) -> Memory<P> {
        Memory {
            board,
            printer,
            colour,
            begun: Instant::now(),
            digest: Digest::default(),
            seen: BTreeMap::new(),
            names: HashMap::new(),
            sighted: true,
            last_denial: 0,
        }
    }

    /// Looks and tells until the bell rings.
    pub fn look(&mut self, open: &Open, ear: &OwnedFd) {
        // Lines that are pasted, or typed by a program, end before there is something to see.
        let mut rung = [PollFd::new(ear.as_fd(), PollFlags::POLLIN)];
        if poll(&mut rung, PollTimeout::try_from(CALM).unwrap_or(PollTimeout::ZERO)) != Ok(0) {
            return;
        }
        match open() {
            Ok(host) => Watch { host, memory: self, directory: None }.run(ear),
            Err(why) => self.board.known().trouble = Some(why),
        }
    }
}

impl<P: ExternalPrinter> Watch<'_, P> {
    fn run(mut self, ear: &OwnedFd) {
        self.watch_directory();
        let first = !self.memory.board.known().begun;
        let mut events = self.look_at_all();
        events.extend(self.denials());
        if first {
            // What was before is known, and no news.
            self.memory.board.known().begun = true;
        } else {
            // The line before may have started and stopped jails: whoever typed it knows.
            self.tell(events, false);
        }
        let mut seldom = Instant::now() + SELDOM;
        while let Some(dirty) = self.wait(ear, seldom) {
            let mut events: Vec<Event> = dirty.iter().flat_map(|name| self.look(name)).collect();
            if Instant::now() >= seldom {
                events.extend(self.look_around());
                seldom = Instant::now() + SELDOM;
            }
            events.extend(self.denials());
            self.tell(events, true);
        }
    }

    fn look_at_all(&mut self) -> Vec<Event> {
        let names: BTreeSet<JailName> = self.jails().into_iter().chain(self.memory.seen.keys().cloned()).collect();
        names.iter().flat_map(|name| self.look(name)).collect()
    }

    /// Waits for something to look at; the jails whose state changed. `None`: the bell rang.
    fn wait(&mut self, ear: &OwnedFd, until: Instant) -> Option<BTreeSet<JailName>> {
        let mut wait = until.saturating_duration_since(Instant::now());
        if self.memory.sighted {
            wait = wait.min(OFTEN);
        }
        if let Some(due) = self.memory.digest.due() {
            wait = wait.min(due.saturating_sub(self.memory.begun.elapsed()));
        }
        let timeout = PollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let changes = self.directory.as_ref().map(|directory| directory.changes.as_fd());
        let mut watched: Vec<PollFd<'_>> =
            [Some(ear.as_fd()), changes].into_iter().flatten().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        // An interrupted wait is one that was short.
        let _ = poll(&mut watched, timeout);
        let ready = |at: usize| watched.get(at).is_some_and(|fd| fd.any().unwrap_or(false));
        if ready(0) {
            return None;
        }
        let changed = ready(1);
        if changed {
            std::thread::sleep(SETTLE);
        }
        Some(if changed { self.changed() } else { BTreeSet::new() })
    }

    /// What the system tells.
    fn changed(&mut self) -> BTreeSet<JailName> {
        let Some(directory) = &mut self.directory else { return BTreeSet::new() };
        let mut dirty = BTreeSet::new();
        let mut anew = false;
        for change in directory.changes.take() {
            match change {
                Change::Lost => anew = true,
                Change::Entry(place, _) | Change::Gone(place) if place == directory.parent => anew = true,
                Change::Gone(place) => dirty.extend(directory.jails.remove(&place)),
                Change::Entry(place, name) if name.as_deref().is_none_or(|name| name == OsStr::new(STATE)) => {
                    dirty.extend(directory.jails.get(&place).cloned());
                }
                Change::Entry(..) => {}
            }
        }
        if anew {
            self.watch_jails();
            dirty.extend(self.jails());
            dirty.extend(self.memory.seen.keys().cloned());
        }
        dirty
    }

    /// All that no file told.
    fn look_around(&mut self) -> Vec<Event> {
        let identity = |path: PathBuf| fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
        if identity(self.place()) != self.directory.as_ref().map(|directory| directory.identity) {
            self.watch_directory();
            return self.look_at_all();
        }
        let running: Vec<JailName> =
            self.memory.seen.iter().filter(|(_, seen)| seen.alive).map(|(name, _)| name.clone()).collect();
        running.iter().flat_map(|name| self.look(name)).collect()
    }

    fn place(&self) -> PathBuf {
        self.host.config.run_dir.join("jails")
    }

    /// Those with a run directory.
    fn jails(&self) -> Vec<JailName> {
        let entries = fs::read_dir(self.place()).into_iter().flatten().flatten();
        entries.filter_map(|entry| name_of(&entry.file_name())).collect()
    }

    /// A directory that is not there yet is looked for again.
    fn watch_directory(&mut self) {
        self.directory = None;
        let place = self.place();
        let Ok(data) = fs::metadata(&place) else { return };
        let Ok(mut changes) = Changes::new() else { return };
        let Ok(parent) = changes.watch(&place) else { return };
        let jails = HashMap::new();
        self.directory = Some(Directory { changes, identity: (data.dev(), data.ino()), parent, jails });
        self.watch_jails();
    }

    /// One that cannot be watched is still looked at now and then.
    fn watch_jails(&mut self) {
        let (place, names) = (self.place(), self.jails());
        let Some(directory) = &mut self.directory else { return };
        for name in names {
            if let Ok(watched) = directory.changes.watch(&place.join(name.as_str())) {
                directory.jails.insert(watched, name);
            }
        }
    }

    /// One jail: what happened to it since the last look.
    fn look(&mut self, name: &JailName) -> Vec<Event> {
        let now = supervise::written_status(&self.host, name).map(|(status, alive)| Seen { status, alive });
        let events = changes(name, self.memory.seen.get(name), now.as_ref());
        match now {
            Some(now) => self.memory.seen.insert(name.clone(), now),
            None => self.memory.seen.remove(name),
        };
        events
    }

    fn denials(&mut self) -> Vec<Event> {
        if !self.memory.sighted {
            return Vec::new();
        }
        let (found, lost) = match self.host.kernel.denials() {
            Ok(found) => found,
            Err(error @ KernelError::NotEnforceable { .. }) => {
                self.memory.sighted = false;
                self.memory.board.known().blind = Some(error.to_string());
                return Vec::new();
            }
            // A module that is being replaced is there again in a moment.
            Err(_) => return Vec::new(),
        };
        // A host that was opened anew tells of those again that are known.
        let last = self.memory.last_denial;
        let found: Vec<Denial> = found.into_iter().filter(|denial| denial.when_ns > last).collect();
        self.memory.last_denial = found.iter().map(|denial| denial.when_ns).max().unwrap_or(last);
        if found.iter().any(|denial| !self.memory.names.contains_key(&denial.jid)) {
            let jails = self.host.kernel.list().unwrap_or_default();
            self.memory.names.extend(jails.into_iter().map(|jail| (jail.jid, jail.name.to_string())));
        }
        let name = |jid: Jid| self.memory.names.get(&jid).cloned().unwrap_or_else(|| format!("jid {jid}"));
        let mut events: Vec<Event> = found.iter().map(|denial| Event::denied(&name(denial.jid), denial)).collect();
        events.extend((lost > 0).then(|| Event::lost(lost)));
        self.memory.board.known().denials.add(&found, lost, clocks());
        events
    }

    /// `asked`: also what somebody asked for.
    fn tell(&mut self, events: Vec<Event>, asked: bool) {
        let now = self.memory.begun.elapsed();
        let mut lines = self.memory.digest.end(now);
        for event in events {
            if self.memory.board.note(&event) && (asked || !event.asked) {
                lines.extend(self.memory.digest.add(event, now));
            }
        }
        if !lines.is_empty() {
            let text: String = lines.iter().map(|line| self.shown(line)).collect();
            // A line editor that reads no more has nobody to tell.
            let _ = self.memory.printer.print(text);
        }
    }

    fn shown(&self, line: &Line) -> String {
        let colour = match line.weight {
            Weight::Good => 32,
            Weight::Notice => 33,
            Weight::Bad => 31,
        };
        match self.memory.colour {
            true => format!("\u{1b}[{colour}m*\u{1b}[0m {}\n", line.text),
            false => format!("* {}\n", line.text),
        }
    }
}

#[cfg(test)]
mod tests;
