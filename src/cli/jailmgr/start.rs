//! `jailmgr start`: starts jails and their services.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::jail::observe_all;
use crate::supervise::{self, Started};

/// Start jails with their services.
///
/// Returns when each service runs or has failed. Other jails are started even
/// if one fails.
///
/// Examples: jailmgr start --all
///           jailmgr start 'web-*'
///
/// Exit status: 0 all run, 1 one failed, 64 wrong use, 69 the kernel cannot do
/// it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Start {
    /// All jails with autostart
    #[arg(long, conflicts_with = "names", required_unless_present = "names")]
    all: bool,
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl Start {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut exit = Exit::DONE;
        let mut names = selection::names(&site, &self.names)?;
        if self.all {
            for seen in observe_all(&site)? {
                match seen.spec {
                    Ok(spec) if spec.autostart => names.push(seen.name),
                    Ok(_) => {}
                    Err(why) => {
                        Failure::new(Exit::DATA, format!("jail {}: {why}", seen.name)).report("jailmgr");
                        exit = Exit::FAILED;
                    }
                }
            }
        }
        for name in &names {
            match supervise::start(&site, name) {
                Ok(Started::Started(_)) => output::say(format_args!("Started jail {name}"))?,
                Ok(Started::Recovered(_)) => {
                    output::say(format_args!("Started jail {name}, after cleaning up what was left of it"))?
                }
                Ok(Started::AlreadyRunning(_)) => output::say(format_args!("Jail {name} is already running"))?,
                Err(error) => {
                    Failure::from(error).report("jailmgr");
                    exit = Exit::FAILED;
                }
            }
        }
        Ok(exit)
    }
}
