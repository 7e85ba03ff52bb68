//! The jail itself and its service.

use super::{DecideError, action, known};
use crate::jail::{JailError, Spec};
use crate::kernel::JailName;
use crate::plan::action::{Step, Written};
use crate::plan::{Action, Observe, Service};

/// A jail with this spec is to be there.
pub fn create(seen: &dyn Observe, name: &JailName, wanted: &Spec) -> Result<Vec<Action>, DecideError> {
    let written = |spec: &Spec| Written(Box::new(spec.clone()));
    let Some(jail) = seen.jail(name)? else {
        let detail = wanted.diff_from_nothing(name);
        return Ok(vec![Action { detail, ..action(name, Step::Create { spec: written(wanted) }) }]);
    };
    let old = jail.spec.map_err(|why| unreadable(name, why))?;
    let mut wanted = wanted.clone();
    // The version that a jail has stays until it is upgraded.
    if wanted.base != old.base && seen.same_base(&wanted.base, &old.base)? {
        wanted.base = old.base.clone();
    }
    let detail = wanted.diff(&old);
    if detail.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Action { detail, ..action(name, Step::Configure { spec: written(&wanted) }) }])
}

fn unreadable(name: &JailName, why: String) -> DecideError {
    let (what, remedy) = match why.split_once("; ") {
        Some((what, remedy)) => (what.to_owned(), remedy.to_owned()),
        None => (why, "mend or remove its jail.toml".into()),
    };
    DecideError::Unfit { jail: name.clone(), what, remedy }
}

/// Its service is to run, ready, with its spec and files as they are now.
pub fn start(seen: &dyn Observe, name: &JailName) -> Result<Vec<Action>, DecideError> {
    let jail = known(seen, name)?;
    let spec = jail.spec.map_err(|why| unreadable(name, why))?;
    if spec.commands().any(<[String]>::is_empty) {
        return Err(DecideError::NoCommand(name.clone()));
    }
    let step = match (&jail.service, jail.stale.as_slice()) {
        (Service::Ready, []) => return Ok(Vec::new()),
        (Service::Frozen, []) => Step::Thaw,
        (Service::Ready | Service::Frozen | Service::Unready(_), [first, rest @ ..]) => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            Step::Restart { why: format!("{first}{more}") }
        }
        _ => Step::Start,
    };
    let detail = match &jail.service {
        Service::Unready(state) => vec![format!("service: {state} -> running")],
        _ => Vec::new(),
    };
    Ok(vec![Action { detail, ..action(name, step) }])
}

/// Nothing of it is to run.
pub fn stop(seen: &dyn Observe, name: &JailName) -> Result<Vec<Action>, DecideError> {
    let jail = known(seen, name)?;
    Ok(if jail.is_up() { vec![action(name, Step::Stop)] } else { Vec::new() })
}

/// Its service is to be run anew, whatever it does now.
pub fn restart(seen: &dyn Observe, name: &JailName) -> Result<Vec<Action>, DecideError> {
    let jail = known(seen, name)?;
    let spec = jail.spec.map_err(|why| unreadable(name, why))?;
    if spec.commands().any(<[String]>::is_empty) {
        return Err(DecideError::NoCommand(name.clone()));
    }
    Ok(vec![action(name, Step::Restart { why: "asked for".into() })])
}

/// It is to be gone, with its files.
pub fn destroy(seen: &dyn Observe, name: &JailName) -> Result<Vec<Action>, DecideError> {
    let jail = known(seen, name)?;
    if jail.is_up() {
        return Err(JailError::Running(name.clone()).into());
    }
    Ok(vec![action(name, Step::Destroy)])
}
