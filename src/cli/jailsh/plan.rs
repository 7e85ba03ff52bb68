//! `jailsh plan`: what a script would change.

use std::ffi::OsString;

use clap::Args;

use super::script::{self, Settings};
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::{Outcome, output};
use crate::plan::{self, Counts, Digest, Document};
use crate::script::Mode;
use crate::telemetry;

/// Show what a script would change, and change nothing.
///
/// The script runs to its end, but what its verbs decide on is written down,
/// not done. Commands are listed as `would run`; using what one would say is an
/// error, unless it has a guard (creates, unless, onlyif). Guards are run, in
/// jails that are up: they must not change anything. What the script prints goes
/// to standard error.
///
/// The plan of --json holds all it takes to do exactly that later, with
/// `jailsh run --plan`, and on what it rests: files with their sums, facts,
/// names of secrets, never their content.
///
/// Example: jailsh plan site.rhai && echo nothing to do
///
/// Exit status: 0 everything is as it should be, 2 something would change, and
/// as for running a script.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Plan {
    /// Print the plan as a file that `jailsh run --plan` takes
    #[arg(long)]
    json: bool,
    /// Say nothing, only exit
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// The script and its arguments; - is standard input
    #[arg(required = true, value_names = ["FILE", "ARGS"], num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    script: Vec<OsString>,
}

impl Plan {
    pub fn run(self, common: &Common, settings: Settings) -> Outcome {
        let script = script::from_file(self.script)?;
        let source = plan::Source { name: script.name.clone(), sha256: Digest::of(&script.text), args: script.arguments.clone() };
        let session = script::session(common, Mode::Plan)?;
        let exit = script::evaluate(&session, settings, script);
        if exit != Exit::DONE {
            return Ok(exit);
        }
        let planned = session.planned();
        let counts = Counts::of(&planned.actions);
        let drift = if counts.total() == 0 { Exit::DONE } else { Exit::DRIFT };
        if self.json {
            let host = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
            let provenance = session.provenance.borrow().clone();
            let document = Document::new(telemetry::now(), host, source, provenance, planned.facts, planned.actions);
            output::print(&document.to_json())?;
        } else if !self.quiet {
            output::print(&plan::listing(&planned.actions))?;
            output::say(match counts.total() {
                0 => "plan: nothing to do".to_owned(),
                1 => format!("plan: 1 action: {counts}"),
                total => format!("plan: {total} actions: {counts}"),
            })?;
        }
        Ok(drift)
    }
}
