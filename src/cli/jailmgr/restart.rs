//! `jailmgr restart`: stops jails and starts them again.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::jail::observe_all;
use crate::supervise;

/// Stop jails and start them again, with their specs as they are now.
///
/// A jail that is down is started. One whose spec is wrong is left as it is.
///
/// Examples: jailmgr restart web
///           jailmgr restart 'web-*'
///
/// Exit status: 0 all run, 1 one failed, 64 wrong use, 69 the kernel cannot do
/// it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Restart {
    /// All jails that are up
    #[arg(long, conflicts_with = "names", required_unless_present = "names")]
    all: bool,
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl Restart {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut exit = Exit::DONE;
        let names = match self.all {
            true => observe_all(&site)?.into_iter().filter(|seen| seen.kernel.is_some()).map(|seen| seen.name).collect(),
            false => selection::names(&site, &self.names)?,
        };
        for name in &names {
            match supervise::restart(&site, name) {
                Ok(_) => output::say(format_args!("Restarted jail {name}"))?,
                Err(error) => {
                    Failure::from(error).report("jailmgr");
                    exit = Exit::FAILED;
                }
            }
        }
        Ok(exit)
    }
}
