//! `jailsh why`: would this be denied, by what, and what would allow it; and the same of a recorded trail.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::profile::source;
use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input;
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::spec::Profile;
use crate::jail::spec::profile::{Cause, place};
use crate::jail::{observe, why};
use crate::kernel::{Policy, Right};
use crate::telemetry::{self, Format, trail};

/// Tell whether an action would be denied to a jail or by a profile: by which
/// right, what decides that, where that is written, what enforces it on this
/// kernel, and the smallest change that would allow it. Nothing is tried.
///
/// An ACTION is one of jailsh profile probes (bind 80, open /dev/sda, ping,
/// mount), a right, or connect ADDRESS:PORT[/udp]. With --replay the uses of a
/// trail that jailctl denials -o json wrote are judged again, and the rights that
/// are granted without a use there are named. What a jail held when it was
/// recorded is in a trail of jailsh learn alone.
///
/// Examples: jailsh why web bind 80
///           jailsh why web connect 10.0.0.1:5432
///           jailsh why --profile web_server mount
///           jailsh why --replay trail --profile ./new.rhai
///
/// Exit status: 0 allowed, let through or not enforced, 1 denied; of a trail: 1
/// something is denied that was let through then, 2 all that is denied was denied
/// then, too; 64 wrong use, 65 no profile or no trail, 66 no such file; for jails
/// also 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Why {
    /// Ask a profile instead of a jail: a name of std/profiles, FILE.rhai or
    /// FILE.toml with one
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Judge the uses of this trail; - is standard input
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
    /// Name or jid; left out with --profile
    #[arg(value_name = "NAME|JID")]
    jail: Option<String>,
    /// What would be done
    #[arg(value_name = "ACTION")]
    action: Vec<String>,
}

/// An answer, for programs.
#[derive(Serialize)]
struct Told<'a> {
    jail: Option<String>,
    profile: Option<String>,
    #[serde(flatten)]
    answer: &'a why::Answer,
}

impl Why {
    pub fn run(mut self, common: &Common) -> Outcome {
        let jail = self.jail()?;
        match self.replay.take() {
            Some(file) => self.replayed(common, jail.as_ref(), &file),
            None => self.answered(common, jail.as_ref()),
        }
    }

    /// With a profile the first word belongs to the action.
    fn jail(&mut self) -> Result<Option<Target>, Failure> {
        match (self.jail.take(), &self.profile) {
            (first, Some(_)) => {
                self.action.splice(0..0, first);
                Ok(None)
            }
            (Some(jail), None) => jail.parse().map(Some).map_err(|why: String| usage(&why)),
            (None, None) => Err(usage("nothing to ask; name a jail, or a profile with --profile")),
        }
    }

    fn answered(self, common: &Common, jail: Option<&Target>) -> Outcome {
        if self.action.is_empty() {
            return Err(usage("which action? such as bind 80, mount, open /dev/sda; jailsh profile probes lists them"));
        }
        let action: why::Action = self.action.join(" ").parse().map_err(|error| usage(&format!("{error}")))?;
        let (name, answer) = match (jail, &self.profile) {
            (Some(jail), _) => {
                let site = Site::open(common)?;
                let name = jail.name(&site)?;
                let answer = why::of_jail(&site, &name, &action)?;
                (name.to_string(), answer)
            }
            (None, Some(given)) => {
                let ((name, profile), policy) = source::with_policy(given)?;
                (name, of_profile(given, &profile, &policy, &action))
            }
            (None, None) => return Err(usage("name a jail, or a profile with --profile")),
        };
        match self.shape.format() {
            Format::Json => {
                let (jail, profile) = if jail.is_some() { (Some(name), None) } else { (None, Some(name)) };
                output::json(&Told { jail, profile, answer: &answer })?;
            }
            Format::Text => output::print(&telemetry::why::text(&name, &answer))?,
            Format::Tsv | Format::Names => self.shape.print(&telemetry::why::steps(&answer), true, "")?,
        }
        Ok(if answer.verdict == why::Fate::Denied { Exit::FAILED } else { Exit::DONE })
    }

    fn replayed(self, common: &Common, jail: Option<&Target>, file: &Path) -> Outcome {
        if !self.action.is_empty() {
            return Err(usage("a trail is judged whole; leave the action out"));
        }
        let data = |error: trail::TrailError| Failure::new(Exit::DATA, format!("{}: {error}", file.display()));
        let entries = trail::read(&input::read_text(file)?).map_err(data)?;
        let policy = match (jail, &self.profile) {
            (Some(jail), _) => policy_of(&Site::open(common)?, jail)?,
            (None, given) => source::with_policy(given.as_deref().unwrap_or_default())?.1,
        };
        let replay = trail::replay(&entries, &policy);
        match self.shape.format() {
            Format::Json => output::json(&replay)?,
            format => {
                self.shape.print(&replay.table(), false, "the trail is empty")?;
                if format == Format::Text {
                    output::say(replay.summary())?;
                }
            }
        }
        Ok(match (replay.newly_denied, replay.denied) {
            (0, 0) => Exit::DONE,
            (0, _) => Exit::DRIFT,
            _ => Exit::FAILED,
        })
    }
}

fn usage(why: &str) -> Failure {
    Failure::new(Exit::USAGE, why)
}

/// Of the policy in force, or for a jail that is down of its spec.
fn policy_of(site: &Site, jail: &Target) -> Result<Policy, Failure> {
    let name = jail.name(site)?;
    let seen = observe(site, &name)?;
    match (seen.kernel, seen.spec) {
        (Some(kernel), _) => Ok(kernel.policy),
        (None, Ok(spec)) => Ok(spec.policy()),
        (None, Err(why)) => Err(Failure::new(Exit::DATA, format!("the spec of jail {name} cannot be read: {why}"))),
    }
}

/// For a jail with this profile and policy on a host where nobody else owns a port.
fn of_profile(given: &str, profile: &Profile, policy: &Policy, action: &why::Action) -> why::Answer {
    let text = std::fs::read_to_string(given).unwrap_or_default();
    let place = |right: Right, cause: Cause| {
        let line = match Path::new(given).extension().and_then(|extension| extension.to_str()) {
            Some("toml") => place::in_toml(&text, right, cause),
            Some("rhai") => place::in_script(&text, right),
            _ => None,
        };
        line.map(|line| format!("{given}:{line}"))
    };
    why::why(&why::Subject { profile: Some(profile), policy, owner: &|_, _| None, place: &place, kernel: None }, action)
}
