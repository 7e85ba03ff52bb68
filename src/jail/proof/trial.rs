//! Trying a profile's examples for real, in a jail that is made for it and thrown away.

use std::time::Duration;

use nix::errno::Errno;

use super::entry::PROGRAM;
use super::{Expected, Finding, examples};
use crate::jail::spec::probe::{Example, Probe};
use crate::jail::spec::{Profile, Spec};
use crate::jail::throwaway::Throwaway;
use crate::jail::{ExecRequest, Host, JailError, bring_up, create, exec, store};
use crate::kernel::{Description, Right};

/// Names of such jails, before the pid of who made them.
const PREFIX: &str = "jailsh-proof-";
/// For all probes together; each is a system call or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tries every example in a jail with this profile that owns no port, and throws it away.
///
/// # Errors
/// Those of [`create`] and [`exec`]: a right that the body at hand cannot give is [`crate::kernel::KernelError::NotEnforceable`].
pub fn attempt_all(host: &Host, profile: &Profile) -> Result<Vec<Finding>, JailError> {
    super::expect_feats(host)?;
    let probes: Vec<Option<Probe>> = examples(profile).map(|(example, _)| example.probe()).collect();
    let answers = if probes.iter().any(Option::is_some) { ask(host, profile, probes.iter().flatten())? } else { Vec::new() };
    let description = host.kernel.describe();
    let mut answers = answers.into_iter();
    let finding = |((example, expected), probe): ((&Example, Expected), &Option<Probe>)| {
        let (got, detail) = match probe {
            Some(probe) => read(probe, answers.next().unwrap_or(super::entry::UNKNOWN))?,
            None => untried(example.right(), profile, &description),
        };
        let right = example.right().filter(|right| !right.is_fence() || got == Expected::Denied);
        let substitute = probe.as_ref().filter(|_| matches!(example, Example::Right(_)));
        let detail = substitute.into_iter().map(|probe| format!("by {probe}")).chain(detail).collect::<Vec<_>>().join(": ");
        let detail = Some(detail).filter(|detail| !detail.is_empty());
        Ok(Finding { example: example.clone(), expected, got, right, detail })
    };
    examples(profile).zip(&probes).map(finding).collect()
}

/// The answer to a probe: an errno, or 0.
fn read(probe: &Probe, answer: i32) -> Result<(Expected, Option<String>), JailError> {
    let errno = Errno::from_raw(answer);
    match errno {
        _ if answer == 0 => Ok((Expected::Allowed, None)),
        Errno::UnknownErrno => Err(JailError::Conflict {
            what: format!("the probe {:?} ended with status {answer} instead of an answer", probe.to_string()),
            remedy: "see jailctl info for what the jail may do".into(),
        }),
        // The port is somebody's, who was allowed to take it.
        Errno::EADDRINUSE => Ok((Expected::Allowed, Some("the port is in use".into()))),
        errno => Ok((Expected::Denied, Some(format!("{errno:?}")))),
    }
}

/// What nothing harmless stands for: the policy in force, and what holds it.
fn untried(right: Option<Right>, profile: &Profile, description: &Description) -> (Expected, Option<String>) {
    let held = right.is_none_or(|right| profile.rights().holds(right));
    let enforced = right.and_then(|right| description.enforcement(right)).is_some_and(|enforcement| enforcement.is_held());
    match (held, enforced) {
        (true, _) => (Expected::Allowed, Some("not tried".into())),
        (false, true) => (Expected::Denied, Some(format!("not tried; the {} body holds it", description.body))),
        (false, false) => (Expected::Allowed, Some(format!("not tried; the {} body cannot hold it", description.body))),
    }
}

fn ask<'a>(host: &Host, profile: &Profile, probes: impl Iterator<Item = &'a Probe>) -> Result<Vec<i32>, JailError> {
    let trial = trial(host, profile)?;
    let argv = std::iter::once(format!("/opt/{PROGRAM}")).chain(probes.map(ToString::to_string)).collect();
    let request = ExecRequest { argv, capture: true, timeout: Some(PATIENCE), ..ExecRequest::default() };
    let output = exec(host, &trial.name, &request)?;
    if output.status != 0 {
        let why = output.stderr.lines().next_back().unwrap_or_default();
        return Err(JailError::Conflict {
            what: format!("{PROGRAM} ended with status {}: {}", output.status, why.escape_debug()),
            remedy: "a jail must be able to run this program with the host's libraries".into(),
        });
    }
    Ok(output.stdout.lines().map(|line| line.parse().unwrap_or(super::entry::UNKNOWN)).collect())
}

/// A jail that can try probes.
fn trial<'a>(host: &'a Host, profile: &Profile) -> Result<Throwaway<'a>, JailError> {
    let trial = Throwaway::new(host, PREFIX, |name| {
        let spec = Spec { profile: profile.clone(), ..Spec::parse(name, &serde_json::json!({})).expect("an empty spec is one") };
        create(host, name, &spec).map(drop)
    })?;
    let program = std::fs::read("/proc/self/exe").map_err(JailError::io("read this program"))?;
    // Nothing runs in the jail yet that could have planted a link.
    let folder = store::jail(&host.config, &trial.name)?.sub("data")?.sub("opt")?;
    folder.write_new(PROGRAM, 0o755, &program)?;
    bring_up(host, &trial.name)?;
    Ok(trial)
}
