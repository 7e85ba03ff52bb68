//! `jailsh profile check`: do the promises hold?

use clap::Args;

use super::source;
use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::jail::proof::{self, Finding};
use crate::telemetry::{self, Format};

/// Check the must_allow and must_deny examples of profiles.
///
/// The policy judges them, without root. With --real each is tried in a jail that
/// is made for it and thrown away: RIGHT is what decides, DETAIL what the kernel
/// answered. Without PROFILE all of std/profiles are checked.
///
/// Examples: jailsh profile check
///           jailsh profile check --real ./profiles.rhai
///
/// Exit status: 0 all hold, 1 one does not, 64 wrong use, 65 no profile or no
/// example, 66 no such file, 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Check {
    /// Try the examples in a jail
    #[arg(long)]
    real: bool,
    #[command(flatten)]
    shape: Shape,
    /// A name of std/profiles, FILE.rhai or FILE.toml
    #[arg(value_name = "PROFILE")]
    profiles: Vec<String>,
}

impl Check {
    pub fn run(self, common: &Common) -> Outcome {
        let site = if self.real { Some(Site::open(common)?) } else { None };
        let mut findings: Vec<(String, Finding)> = Vec::new();
        for (name, profile) in source::named_or_all(&self.profiles)? {
            let found = match &site {
                Some(site) => proof::attempt_all(site, &profile)?,
                None => proof::judge(&profile),
            };
            findings.extend(found.into_iter().map(|finding| (name.clone(), finding)));
        }
        if findings.is_empty() {
            return Err(Failure::new(Exit::DATA, "nothing to prove; give a profile must_allow or must_deny"));
        }
        self.shape.print(&telemetry::proof(&findings), false, "")?;
        let failed = findings.iter().filter(|(_, finding)| !finding.is_met()).count();
        if self.shape.format() == Format::Text {
            output::say(format_args!("{} tried, {failed} failed", findings.len()))?;
        }
        Ok(if failed == 0 { Exit::DONE } else { Exit::FAILED })
    }
}
