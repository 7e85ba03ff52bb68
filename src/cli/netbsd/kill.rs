//! `jailctl kill`: a signal for everybody in a jail.

use clap::Args;

use super::failure::Exit;
use super::host::{self, Target};
use super::{Outcome, output};
use crate::kernel::{Kernel, Processes, Signal};

/// Send a signal to every process of a jail.
///
/// A service that dies of it is started again by its supervisor; to end it for
/// good use jailctl destroy --stop.
///
/// Example: jailctl kill -s HUP web
///
/// Exit status: 0 sent, also to nobody, 1 failed, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Kill {
    /// Name or number of the signal [default: TERM]
    #[arg(short, long)]
    signal: Option<Signal>,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Kill {
    pub fn run(self) -> Outcome {
        let kernel = host::kernel()?;
        let jail = self.jail.resolve(&kernel)?;
        let signal = self.signal.unwrap_or(Signal::TERM);
        let reached = kernel.signal_all(jail.jid, signal.number())?;
        output::say(format_args!("Sent {signal} to {} of jail {}", Processes(reached), jail.name))?;
        Ok(Exit::DONE)
    }
}
