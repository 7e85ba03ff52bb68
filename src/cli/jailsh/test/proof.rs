//! The examples of a profile, as one test.

use std::time::Instant;

use crate::cli::failure::Failure;
use crate::cli::site::Site;
use crate::jail::proof::{self, Finding};
use crate::jail::spec::Profile;
use crate::script::testing::{Outcome, Verdict};
use crate::telemetry::{self, Format};

/// Judged by the policy, and in jails of this host if one is given.
pub fn prove(profile: &Profile, real: Option<&Site>) -> Result<Outcome, Failure> {
    let begun = Instant::now();
    let mut findings = proof::judge(profile);
    if let Some(site) = real {
        findings.extend(proof::attempt_all(site, profile)?);
    }
    let broken: Vec<(String, Finding)> =
        findings.into_iter().filter(|finding| !finding.is_met()).map(|finding| (profile.label(), finding)).collect();
    let report = if broken.is_empty() { String::new() } else { telemetry::proof(&broken).render(Format::Text, false) };
    let verdict = if broken.is_empty() { Verdict::Passed } else { Verdict::Failed };
    Ok(Outcome { verdict, report, took: begun.elapsed() })
}
