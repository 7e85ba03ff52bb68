//! `jailctl wait`: until a jail is in a state.

use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::script::duration;
use crate::telemetry::{self, Awaited, Waited};

/// As timeout(1).
const TIMED_OUT: Exit = Exit(124);

/// Wait until a jail is in a state.
///
/// Waiting for running ends with a failure when the service has been given up.
///
/// Examples: jailctl wait web --for running --timeout 10
///           jailctl wait job && echo over
///
/// Exit status: 0 it is, 1 it cannot be or failed, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root, 124 not in time.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Wait {
    /// Give up after this long (90, 500ms, 2m, 1h)
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// State to wait for
    #[arg(long = "for", value_name = "STATE", value_enum, default_value_t = Awaited::Stopped)]
    state: Awaited,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl ValueEnum for Awaited {
    fn value_variants<'a>() -> &'a [Self] {
        &Awaited::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.means()))
    }
}

impl Wait {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let name = self.jail.name(&site)?;
        match telemetry::wait(&site, &name, self.state, self.timeout, || false)? {
            Waited::Met(_) => Ok(Exit::DONE),
            Waited::Failed(why) => {
                Err(Failure::new(Exit::FAILED, format!("jail {name} has failed: {why}; see jailctl logs {name}")))
            }
            Waited::Still(state) => Err(Failure::new(TIMED_OUT, format!("jail {name} is still {state}"))),
        }
    }
}
