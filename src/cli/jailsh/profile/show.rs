//! `jailsh profile show`: each right, and why.

use clap::Args;

use super::source;
use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::output::{self, Shape};
use crate::telemetry;

/// Show what a profile holds: each right, what decides that, and why.
///
/// Examples: jailsh profile show web_server
///           jailsh profile show --toml web_server
///
/// Exit status: 0 done, 64 wrong use, 65 no profile, 66 no such file.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Show {
    /// Print it as a part of jail.toml
    #[arg(long, conflicts_with_all = ["output", "json", "tsv", "no_header"])]
    toml: bool,
    #[command(flatten)]
    shape: Shape,
    /// A name of std/profiles, FILE.rhai or FILE.toml with one profile
    profile: String,
}

impl Show {
    pub fn run(self) -> Outcome {
        let (_, profile) = source::one(&self.profile)?;
        if self.toml {
            output::print(&profile.to_toml())?;
        } else {
            self.shape.print(&telemetry::explanation(&profile), false, "")?;
        }
        Ok(Exit::DONE)
    }
}
