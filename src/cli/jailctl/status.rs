//! `jailctl status`: how jails and their services are doing.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::Shape;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::telemetry::{self, Observation};

/// Show the state of jails and their services: since when, how often restarted,
/// how the service last ended and why. Without a name, of all jails in the
/// kernel.
///
/// The state is the supervisor's: starting, running, backoff, stopping, stopped
/// or failed; orphaned if it was killed, up without one, down if the jail is not
/// in the kernel.
///
/// Examples: jailctl status
///           jailctl status -o json web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Status {
    /// Names or jids [default: all]
    #[arg(value_name = "NAME|JID")]
    jails: Vec<Target>,
    #[command(flatten)]
    shape: Shape,
}

impl Status {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut seen = Vec::new();
        if self.jails.is_empty() {
            seen = Observation::all(&site)?;
            seen.retain(|seen| seen.jail.kernel.is_some());
        }
        for jail in &self.jails {
            let name = jail.name(&site)?;
            seen.push(Observation::one(&site, &name).map_err(Failure::from)?);
        }
        self.shape.print(&telemetry::status(&seen, telemetry::now()), false, "no jails")?;
        Ok(Exit::DONE)
    }
}
