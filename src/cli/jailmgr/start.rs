//! `jailmgr start`: starts jails and their services.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::Outcome;
use crate::cli::fleet::{self, Lanes};
use crate::cli::options::Common;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::fleet::{Said, starting};
use crate::jail::observe;
use crate::kernel::JailName;
use crate::supervise::{self, Started};

/// Start jails with their services, several at a time, each after those of its
/// depends_on.
///
/// Returns when each service runs or has failed. Other jails are started even
/// if one fails; those that need it are skipped. What a named jail needs is
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
    lanes: Lanes,
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl Start {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jails = fleet::Jails::of(&site)?;
        let chosen: BTreeSet<JailName> = match self.all {
            true => jails.with_autostart(),
            false => selection::names(&site, &self.names)?.into_iter().collect(),
        };
        for name in &chosen {
            if !jails.known.contains_key(name) {
                // Says which name is near.
                observe(&site, name)?;
            }
        }
        let plan = starting(&jails.known, chosen, !self.all);
        fleet::run(plan, self.lanes, true, &|name| match supervise::start(&site, name) {
            Ok(Started::Started(_)) => Said::Started,
            Ok(Started::Recovered(_)) => Said::Recovered,
            Ok(Started::AlreadyRunning(_)) => Said::AlreadyRunning,
            Err(error) => Said::Failed(error.to_string()),
        })
    }
}
