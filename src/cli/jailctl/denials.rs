//! `jailctl denials`: what jails were refused, and what was let through because it is audited.

use std::time::Duration;

use clap::Args;

use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::cli::watch::Watch;
use crate::cli::{Outcome, count};
use crate::live::clocks;
use crate::script::duration;
use crate::telemetry::trail::Lines;

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
        let mut look = Watch::new(&site, jail.map(|jail| jail.jid));
        let mut lines = Lines::new(self.shape.format(), self.shape.headings());
        let begun = clocks().0;
        let since = self.since.map_or(0, |since| begun.saturating_sub(since.as_nanos() as u64));
        look.take(since)?;
        let first = if self.follow { look.told() } else { look.rest() };
        let from = first.len().saturating_sub(self.lines.unwrap_or(first.len()));
        output::print(&lines.render(&first[from..]))?;
        if !self.follow {
            if look.lost() > 0 {
                output::complain(&format!("jailctl: {} more were counted, but not told\n", look.lost()));
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
