//! `jailmgr status`: how the jails and their services are doing.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::Shape;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::telemetry::{self, Observation};

/// Show the state of jails and their services: since when, how often restarted,
/// how the service last ended.
///
/// Examples: jailmgr status web
///           jailmgr status -o json 'web-*'
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Status {
    /// All jails, which is the default
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Names of jails, or patterns [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
    #[command(flatten)]
    shape: Shape,
}

impl Status {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let seen = match self.all || self.names.is_empty() {
            true => Observation::all(&site)?,
            false => {
                let names = selection::names(&site, &self.names)?;
                names.iter().map(|name| Observation::one(&site, name)).collect::<Result<_, _>>()?
            }
        };
        self.shape.print(&telemetry::status(&seen, telemetry::now()), false, "no jails")?;
        Ok(Exit::DONE)
    }
}
