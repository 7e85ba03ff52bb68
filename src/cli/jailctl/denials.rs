//! `jailctl denials`: what jails were refused, and what was let through because it is audited.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::cli::{Outcome, count};
use crate::kernel::Jid;
use crate::live::clocks;
use crate::script::duration;
use crate::telemetry::trail::{Entry, Lines, Trail};

/// Between two looks at what the kernel tells.
const STEP: Duration = Duration::from_millis(250);

/// Show what jails were denied last, and uses of audited rights, which were let
/// through: who did what, on which object, how often.
///
/// The kernel keeps the last ones, some two thousand of all jails together;
/// equal ones within a second are one line. LOST are denials before a line
/// that were counted but not told: more than 200 a second of one jail, or more
/// than nobody read. JSON is one map a line, which jailsh why --replay and
/// jailsh learn --from take.
///
/// Examples: jailctl denials web
///           jailctl denials -f -o json > trail
///
/// Exit status: 0 done, 1 failed or the body tells none, 64 wrong use, 69 the
/// kernel cannot do it, 77 not root, 130 interrupted.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Denials {
    /// Wait for further ones
    #[arg(short, long)]
    follow: bool,
    /// None older than TIME (30s, 10m, 2h)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    since: Option<Duration>,
    /// At first no more than the last N lines
    #[arg(short = 'n', long, value_name = "N", value_parser = count::any)]
    lines: Option<usize>,
    #[command(flatten)]
    shape: Shape,
    /// Name or jid; without it those of all jails
    #[arg(value_name = "NAME|JID")]
    jail: Option<Target>,
}

impl Denials {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jail = self.jail.as_ref().map(|jail| jail.resolve(&site)).transpose()?;
        let mut look = Look { site: &site, names: HashMap::new(), only: jail.map(|jail| jail.jid), trail: Trail::default() };
        let mut lines = Lines::new(self.shape.format(), self.shape.headings());
        let begun = clocks().0;
        let since = self.since.map_or(0, |since| begun.saturating_sub(since.as_nanos() as u64));
        look.take(since)?;
        let first = if self.follow { look.told() } else { look.rest() };
        let from = first.len().saturating_sub(self.lines.unwrap_or(first.len()));
        output::print(&lines.render(&first[from..]))?;
        if !self.follow {
            if look.trail.lost() > 0 {
                output::complain(&format!("jailctl: {} more were counted, but not told\n", look.trail.lost()));
            }
            return Ok(Exit::DONE);
        }
        loop {
            std::thread::sleep(STEP);
            look.take(since)?;
            let told = look.told();
            output::print(&lines.render(&told))?;
        }
    }
}

struct Look<'a> {
    site: &'a Site,
    names: HashMap<Jid, String>,
    only: Option<Jid>,
    trail: Trail,
}

impl Look<'_> {
    /// Takes what the kernel has, if it is not older than `since`, by the monotonic clock in nanoseconds.
    fn take(&mut self, since: u64) -> Result<(), Failure> {
        let (found, lost) = self.site.kernel.denials()?;
        let (monotonic, wall) = clocks();
        self.trail.lose(lost);
        let wanted = |jid: Jid| self.only.is_none_or(|only| only == jid);
        if found.iter().any(|denial| !self.names.contains_key(&denial.jid)) {
            let jails = self.site.kernel.list()?;
            self.names.extend(jails.into_iter().map(|jail| (jail.jid, jail.name.to_string())));
        }
        for denial in found.iter().filter(|denial| wanted(denial.jid) && denial.when_ns >= since) {
            self.trail.add(denial, wall.saturating_sub(monotonic.saturating_sub(denial.when_ns) / 1_000_000));
        }
        Ok(())
    }

    fn told(&mut self) -> Vec<Entry> {
        let names = &self.names;
        self.trail.told(clocks().1, |jid| named(names, jid))
    }

    fn rest(&mut self) -> Vec<Entry> {
        let names = &self.names;
        self.trail.rest(|jid| named(names, jid))
    }
}

/// One that is gone by now is called by its number.
fn named(names: &HashMap<Jid, String>, jid: Jid) -> String {
    names.get(&jid).cloned().unwrap_or_else(|| format!("jid {jid}"))
}
