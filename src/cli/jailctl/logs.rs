//! `jailctl logs`: what a service wrote last.

use std::time::Duration;

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::cli::{Outcome, count};
use crate::jail::observe;
use crate::supervise;
use crate::telemetry::Lines;

/// Between two looks at the log.
const STEP: Duration = Duration::from_millis(200);

/// Show the last lines that a jail's service and its supervisor wrote.
///
/// The supervisor keeps at most 256 KiB of them, from the jail's start until it
/// is taken down; syslog has them all. Control characters are escaped, lines
/// that were lost are counted. JSON is one map a line.
///
/// Examples: jailctl logs -n 20 web
///           jailctl logs -f web
///
/// Exit status: 0 done, 1 failed or no log, 64 wrong use, 69 the kernel cannot
/// do it, 77 not root, 130 interrupted.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Logs {
    /// Wait for further lines, until the jail is taken down
    #[arg(short, long)]
    follow: bool,
    /// No more than the last N lines
    #[arg(short = 'n', long, value_name = "N", value_parser = count::any)]
    lines: Option<usize>,
    #[command(flatten)]
    shape: Shape,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Logs {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let name = self.jail.name(&site)?;
        observe(&site, &name)?;
        let log = supervise::log(&site, &name).and_then(|mut log| Some((log.read()?, log)));
        let Some((records, mut log)) = log else {
            let why = format!("jail {name} has no log: it is kept from the start of its service until the jail is taken down");
            return Err(Failure::new(Exit::FAILED, why));
        };
        let mut lines = Lines::new(self.shape.format(), self.shape.headings());
        let from = records.len() - self.lines.unwrap_or(records.len()).min(records.len());
        output::print(&lines.render(&records[from..]))?;
        let mut is_over = !self.follow;
        while !is_over {
            std::thread::sleep(STEP);
            // Asked before the last look, so that nothing comes after it.
            is_over = log.is_over();
            output::print(&lines.render(&log.read().unwrap_or_default()))?;
        }
        Ok(Exit::DONE)
    }
}
