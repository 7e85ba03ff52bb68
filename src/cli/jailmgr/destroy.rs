//! `jailmgr destroy`: removes a jail with its files.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::jail;

/// Remove jails that are down, with their files and snapshots.
///
/// One that cannot be removed keeps none of the others.
///
/// Examples: jailmgr stop web && jailmgr destroy web
///           jailmgr destroy 'test-*'
///
/// Exit status: 0 done, 1 one failed or is running, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Destroy {
    /// Names of jails, or patterns
    #[arg(value_name = "NAME", required = true)]
    names: Vec<Pattern>,
}

impl Destroy {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        selection::each(&selection::names(&site, &self.names)?, |name| {
            jail::destroy(&site, name)?;
            output::say(format_args!("Destroyed jail {name}"))?;
            Ok(Exit::DONE)
        })
    }
}
