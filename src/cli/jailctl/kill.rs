//! `jailctl kill`: a signal for everybody in a jail.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::kernel::{Processes, Signal};

/// Send a signal to every process of a jail.
///
/// A service that dies of it is started again as its restart policy says; to end
/// it for good use jailmgr stop.
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
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jail = self.jail.resolve(&site)?;
        let signal = self.signal.unwrap_or(Signal::TERM);
        let reached = site.kernel.signal_all(jail.jid, signal.number())?;
        output::say(format_args!("Sent {signal} to {} of jail {}", Processes(reached), jail.name))?;
        Ok(Exit::DONE)
    }
}
