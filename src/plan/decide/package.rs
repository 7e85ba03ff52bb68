//! Packages of a jail's base. A base is read-only and shared: what is missing is installed into a copy, which then is the
//! jail's.

use super::{DecideError, action, known};
use crate::jail::Base;
use crate::jail::spec::nearest;
use crate::kernel::JailName;
use crate::plan::action::Step;
use crate::plan::{Action, Observe, PackageName};

/// Packages as they are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagesWanted {
    pub names: Vec<PackageName>,
    /// Of the one that is named.
    pub version: Option<String>,
    /// Read the archives' lists anew before anything is installed.
    pub update: bool,
}

/// These packages are to be in the jail's base, one of them in this version.
pub fn packages(seen: &dyn Observe, jail: &JailName, wanted: &PackagesWanted) -> Result<Vec<Action>, DecideError> {
    let spec = known(seen, jail)?.spec;
    let base = spec.map(|spec| spec.base).map_err(|why| unfit(jail, why, "mend or remove its jail.toml".into()))?;
    let names = || wanted.names.iter().map(PackageName::as_str).collect::<Vec<_>>().join(" ");
    let found = seen.packages(jail, &base)?;
    let Some(found) = found else {
        if matches!(base, Base::Archive { .. }) {
            // Not imported yet: whether anything is missing is known only then.
            return Ok(vec![install(
                jail,
                wanted,
                wanted.names.iter().collect(),
                vec![format!("base {base} is not imported yet")],
            )]);
        }
        let what = format!("base {base} keeps no record of Debian packages, so nobody can tell whether it has {}", names());
        return Err(unfit(jail, what, remedy(jail, &base, &names())));
    };
    let fits = |name: &&PackageName| {
        let is = found.version(name);
        is.is_some() && wanted.version.as_deref().is_none_or(|version| is == Some(version))
    };
    let missing: Vec<&PackageName> = wanted.names.iter().filter(|name| !fits(name)).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let apt: PackageName = "apt".parse().expect("a name of a package");
    if base == Base::Host || found.version(&apt).is_none() {
        let near = nearest(missing[0].as_str(), found.names()).map(|near| format!("did you mean {near}?"));
        let has = match (missing[0], found.version(missing[0]), &wanted.version) {
            (name, Some(is), Some(version)) => format!("has {name} {is}, not {version}"),
            _ => format!("has no package {}", missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")),
        };
        let why = if base == Base::Host { "is the host's own" } else { "no apt to install with" };
        let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
        let remedy = near.filter(|_| found.version(missing[0]).is_none()).unwrap_or_else(|| remedy(jail, &base, &names));
        return Err(unfit(jail, format!("base {base} {has}, and {why}"), remedy));
    }
    let told = |name: &&PackageName| match (found.version(name), &wanted.version) {
        (Some(is), Some(version)) => format!("~{name}: {is} -> {version}"),
        (_, Some(version)) => format!("+{name} {version}"),
        (_, None) => format!("+{name}"),
    };
    let detail = missing.iter().map(told).collect();
    Ok(vec![install(jail, wanted, missing, detail)])
}

fn install(jail: &JailName, wanted: &PackagesWanted, missing: Vec<&PackageName>, detail: Vec<String>) -> Action {
    let packages = missing.into_iter().cloned().collect();
    let step = Step::Packages { packages, version: wanted.version.clone(), update: wanted.update };
    Action { detail, ..action(jail, step) }
}

fn remedy(jail: &JailName, base: &Base, names: &str) -> String {
    match base {
        Base::Host => format!(
            "install it on the host with apt-get install {names}, or give the jail an imported Debian base, as debootstrap makes one"
        ),
        _ => format!(
            "make a base that has it (debootstrap --include={}), import that with jailmgr base import, then jailmgr upgrade-base {jail}",
            names.replace(' ', ",")
        ),
    }
}

fn unfit(jail: &JailName, what: String, remedy: String) -> DecideError {
    DecideError::Unfit { jail: jail.clone(), what, remedy }
}
