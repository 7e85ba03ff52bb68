//! Packages of a jail's base. A base is read-only and shared: nothing is installed into it, so what is missing is an error
//! that tells how to get it.

use super::{DecideError, known};
use crate::jail::Base;
use crate::jail::spec::nearest;
use crate::kernel::JailName;
use crate::plan::{Action, Observe, PackageName};

/// These packages are to be in the base, one of them in this version.
pub fn packages(
    seen: &dyn Observe,
    jail: &JailName,
    wanted: &[PackageName],
    version: Option<&str>,
) -> Result<Vec<Action>, DecideError> {
    let spec = known(seen, jail)?.spec;
    let base = spec.map(|spec| spec.base).map_err(|why| unfit(jail, why, "mend or remove its jail.toml".into()))?;
    let remedy = |names: &str| match base {
        Base::Host => format!("install it on the host with apt-get install {names}, or give the jail a base that has it"),
        _ => format!(
            "make a base that has it (debootstrap --include={}), import that with jailmgr base import, then jailmgr upgrade-base {jail}",
            names.replace(' ', ",")
        ),
    };
    let names = || wanted.iter().map(PackageName::as_str).collect::<Vec<_>>().join(" ");
    let Some(found) = seen.packages(&base)? else {
        let what = format!("base {base} keeps no record of Debian packages, so nobody can tell whether it has {}", names());
        return Err(unfit(jail, what, remedy(&names())));
    };
    let missing: Vec<&str> = wanted.iter().filter(|name| found.version(name).is_none()).map(PackageName::as_str).collect();
    if let [first, ..] = missing.as_slice() {
        let near = nearest(first, found.names()).map(|near| format!("; did you mean {near}?"));
        let what = format!("base {base} has no package {}, and is read-only", missing.join(", "));
        return Err(unfit(jail, what, near.map_or_else(|| remedy(&missing.join(" ")), |near| near[2..].to_owned())));
    }
    if let (Some(version), [name]) = (version, wanted)
        && let Some(is) = found.version(name).filter(|is| *is != version)
    {
        let what = format!("base {base} has {name} {is}, not {version}, and is read-only");
        return Err(unfit(jail, what, remedy(name.as_str())));
    }
    Ok(Vec::new())
}

fn unfit(jail: &JailName, what: String, remedy: String) -> DecideError {
    DecideError::Unfit { jail: jail.clone(), what, remedy }
}
