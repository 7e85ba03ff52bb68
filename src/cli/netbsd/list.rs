//! `jailctl list`: the jails in the kernel.

use clap::Args;

use super::failure::Exit;
use super::output::Shape;
use super::{Outcome, host};
use crate::kernel::Kernel;
use crate::telemetry;

/// List the jails in the kernel.
///
/// Example: jailctl list -o json
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
    pub fn run(self) -> Outcome {
        self.shape.print(&telemetry::jails(&host::kernel()?.stats(None)?, |_| None), false, "no jails")?;
        Ok(Exit::DONE)
    }
}
