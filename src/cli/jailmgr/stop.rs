//! `jailmgr stop`: stops jails and everything in them.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::Outcome;
use crate::cli::fleet::{self, Report};
use crate::cli::options::Common;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::fleet::{Said, stopping};
use crate::jail::observe;
use crate::kernel::JailName;
use crate::supervise::{self, Stopped};

/// Stop jails, several at a time, each after those that depend on it: the
/// service gets its stop signal and its grace, then every process left in the
/// jail is killed.
///
/// Examples: jailmgr stop web
///           jailmgr stop --all
///
/// Exit status: 0 all are down, 1 one failed, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Stop {
    /// All jails that are up
    #[arg(long, conflicts_with = "names", required_unless_present = "names")]
    all: bool,
    #[command(flatten)]
    report: Report,
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl Stop {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jails = fleet::Jails::of(&site)?;
        let chosen: BTreeSet<JailName> = match self.all {
            true => jails.up(),
            false => selection::names(&site, &self.names)?.into_iter().collect(),
        };
        for name in &chosen {
            if !jails.known.contains_key(name) {
                observe(&site, name)?;
            }
        }
        let plan = stopping(&jails.known, chosen);
        self.report.run(plan, false, &|name| match supervise::stop(&site, name) {
            Ok(Stopped::Stopped) => Said::Stopped,
            Ok(Stopped::WasDown) => Said::WasDown,
            Err(error) => Said::Failed(error.to_string()),
        })
    }
}
