//! What a run says: a line for each action, painted on terminals; or nothing, and all that matters once it failed.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write;
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::record::Record;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output;
use crate::kernel::JailName;
use crate::perform::{Failed, Journal, Tally};
use crate::plan::{Action, Place};
use crate::script::{Event, Fate};
use crate::telemetry::printable;

/// Lines that are shown of a quiet run which failed.
const LAST: usize = 20;
/// What takes longer is told on terminals.
const LONG: Duration = Duration::from_secs(1);

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";

/// How a run is told.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    pub quiet: bool,
    pub diff: bool,
    /// Actions to come, where that is known.
    pub total: Option<usize>,
}

/// Tells of one run.
pub struct Teller {
    manner: Manner,
    screen: bool,
    colour: bool,
    record: Record,
    began: Instant,
    action_began: Cell<Instant>,
    count: Cell<usize>,
    /// Standard output was closed: what was begun is ended all the same.
    closed: Cell<bool>,
    last: RefCell<VecDeque<String>>,
}

impl Teller {
    pub fn new(manner: Manner, record: Record) -> Teller {
        let now = Instant::now();
        Teller {
            manner,
            screen: output::is_screen() && !manner.quiet,
            colour: output::colour() && !manner.quiet,
            record,
            began: now,
            action_began: Cell::new(now),
            count: Cell::new(0),
            closed: Cell::new(false),
            last: RefCell::default(),
        }
    }

    pub fn hear(&self, event: &Event) {
        match event {
            Event::Begins(action) => self.begins(action),
            Event::Ended(action, fate) => self.ended(action, fate),
            Event::Undecided { jail, why, place } => {
                self.record.undecided(jail.as_str(), why, *place);
                self.show(&self.line("FAILED", RED, &format!("{jail}: {}", Teller::sentence(why, *place))));
            }
        }
    }

    /// What the script prints.
    pub fn print(&self, text: &str) -> std::io::Result<()> {
        if self.manner.quiet {
            self.keep(text);
            return Ok(());
        }
        writeln!(std::io::stdout(), "{text}")
    }

    fn begins(&self, action: &Action) {
        self.action_began.set(Instant::now());
        self.count.set(self.count.get() + 1);
        if self.screen && !self.closed.get() {
            let columns = crate::cli::screen::size().1;
            let doing = format!("{}{}: {}", self.counted(), action.jail, printable(&action.step.to_string()));
            let doing: String = doing.chars().take(columns.saturating_sub(4)).collect();
            // Nobody misses a line that cannot be written.
            let _ = write!(std::io::stdout(), "{doing} ...").and_then(|()| std::io::stdout().flush());
        }
    }

    fn ended(&self, action: &Action, fate: &Fate) {
        let took = self.action_began.get().elapsed();
        self.record.action(action, fate, took);
        let what = format!("{}: {}", action.jail, printable(&action.step.to_string()));
        let because = |why: &str| format!("{what}: {}", Teller::sentence(why, action.place.as_ref()));
        let mut text = match fate {
            Fate::Done(_) | Fate::Planned => self.line("ok", GREEN, &what),
            Fate::Failed(why) => self.line("FAILED", RED, &because(why)),
            Fate::Skipped(why) => self.line("skipped", YELLOW, &format!("{what}: {}", printable(why))),
        };
        if self.screen && took >= LONG {
            text.insert_str(text.len() - 1, &format!("  ({:.1} s)", took.as_secs_f64()));
        }
        if self.manner.diff {
            text.extend(action.detail.iter().map(|line| format!("             {}\n", printable(line))));
        }
        self.show(&text);
    }

    /// The reason, and the place in the script.
    fn sentence(why: &str, place: Option<&Place>) -> String {
        let place = place.map_or(String::new(), |place| format!("  ({}:{})", place.file, place.line));
        format!("{}{place}", printable(why))
    }

    /// The same, with the jail before it where it does not name it.
    fn attributed(jail: &JailName, failed: &Failed) -> String {
        let sentence = Teller::sentence(&failed.why, failed.place.as_ref());
        let named = failed.why.strip_prefix("jail ").is_some_and(|rest| rest.starts_with(jail.as_str()));
        if named { sentence } else { format!("jail {jail}: {sentence}") }
    }

    fn counted(&self) -> String {
        match (self.screen, self.manner.total) {
            (false, _) => String::new(),
            (true, Some(total)) => format!("{:>w$}/{total} ", self.count.get(), w = total.to_string().len()),
            (true, None) => format!("{:>3} ", self.count.get()),
        }
    }

    fn line(&self, mark: &str, colour: &str, text: &str) -> String {
        let mark = format!("{mark:<8}");
        let mark = if self.colour { format!("\x1b[{colour}m{mark}\x1b[0m") } else { mark };
        format!("{}{mark} {text}\n", self.counted())
    }

    fn show(&self, text: &str) {
        if self.manner.quiet {
            return self.keep(text);
        }
        let erase = if self.screen { "\r\x1b[K" } else { "" };
        if !self.closed.get() && output::print(&format!("{erase}{text}")).is_err() {
            self.closed.set(true);
        }
    }

    fn keep(&self, text: &str) {
        let mut last = self.last.borrow_mut();
        for line in text.lines() {
            if last.len() == LAST {
                last.pop_front();
            }
            last.push_back(printable(line).into_owned());
        }
    }

    /// Says how it went, and with which status it ends. `script`: how the script itself ended.
    pub fn finish(&self, name: &str, script: Exit, journal: &Journal) -> Result<Exit, Failure> {
        let tally = journal.tally();
        let exit = match (script, tally.failed) {
            (Exit::DONE, 1..) => Exit::FAILED,
            _ => script,
        };
        let logged = self.record.ends(exit, tally, self.began.elapsed());
        if self.manner.quiet {
            if exit != Exit::DONE {
                // A closed standard error leaves nobody to tell.
                let _ = std::io::stderr().write_all(self.account(name, exit, journal).as_bytes());
            }
        } else {
            self.sum_up(journal)?;
        }
        logged.map(|()| exit)
    }

    /// Nothing was tried.
    pub fn give_up(&self, failure: &Failure) {
        // The failure is what is told, whether it could be logged or not.
        let _ = self.record.ends(failure.exit, Tally::default(), self.began.elapsed());
    }

    fn sum_up(&self, journal: &Journal) -> Result<(), Failure> {
        let tally = journal.tally();
        if tally.done + tally.failed + tally.skipped == 0 {
            return output::say("run: nothing to do");
        }
        output::say(format_args!("run: {} done, {} failed, {} skipped", tally.done, tally.failed, tally.skipped))?;
        for (jail, failed) in journal.failures() {
            Failure::new(Exit::FAILED, Teller::attributed(jail, failed)).report("jailsh");
        }
        Ok(())
    }

    /// All that the reader of a mail needs.
    fn account(&self, name: &str, exit: Exit, journal: &Journal) -> String {
        let host = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
        let tally = journal.tally();
        let mut text = format!("jailsh run: {} failed on {}, exit status {}\n", printable(name), printable(&host), exit.0);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "actions: {} done, {} failed, {} skipped", tally.done, tally.failed, tally.skipped);
        if tally.failed > 0 {
            text += "\nWhat failed:\n";
        }
        for (jail, failed) in journal.failures() {
            let _ = writeln!(text, "  {}", Teller::attributed(jail, failed));
        }
        let last = self.last.borrow();
        if !last.is_empty() {
            text += "\nThe last lines:\n";
        }
        for line in last.iter() {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "\nIt took {:.1} s and was run {}.", self.began.elapsed().as_secs_f64(), self.record.run);
        text
    }
}
