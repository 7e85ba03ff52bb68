//! `jailsh` alone on a terminal: the REPL.

use std::io::IsTerminal;
use std::sync::Arc;

use super::script::{self, Settings};
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Plan;
use crate::cli::{Outcome, input, output};
use crate::kernel::BodyChoice;
use crate::repl;
use crate::script::Mode;

/// Nothing was named, and somebody sits at both ends.
pub fn is_wanted() -> bool {
    !input::is_piped() && std::io::stdout().is_terminal()
}

pub fn run(common: &Common, settings: Settings) -> Outcome {
    let session = script::session(common, Mode::Act)?;
    let with = repl::Settings {
        limits: settings.limits(),
        module_path: settings.modules(),
        colour: output::colour(),
        open: another(common)?,
    };
    let status = repl::run(&session, with).map_err(|why| Failure::new(Exit::FAILED, why))?;
    Ok(Exit(status))
}

/// A simulation has no second one, and who is not root sees no jails.
fn another(common: &Common) -> Result<Option<repl::Open>, Failure> {
    let plan = Plan::new(common)?;
    if plan.kernel == BodyChoice::Sim || !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let open = move || Ok(plan.open().map_err(|error| error.to_string())?.host.clone());
    Ok(Some(Arc::new(open)))
}
