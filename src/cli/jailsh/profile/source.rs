//! Where profiles come from: the standard library, a script, a file as `jail.toml`.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::failure::{Exit, Failure};
use crate::cli::input;
use crate::cli::jailsh::script;
use crate::jail::Spec;
use crate::jail::spec::{Profile, nearest};
use crate::kernel::Policy;
use crate::script::{Limits, Script, profiles, stdlib};

type Named = (String, Profile);

/// Those named, or all of the standard library.
pub fn named_or_all(names: &[String]) -> Result<Vec<Named>, Failure> {
    if names.is_empty() {
        return standard();
    }
    let found: Result<Vec<Vec<Named>>, Failure> = names.iter().map(|name| of(name)).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// The one that this names.
pub fn one(name: &str) -> Result<Named, Failure> {
    let mut found = of(name)?;
    match (found.pop(), found.len()) {
        (Some(profile), 0) => Ok(profile),
        _ => Err(Failure::new(Exit::DATA, format!("{name} has not one profile; name a file with one"))),
    }
}

/// The same, and the policy of a jail that has it: of a FILE.toml with the ports and the destinations that it lists.
pub fn with_policy(name: &str) -> Result<(Named, Policy), Failure> {
    if kind(name) == Some("toml") {
        let spec = spec(name)?;
        let policy = spec.policy();
        return Ok(((spec.profile.label(), spec.profile), policy));
    }
    let named = one(name)?;
    let policy = named.1.policy(Vec::new());
    Ok((named, policy))
}

fn kind(name: &str) -> Option<&str> {
    Path::new(name).extension().and_then(|extension| extension.to_str())
}

fn spec(name: &str) -> Result<Spec, Failure> {
    let text = input::read_text(Path::new(name))?;
    let place = "profile".parse().expect("a jail's name");
    Spec::from_toml(&place, &text).map_err(|error| Failure::new(Exit::DATA, format!("{name}: {error}")))
}

fn of(name: &str) -> Result<Vec<Named>, Failure> {
    match kind(name) {
        Some("rhai") => evaluated(script::from_file(vec![OsString::from(name)])?),
        Some("toml") => spec(name).map(|spec| vec![(spec.profile.label(), spec.profile)]),
        _ => {
            let all = standard()?;
            let found = all.iter().find(|(known, _)| known == name).cloned();
            let hint = nearest(name, all.iter().map(|(known, _)| known.as_str()));
            let hint = hint.map_or("name a FILE.rhai or FILE.toml".into(), |near| format!("did you mean {near:?}?"));
            let missing = || Failure::new(Exit::DATA, format!("std/profiles has no profile {name:?}; {hint}"));
            found.map(|found| vec![found]).ok_or_else(missing)
        }
    }
}

fn standard() -> Result<Vec<Named>, Failure> {
    let text = stdlib::text("profiles").unwrap_or_default().to_owned();
    let name = "std/profiles".to_owned();
    evaluated(Script { name, file: None, text, arguments: Vec::new(), echo: false, module_path: Vec::new() })
}

fn evaluated(script: Script) -> Result<Vec<Named>, Failure> {
    // What was wrong has been said.
    profiles(Limits::default(), script).map_err(|exit| Failure::silent(Exit(exit)))
}
