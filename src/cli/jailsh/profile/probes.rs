//! `jailsh profile probes`: what a profile can promise something of.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::output::Shape;
use crate::telemetry;

/// List the probes that must_allow and must_deny can name besides rights, and the
/// right that each turns on.
///
/// Example: jailsh profile probes
///
/// Exit status: 0 done, 64 wrong use.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Probes {
    #[command(flatten)]
    shape: Shape,
}

impl Probes {
    pub fn run(self) -> Outcome {
        self.shape.print(&telemetry::probes(), false, "")?;
        Ok(Exit::DONE)
    }
}
