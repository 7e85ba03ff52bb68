//! `jailsh` alone on a terminal: the REPL.

use std::io::IsTerminal;

use super::script::{self, Settings};
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::{Outcome, input, output};
use crate::repl;
use crate::script::Mode;

/// Nothing was named, and somebody sits at both ends.
pub fn is_wanted() -> bool {
    !input::is_piped() && std::io::stdout().is_terminal()
}

pub fn run(common: &Common, settings: Settings) -> Outcome {
    let session = script::session(common, Mode::Act)?;
    let with = repl::Settings { limits: settings.limits(), module_path: settings.modules(), colour: output::colour() };
    let status = repl::run(&session, with).map_err(|why| Failure::new(Exit::FAILED, why))?;
    Ok(Exit(status))
}
