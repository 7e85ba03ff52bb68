//! The proof of a profile: its examples judged by the policy source, or tried for real in a jail that is thrown away. And the
//! probe of a jail that runs.

mod attempt;
mod entry;
mod running;
#[cfg(test)]
mod tests;
mod trial;

use serde::Serialize;

use super::spec::Profile;
use super::spec::probe::Example;
use super::{Host, JailError};
use crate::kernel::sim::{Deed, Sim};
use crate::kernel::system::HAS_FEATS;
use crate::kernel::{JailDef, Kernel, KernelError, Policy, Right};

pub use attempt::attempt;
pub use entry::{PROGRAM, main};
pub use running::{Attempt, Report, Verdict, probe};
pub use trial::attempt_all;

/// Can jails be tried out on this system at all?
fn expect_feats(host: &Host) -> Result<(), JailError> {
    if HAS_FEATS {
        return Ok(());
    }
    let why = "the calls that stand for rights are Linux's".into();
    Err(KernelError::NotEnforceable { what: "trying out a jail".into(), body: host.kernel.body(), why }.into())
}

/// What a profile says of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    Allowed,
    Denied,
}

/// An example, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub example: Example,
    pub expected: Expected,
    pub got: Expected,
    /// The right that decided; `None`: free to every jail.
    pub right: Option<Right>,
    /// How it is known, where that is not the policy's word alone.
    pub detail: Option<String>,
}

impl Finding {
    pub fn is_met(&self) -> bool {
        self.expected == self.got
    }
}

/// Every example of the profile, what must be allowed first.
fn examples(profile: &Profile) -> impl Iterator<Item = (&Example, Expected)> {
    let allowed = profile.must_allow.iter().map(|example| (example, Expected::Allowed));
    allowed.chain(profile.must_deny.iter().map(|example| (example, Expected::Denied)))
}

/// Judges every example as the module would judge it: fast, without root, for a jail that owns no port on a host where
/// nobody does.
pub fn judge(profile: &Profile) -> Vec<Finding> {
    let finding = |(example, expected): (&Example, Expected)| {
        let (got, right) = match judged(example.deeds(), profile.policy(Vec::new())) {
            Some(right) => (Expected::Denied, Some(right)),
            None => (Expected::Allowed, example.right().filter(|right| !right.is_fence())),
        };
        Finding { example: example.clone(), expected, got, right, detail: None }
    };
    examples(profile).map(finding).collect()
}

/// The first right that a member with this policy is refused for one of the deeds.
fn judged(deeds: Vec<Deed>, policy: Policy) -> Option<Right> {
    let sim = Sim::new();
    let name = "proof".parse().expect("a jail's name");
    let jail = JailDef { name, root: "/".into(), profile: "proof".into(), policy };
    let jid = sim.create(&jail).expect("an empty simulation takes any jail");
    deeds.into_iter().find_map(|deed| sim.judge(jid.get(), deed).err())
}
