//! `jailsh profile`: looks at profiles and puts them to the proof.

mod check;
mod diff;
mod probes;
mod show;
pub mod source;

use clap::{Args, Subcommand};

use crate::cli::Outcome;
use crate::cli::options::Common;

/// Show and compare profiles, and check that they allow and deny what they
/// promise.
///
/// A PROFILE is the name of one of std/profiles, a script FILE.rhai (each of its
/// functions without parameters that gives a profile), or a FILE.toml as jail.toml.
///
/// Example: jailsh profile check web_server
///
/// Exit status: 0 done, 1 a promise does not hold, 64 wrong use, 65 no profile,
/// 66 no such file, 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, disable_help_subcommand = true)]
pub struct Profile {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Show(show::Show),
    Diff(diff::Diff),
    Probes(probes::Probes),
}

impl Profile {
    pub fn run(self, common: &Common) -> Outcome {
        match self.verb {
            Verb::Check(check) => check.run(common),
            Verb::Show(show) => show.run(),
            Verb::Diff(diff) => diff.run(),
            Verb::Probes(probes) => probes.run(),
        }
    }
}
