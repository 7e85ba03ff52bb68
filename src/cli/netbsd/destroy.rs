//! `jailctl destroy`: removes a jail from the kernel.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::Outcome;
use super::failure::{Exit, Failure};
use super::host::{self, Target};
use crate::jail::take_down;
use crate::kernel::Kernel;
use crate::supervise;

/// How long members may take to end after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(10);

/// Remove a jail without members, with its mounts.
///
/// What its root directory holds stays.
///
/// Refused while a process is in the jail or a supervisor holds it, but with
/// --stop, which ends both first.
///
/// Example: jailctl destroy --stop web
///
/// Exit status: 0 done, 1 failed or busy, 64 wrong use, 69 the kernel cannot do
/// it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Destroy {
    /// End its supervisor, its service and all other members first
    #[arg(long)]
    stop: bool,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Destroy {
    pub fn run(self) -> Outcome {
        let kernel = host::kernel()?;
        let jail = self.jail.resolve(&kernel)?;
        if self.stop {
            supervise::stop(&jail.name)?;
            kernel.kill_all(jail.jid, PATIENCE)?;
        } else if let Some(pid) = supervise::supervisor(&jail.name)? {
            let why = format!("jail {0} is supervised by pid {pid}; use jailctl destroy --stop {0}", jail.name);
            return Err(Failure::new(Exit::FAILED, why));
        }
        // The kernel decides, in one step, that nobody is inside; only then are the mounts taken away.
        kernel.destroy(jail.jid)?;
        take_down(Path::new(&jail.root))?;
        Ok(Exit::DONE)
    }
}
