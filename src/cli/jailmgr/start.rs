//! `jailmgr start`: starts jails and their services.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::Outcome;
use crate::cli::fleet::{self, Report};
use crate::cli::options::Common;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::fleet::starting;
use crate::jail::observe;
use crate::kernel::JailName;

/// Start jails with their services, several at a time, each after those of its
/// depends_on.
///
/// Returns when each service is ready or has failed. Other jails are started
/// even if one fails, or runs and does not become ready; those that need it are
/// skipped. What a named jail needs is
/// started too; --all starts no jail without autostart.
///
/// Examples: jailmgr start --all
///           jailmgr start 'web-*'
///
/// Exit status: 0 all run, 1 one failed or was skipped, 64 wrong use, 69 the
/// kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Start {
    /// All jails with autostart
    #[arg(long, conflicts_with = "names", required_unless_present = "names")]
    all: bool,
    #[command(flatten)]
    report: Report,
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl Start {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let (jails, chosen) = if self.all {
            let jails = fleet::Jails::of(&site)?;
            let chosen = jails.with_autostart();
            (jails, chosen)
        } else {
            let chosen: BTreeSet<JailName> = selection::names(&site, &self.names)?.into_iter().collect();
            (fleet::Jails::needed_by(&site, &chosen)?, chosen)
        };
        for name in &chosen {
            if !jails.known.contains_key(name) {
                // Says which name is near.
                observe(&site, name)?;
            }
        }
        let plan = starting(&jails.known, chosen, !self.all);
        self.report.run(plan, true, &|name| fleet::start(&site, name))
    }
}
