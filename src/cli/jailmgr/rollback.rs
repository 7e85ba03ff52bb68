//! `jailmgr rollback`: brings a jail back to a snapshot.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::site::Site;
use crate::jail::{self, Label};
use crate::kernel::JailName;

/// Bring a jail that is down back to a snapshot, its data and its settings.
///
/// It is the old jail or the new one at any instant, also after a crash. What
/// changed since is lost, unless you take a snapshot of it first. All snapshots
/// stay.
///
/// Example: jailmgr stop web && jailmgr rollback web before-upgrade
///
/// Exit status: 0 done, 1 failed or running, 64 wrong use, 69 the kernel cannot
/// do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Rollback {
    /// Name of the jail
    name: JailName,
    /// Name of the snapshot
    snapshot: Label,
}

impl Rollback {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut progress = Progress::new("copying");
        jail::rollback(&site, &self.name, &self.snapshot, &mut |tally| progress.show(tally))?;
        drop(progress);
        output::say(format_args!("Rolled jail {} back to snapshot {}", self.name, self.snapshot))?;
        Ok(Exit::DONE)
    }
}
