//! What the verbs on many jails share: who there is, how many at a time, and what is said while and after it is done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;

use super::Outcome;
use super::failure::{Exit, Failure};
use super::output::{self, Shape};
use crate::fleet::{self, End, Known, Plan, Said, Service, Summary};
use crate::jail::{Host, Observed, observe, observe_all};
use crate::kernel::JailName;
use crate::supervise::{self, Started};
use crate::telemetry::{self, Format, printable};

/// Starting and stopping is mostly waiting, so a processor has room for several.
const LANES_PER_CORE: usize = 4;
const MAX_LANES: usize = 256;

/// How many jails are worked on at a time.
#[derive(Debug, Clone, Copy, Args)]
pub struct Lanes {
    /// Jails to work on at a time [default: 4 for each processor]
    #[arg(short = 'j', long = "jobs", value_name = "N", value_parser = lanes)]
    jobs: Option<usize>,
}

impl Lanes {
    fn count(self) -> usize {
        self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get) * LANES_PER_CORE)
    }
}

fn lanes(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is no number from 1 to {MAX_LANES}");
    text.parse().ok().filter(|count| (1..=MAX_LANES).contains(count)).ok_or_else(wrong)
}

/// The jails of this host.
pub struct Jails {
    pub known: BTreeMap<JailName, Known>,
    seen: Vec<Observed>,
}

impl Jails {
    pub fn of(host: &Host) -> Result<Jails, Failure> {
        let seen = observe_all(host)?;
        let known = seen.iter().map(|jail| (jail.name.clone(), known(host, jail))).collect();
        Ok(Jails { known, seen })
    }

    /// Those that are named and what they need: who starts one jail of a thousand does not look at the others. All, where
    /// one of them cannot be looked at: then names that are near have to be told.
    pub fn needed_by(host: &Host, names: &BTreeSet<JailName>) -> Result<Jails, Failure> {
        let mut jails = Jails { known: BTreeMap::new(), seen: Vec::new() };
        let mut open: Vec<JailName> = names.iter().cloned().collect();
        while let Some(name) = open.pop() {
            if jails.known.contains_key(&name) {
                continue;
            }
            let Ok(jail) = observe(host, &name) else { return Jails::of(host) };
            let found = known(host, &jail);
            open.extend(found.needs.iter().flatten().cloned());
            jails.known.insert(name, found);
            jails.seen.push(jail);
        }
        Ok(jails)
    }

    /// Those to start at boot. One whose spec cannot be read may be one of them: starting it says so.
    pub fn with_autostart(&self) -> BTreeSet<JailName> {
        self.names(|jail| jail.spec.as_ref().map_or(true, |spec| spec.autostart))
    }

    /// Those that the kernel knows.
    pub fn up(&self) -> BTreeSet<JailName> {
        self.names(|jail| jail.kernel.is_some())
    }

    fn names(&self, wanted: impl Fn(&Observed) -> bool) -> BTreeSet<JailName> {
        self.seen.iter().filter(|jail| wanted(jail)).map(|jail| jail.name.clone()).collect()
    }
}

fn known(host: &Host, jail: &Observed) -> Known {
    let needs = jail.spec.as_ref().map(|spec| spec.depends_on.clone()).map_err(Clone::clone);
    Known { needs, service: service(host, &jail.name) }
}

/// How far a jail's service is, as its supervisor says.
pub fn service(host: &Host, name: &JailName) -> Service {
    match supervise::status(host, name) {
        None => Service::Down,
        Some(status) if status.state == "running" && status.services.iter().all(|service| service.ready) => Service::Ready,
        Some(_) => Service::Unready,
    }
}

/// How long a service that runs already may be in back-off or fail its checks before it is given up on, as far as
/// those who need it are concerned.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// Starts a jail. One that runs already is waited for until it is ready.
pub fn start(host: &Host, name: &JailName) -> Said {
    match supervise::start(host, name) {
        Ok(Started::Started(_)) => Said::Started,
        Ok(Started::Recovered(_)) => Said::Recovered,
        Ok(Started::AlreadyRunning(_)) => until_ready(host, name),
        Err(error) => Said::Failed(error.to_string()),
    }
}

fn until_ready(host: &Host, name: &JailName) -> Said {
    let end = Instant::now() + PATIENCE;
    loop {
        let why = match (service(host, name), supervise::status(host, name)) {
            (Service::Ready, _) => return Said::AlreadyRunning,
            (_, Some(status)) => {
                let last = status.last_exit.map_or(String::new(), |how| format!(" ({how})"));
                format!("jail {name} runs but is not ready: its service is in state {}{last}", status.state)
            }
            (_, None) => format!("jail {name} has lost its supervisor; jailmgr restart takes over"),
        };
        if Instant::now() >= end {
            return Said::Unready(why);
        }
        sleep(PAUSE);
    }
}

/// How one verb works on many jails, and what is said of it.
#[derive(Debug, Clone, Copy, Args)]
pub struct Report {
    #[command(flatten)]
    lanes: Lanes,
    #[command(flatten)]
    shape: Shape,
}

impl Report {
    /// Runs a plan and says how it goes: a line for each jail, what went wrong on standard error, and for several jails a
    /// summary. For programs the summary alone, of every jail.
    pub fn run(self, plan: Plan, skipping: bool, act: &dyn Fn(&JailName) -> Said) -> Outcome {
        let mut told = Told::new(self);
        told.run(plan, skipping, act, &|_| true)?;
        told.finish()
    }
}

/// What was said so far.
pub struct Told {
    report: Report,
    summary: Summary,
    failures: BTreeSet<String>,
    unsaid: Result<(), Failure>,
}

impl Told {
    pub fn new(report: Report) -> Told {
        Told { report, summary: Summary::default(), failures: BTreeSet::new(), unsaid: Ok(()) }
    }

    /// Runs a plan; `counts` are the ends that are told and part of the summary.
    pub fn run(
        &mut self,
        plan: Plan,
        skipping: bool,
        act: &dyn Fn(&JailName) -> Said,
        counts: &dyn Fn(&End) -> bool,
    ) -> Result<(), Failure> {
        let progress = Progress::new(plan.schedule.left());
        let lanes = self.report.lanes.count();
        let mut ended = |name: JailName, end: End| {
            progress.clear();
            if counts(&end) {
                self.tell(name, end);
            }
        };
        // A reader that went away is no reason to leave the other jails as they are.
        let done = fleet::run(plan, lanes, skipping, act, &mut |names, left| progress.show(names, left), &mut ended);
        progress.clear();
        Ok(done?)
    }

    fn tell(&mut self, name: JailName, end: End) {
        match &end {
            End::Failed(why) => {
                let message = if why.starts_with("jail") { why.clone() } else { format!("jail {name}: {why}") };
                // A circle has several jails and one message.
                if self.failures.insert(message.clone()) {
                    Failure::new(Exit::FAILED, message).report("jailmgr");
                }
            }
            End::Skipped(why) => Failure::new(Exit::FAILED, format!("jail {name} was skipped: {why}")).report("jailmgr"),
            _ => {}
        }
        let line = match &end {
            End::Started => format!("Started jail {name}"),
            End::Recovered => format!("Started jail {name}, after cleaning up what was left of it"),
            End::AlreadyRunning => format!("Jail {name} is already running"),
            End::Restarted => format!("Restarted jail {name}"),
            End::Stopped => format!("Stopped jail {name}"),
            End::WasDown => format!("Jail {name} is not running"),
            End::Failed(_) | End::Skipped(_) => String::new(),
        };
        if self.report.shape.format() == Format::Text && !line.is_empty() && self.unsaid.is_ok() {
            self.unsaid = output::say(line);
        }
        self.summary.add(name, end);
    }

    /// The summary and the exit status.
    pub fn finish(self) -> Outcome {
        self.unsaid?;
        match self.report.shape.format() {
            Format::Text if self.summary.len() > 1 => output::print(&printable_lines(&self.summary.text()))?,
            Format::Text => {}
            _ => self.report.shape.print(&telemetry::ends(&self.summary), false, "no jails")?,
        }
        Ok(if self.summary.is_clean() { Exit::DONE } else { Exit::FAILED })
    }

    /// The jails of which something went wrong.
    pub fn failed(&self) -> BTreeSet<JailName> {
        self.summary.ends().iter().filter(|(_, end)| end.reason().is_some()).map(|(name, _)| name.clone()).collect()
    }
}

fn printable_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", printable(line))).collect()
}

/// One line on a terminal that shows who is being worked on; nothing anywhere else.
struct Progress {
    total: usize,
    is_shown: bool,
}

impl Progress {
    /// Names that fit on any terminal.
    const MAX_NAMES: usize = 48;

    fn new(total: usize) -> Progress {
        Progress { total, is_shown: total > 1 && std::io::stderr().is_terminal() }
    }

    fn show(&self, names: &[&JailName], left: usize) {
        let mut text = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
        if text.len() > Self::MAX_NAMES {
            text.truncate(Self::MAX_NAMES);
            text.push_str("...");
        }
        self.write(&format!("[{}/{}] {text}", self.total - left, self.total));
    }

    fn clear(&self) {
        self.write("");
    }

    fn write(&self, text: &str) {
        if self.is_shown {
            // A terminal that went away misses nothing that matters.
            let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_lanes_is_within_bounds() {
        assert_eq!((lanes("1"), lanes("256")), (Ok(1), Ok(256)));
        for wrong in ["0", "257", "-1", "many", ""] {
            assert!(lanes(wrong).is_err(), "{wrong}");
        }
    }
}
