//! `jailctl list`: the jails in the kernel.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::Shape;
use crate::cli::site::Site;
use crate::telemetry;

/// List the jails in the kernel.
///
/// Examples: jailctl list
///           jailctl list -o json
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct List {
    #[command(flatten)]
    shape: Shape,
}

impl List {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        self.shape.print(&telemetry::jails(&site.kernel.stats(None)?, telemetry::uptimes(&site)), false, "no jails")?;
        Ok(Exit::DONE)
    }
}
