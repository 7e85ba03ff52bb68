//! Trying a profile's examples for real, in a jail that is made for it and thrown away.

use std::time::Duration;

use nix::errno::Errno;

use super::entry::PROGRAM;
use super::{Expected, Finding, examples};
use crate::jail::spec::probe::{Example, Probe};
use crate::jail::spec::{Profile, Spec};
use crate::jail::{ExecRequest, Host, JailError, bring_up, create, destroy, exec, lifecycle, store};
use crate::kernel::{Description, JailName, Right};

/// Names of such jails, before the pid of who made them.
const PREFIX: &str = "jailsh-proof-";
/// For all probes together; each is a system call or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tries every example in a jail with this profile that owns no port, and throws it away.
///
/// # Errors
/// Those of [`create`] and [`exec`]: a right that the body at hand cannot give is [`crate::kernel::KernelError::NotEnforceable`].
pub fn attempt_all(host: &Host, profile: &Profile) -> Result<Vec<Finding>, JailError> {
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
    let trial = Trial::new(host, profile)?;
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

/// A jail for one use; gone when dropped.
struct Trial<'a> {
    host: &'a Host,
    name: JailName,
}

impl<'a> Trial<'a> {
    fn new(host: &'a Host, profile: &Profile) -> Result<Trial<'a>, JailError> {
        sweep(host)?;
        let name: JailName = format!("{PREFIX}{}", std::process::id()).parse()?;
        let spec = Spec { profile: profile.clone(), ..Spec::parse(&name, &serde_json::json!({})).expect("an empty spec is one") };
        create(host, &name, &spec)?;
        let trial = Trial { host, name };
        let program = std::fs::read("/proc/self/exe").map_err(JailError::io("read this program"))?;
        // Nothing runs in the jail yet that could have planted a link.
        let folder = store::jail(&host.config, &trial.name)?.sub("data")?.sub("opt")?;
        folder.write_new(PROGRAM, 0o755, &program)?;
        bring_up(host, &trial.name)?;
        Ok(trial)
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        // What is left is swept by the next one.
        let _ = remove(self.host, &self.name);
    }
}

fn remove(host: &Host, name: &JailName) -> Result<(), JailError> {
    lifecycle::tear_down(host, name)?;
    destroy(host, name)
}

/// Removes what trials that were killed have left.
fn sweep(host: &Host) -> Result<(), JailError> {
    for name in store::names(&host.config)? {
        let pid = name.as_str().strip_prefix(PREFIX).and_then(|pid| pid.parse::<u32>().ok());
        let is_left = |pid: u32| pid == std::process::id() || !std::path::Path::new(&format!("/proc/{pid}")).exists();
        if pid.is_some_and(is_left) {
            remove(host, &name)?;
        }
    }
    Ok(())
}
