//! What the verbs on many jails share: who there is, how many at a time, and what is said while and after it is done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;

use clap::Args;

use super::Outcome;
use super::failure::{Exit, Failure};
use super::output;
use crate::fleet::{self, End, Known, Plan, Said, Summary};
use crate::jail::{Host, Observed, observe_all};
use crate::kernel::JailName;
use crate::supervise;
use crate::telemetry::printable;

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
        let known = seen.iter().map(|jail| {
            let needs = jail.spec.as_ref().map(|spec| spec.depends_on.clone()).map_err(Clone::clone);
            (jail.name.clone(), Known { needs, serves: supervise::status(host, &jail.name).is_some() })
        });
        Ok(Jails { known: known.collect(), seen })
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

/// Runs a plan and says how it goes: a line for each jail, what went wrong on standard error, and for several jails a
/// summary.
pub fn run(plan: Plan, lanes: Lanes, skipping: bool, act: &dyn Fn(&JailName) -> Said) -> Outcome {
    let mut summary = Summary::default();
    let mut told = BTreeSet::new();
    let mut unsaid = Ok(());
    let progress = Progress::new(plan.schedule.left());
    let mut ended = |name: JailName, end: End| {
        progress.clear();
        let said = match &end {
            End::Started => output::say(format_args!("Started jail {name}")),
            End::Recovered => output::say(format_args!("Started jail {name}, after cleaning up what was left of it")),
            End::AlreadyRunning => output::say(format_args!("Jail {name} is already running")),
            End::Stopped => output::say(format_args!("Stopped jail {name}")),
            End::WasDown => output::say(format_args!("Jail {name} is not running")),
            End::Failed(why) => {
                let message = if why.starts_with("jail") { why.clone() } else { format!("jail {name}: {why}") };
                // A circle has several jails and one message.
                if told.insert(message.clone()) {
                    Failure::new(Exit::FAILED, message).report("jailmgr");
                }
                Ok(())
            }
            End::Skipped(why) => {
                Failure::new(Exit::FAILED, format!("jail {name} was skipped: {why}")).report("jailmgr");
                Ok(())
            }
        };
        if unsaid.is_ok() {
            unsaid = said;
        }
        summary.add(name, end);
    };
    // A reader that went away is no reason to leave the other jails as they are.
    let done = fleet::run(plan, lanes.count(), skipping, act, &mut |names, left| progress.show(names, left), &mut ended);
    progress.clear();
    done?;
    unsaid?;
    if summary.len() > 1 {
        output::print(&printable_lines(&summary.text()))?;
    }
    Ok(if summary.is_clean() { Exit::DONE } else { Exit::FAILED })
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
