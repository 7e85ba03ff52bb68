//! `jailctl stats`: a snapshot of all jails.

use clap::Args;

use super::Outcome;
use super::failure::Exit;
use super::host::{self, Target};
use super::output::Shape;
use crate::kernel::Kernel;
use crate::telemetry;

/// Show a snapshot of all jails, or of one.
///
/// Ticks of CPU time of the last second and of the last ten, processes,
/// references and virtual memory.
///
/// Example: jailctl stats -v
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Stats {
    /// Add the root and the number of denials
    #[arg(short, long, conflicts_with_all = ["output", "json", "tsv"])]
    verbose: bool,
    #[command(flatten)]
    shape: Shape,
    /// Name or jid [default: all]
    #[arg(value_name = "NAME|JID")]
    jail: Option<Target>,
}

impl Stats {
    pub fn run(self) -> Outcome {
        let kernel = host::kernel()?;
        let jid = self.jail.map(|jail| jail.resolve(&kernel)).transpose()?.map(|jail| jail.jid);
        self.shape.print(&telemetry::stats(&kernel.stats(jid)?), self.verbose, "no jails")?;
        Ok(Exit::DONE)
    }
}
