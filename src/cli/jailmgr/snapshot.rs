//! `jailmgr snapshot`: takes, lists and deletes snapshots.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::progress::{Progress, size};
use crate::cli::site::Site;
use crate::jail::{self, Label};
use crate::kernel::JailName;
use crate::telemetry;

/// Take a snapshot of a jail's data and settings, or list or delete them.
///
/// The jail must be down; with --live it is frozen meanwhile, and its files are
/// as after a loss of power. Blocks are shared with the jail's files where the
/// file system can do so (btrfs, XFS), else they are copied.
///
/// Example: jailmgr snapshot web before-upgrade
/// Example: jailmgr snapshot --list web
///
/// Exit status: 0 done, 1 failed or running, 64 wrong use, 69 the kernel cannot
/// do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Snapshot {
    /// List the snapshots of the jail
    #[arg(short, long, conflicts_with_all = ["snapshot", "delete", "live"])]
    list: bool,
    /// Delete this snapshot
    #[arg(long, requires = "snapshot", conflicts_with = "live")]
    delete: bool,
    /// Freeze the jail if it runs, and copy it as it is
    #[arg(long)]
    live: bool,
    /// Name of the jail
    name: JailName,
    /// Name of the snapshot [default: the time in UTC]
    snapshot: Option<Label>,
    #[command(flatten)]
    shape: Shape,
}

impl Snapshot {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let name = &self.name;
        if self.list {
            self.shape.print(&telemetry::snapshots(&jail::snapshots(&site, name)?), false, "no snapshots")?;
            return Ok(Exit::DONE);
        }
        let label = self.snapshot.unwrap_or_else(|| telemetry::stamp(telemetry::now()).parse().expect("letters and digits"));
        if self.delete {
            jail::delete_snapshot(&site, name, &label)?;
            output::say(format_args!("Deleted snapshot {label} of jail {name}"))?;
            return Ok(Exit::DONE);
        }
        let mut progress = Progress::new("copying");
        let (_, tally) = jail::snapshot(&site, name, &label, self.live, &mut |tally| progress.show(tally))?;
        drop(progress);
        let way = if tally.shared_files > 0 { "blocks shared" } else { "plain copies" };
        let (entries, bytes) = (tally.entries, size(tally.bytes));
        output::say(format_args!("Took snapshot {label} of jail {name}: {entries} files, {bytes}, {way}"))?;
        Ok(Exit::DONE)
    }
}
