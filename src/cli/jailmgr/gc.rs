//! `jailmgr gc`: removes what nobody needs.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::Shape;
use crate::cli::site::Site;
use crate::jail;
use crate::telemetry;

/// Remove versions of bases that no jail needs, what killed commands left, and
/// locks of jails that are gone. Prints what, and how many bytes it took.
///
/// A base is needed by a jail that pins it, by a snapshot of one, by a jail that
/// can go back to it, and by one that runs on it.
///
/// Example: jailmgr gc --dry-run
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Gc {
    /// Only say which bases would go
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    shape: Shape,
}

impl Gc {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        self.shape.print(&telemetry::garbage(&jail::gc(&site, self.dry_run)?), false, "nothing to remove")?;
        Ok(Exit::DONE)
    }
}
