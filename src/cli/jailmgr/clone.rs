//! `jailmgr clone`: a new jail from another one.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::site::Site;
use crate::jail::{self, CloneRequest, Label};
use crate::kernel::{JailName, Reservation};

/// Make a new jail from another one's data and settings.
///
/// A port has one owner, so the new jail has the ports that -r gives, and none
/// of the old ones. The old jail must be down, or frozen meanwhile with --live,
/// or the data is taken from one of its snapshots.
///
/// Example: jailmgr clone -r 8081 web staging
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Clone {
    /// Ports that only the new jail may bind, as 8080, 53/udp, 127.0.0.2:53, 5000-5010; repeatable
    #[arg(short = 'r', long, value_name = "PORT[,PORT..]", value_delimiter = ',')]
    reserve: Vec<Reservation>,
    /// Take the data of this snapshot
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "live")]
    snapshot: Option<Label>,
    /// Freeze the jail if it runs, and copy it as it is
    #[arg(long)]
    live: bool,
    /// Name of the jail to copy
    from: JailName,
    /// Name of the new jail
    to: JailName,
}

impl Clone {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut progress = Progress::new("cloning");
        let Clone { reserve: ports, snapshot, live, from, to } = self;
        let request = CloneRequest { from, to, snapshot, ports, live };
        let cloned = jail::clone(&site, &request, &mut |tally| progress.show(tally))?;
        drop(progress);
        output::say(format_args!("Cloned jail {} to {}", request.from, request.to))?;
        if !cloned.dropped.is_empty() {
            let dropped: Vec<String> = cloned.dropped.iter().map(ToString::to_string).collect();
            output::say(format_args!("  not its own: port {}, which {} keeps", dropped.join(", "), request.from))?;
        }
        Ok(Exit::DONE)
    }
}
