//! `jailmgr stop`: stops jails and everything in them.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::jail::observe_all;
use crate::supervise::{self, Stopped};

/// Stop jails: the service gets its stop signal and its grace, then every
/// process left in the jail is killed.
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
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl Stop {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut exit = Exit::DONE;
        let names = match self.all {
            true => observe_all(&site)?.into_iter().filter(|seen| seen.kernel.is_some()).map(|seen| seen.name).collect(),
            false => selection::names(&site, &self.names)?,
        };
        for name in &names {
            match supervise::stop(&site, name) {
                Ok(Stopped::Stopped) => output::say(format_args!("Stopped jail {name}"))?,
                Ok(Stopped::WasDown) => output::say(format_args!("Jail {name} is not running"))?,
                Err(error) => {
                    Failure::from(error).report("jailmgr");
                    exit = Exit::FAILED;
                }
            }
        }
        Ok(exit)
    }
}
