//! `jailmgr list`: the jails of the data directory.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::Shape;
use crate::cli::site::Site;
use crate::telemetry::{self, Observation};

/// List the jails of this host, running or not.
///
/// Example: jailmgr list -v
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct List {
    /// Add jid, profile, ports and state
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    shape: Shape,
}

impl List {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        self.shape.print(&telemetry::manager(&Observation::all(&site)?), self.verbose, "no jails")?;
        Ok(Exit::DONE)
    }
}
