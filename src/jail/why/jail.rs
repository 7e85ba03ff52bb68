//! The same question of a jail of this host: its policy in force, its spec, the ports of the others, the kernel at hand.

use std::net::SocketAddr;

use super::{Action, Answer, Subject, why};
use crate::jail::spec::profile::{Cause, place};
use crate::jail::{Host, JailError, observe, spec_text};
use crate::kernel::{JailInfo, JailName, Protocol, Right};

/// Judges the action for the jail. Nothing is tried.
///
/// # Errors
/// [`JailError::NoSuchJail`]; a spec that cannot be read, of a jail that is down.
pub fn of_jail(host: &Host, name: &JailName, action: &Action) -> Result<Answer, JailError> {
    let seen = observe(host, name)?;
    let policy = match (seen.kernel, &seen.spec) {
        (Some(kernel), _) => kernel.policy,
        (None, Ok(spec)) => spec.policy(),
        (None, Err(why)) => {
            let what = format!("the spec of jail {name} cannot be read: {why}");
            return Err(JailError::Conflict { what, remedy: "repair its jail.toml".into() });
        }
    };
    let others = host.kernel.list()?;
    let owner = |at: SocketAddr, protocol: Option<Protocol>| {
        let has = |other: &&JailInfo| other.policy.ports.iter().any(|theirs| theirs.reserves(at, protocol));
        let other = others.iter().filter(|other| other.name != *name).find(has);
        other.map(|other| format!("jail {}", other.name))
    };
    let text = spec_text(host, name).unwrap_or_default();
    let file = host.config.data_dir.join("jails").join(name.as_str()).join("jail.toml");
    let place = |right: Right, cause: Cause| place::in_toml(&text, right, cause).map(|line| format!("{}:{line}", file.display()));
    let kernel = host.kernel.describe();
    let subject = Subject {
        profile: seen.spec.as_ref().ok().map(|spec| &spec.profile),
        policy: &policy,
        owner: &owner,
        place: &place,
        // A simulation answers as the module would.
        kernel: Some(&kernel).filter(|kernel| kernel.body != "sim"),
    };
    Ok(why(&subject, action))
}
