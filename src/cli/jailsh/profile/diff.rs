//! `jailsh profile diff`: what changes from one profile to another.

use clap::Args;

use super::source;
use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::output;

/// Show what changes from one profile to another, by effect: + for a right or a
/// promise that is new, - for one that is gone, ~ for another reason.
///
/// Example: jailsh profile diff high web_server
///
/// Exit status: 0 no difference, 1 some, 64 wrong use, 65 no profile, 66 no such
/// file.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Diff {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A name of std/profiles, FILE.rhai or FILE.toml with one profile
    from: String,
    /// The same
    to: String,
}

impl Diff {
    pub fn run(self) -> Outcome {
        let ((_, from), (_, to)) = (source::one(&self.from)?, source::one(&self.to)?);
        let diff = from.diff(&to);
        if self.json {
            output::json(&diff)?;
        } else {
            diff.lines().iter().try_for_each(output::say)?;
        }
        Ok(if diff.is_empty() { Exit::DONE } else { Exit::FAILED })
    }
}
