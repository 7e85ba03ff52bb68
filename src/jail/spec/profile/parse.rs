//! From a word or a map to a [`Profile`].

use serde_json::{Map, Value};

use super::algebra::Extension;
use super::{Profile, Reasons, meant};
use crate::jail::spec::SpecError;
use crate::jail::spec::parse::{join, list, table, text, value, word, wrong};
use crate::jail::spec::probe::Example;
use crate::kernel::{Level, Right};

pub const KEYS: [&str; 8] = ["name", "base", "grant", "deny", "audit", "reasons", "must_allow", "must_deny"];
pub const EXTENSION_KEYS: [&str; 7] = ["name", "grant", "deny", "audit", "reasons", "must_allow", "must_deny"];

impl Profile {
    /// A level's name, or a map. `key` is what messages call it.
    ///
    /// # Errors
    /// The first thing wrong, with its key.
    pub fn parse(key: &str, tree: &Value) -> Result<Profile, SpecError> {
        profile(key, tree)
    }
}

impl Extension {
    /// A map with the keys of a profile but `base`.
    ///
    /// # Errors
    /// The first thing wrong, with its key.
    pub fn parse(key: &str, tree: &Value) -> Result<Extension, SpecError> {
        if tree.get("base").is_some() {
            return Err(value(&join(key, "base"), "an extension has the base of what it extends; remove the key"));
        }
        changes(key, table(key, tree, &EXTENSION_KEYS)?, Level::High).map(Extension)
    }
}

/// A right's name. `key` is what messages call it.
pub fn right(key: &str, name: &str) -> Result<Right, SpecError> {
    right_word(key, &Value::String(name.to_owned()))
}

/// A right that can be denied or audited, which goes for no part of one.
pub fn whole_right(key: &str, name: &str) -> Result<Right, SpecError> {
    let right = right(key, name)?;
    if right.is_part() { Err(parted(key, right)) } else { Ok(right) }
}

fn parted(key: &str, part: Right) -> SpecError {
    let whole = part.whole();
    value(key, format!("{part} is a part of {whole}, which can be granted and nothing else; name {whole} here"))
}

fn right_word(key: &str, tree: &Value) -> Result<Right, SpecError> {
    if let Some((whole, _)) = tree.as_str().and_then(|name| name.split_once(':')) {
        let parts: Vec<&str> = Right::parts().filter(|part| part.whole().name() == whole).map(Right::name).collect();
        if !parts.is_empty() && tree.as_str().and_then(meant).is_none() {
            return word(key, tree, parts);
        }
    }
    word(key, tree, grantable()).map_err(|error| match error {
        SpecError::UnknownWord { key, value, hint, known } => {
            let meant = tree.as_str().and_then(meant).map(|right| right.name().to_owned());
            SpecError::UnknownWord { key, value, hint: meant.or(hint), known }
        }
        other => other,
    })
}

/// A right that can be granted.
pub fn grantable_right(key: &str, name: &str) -> Result<Right, SpecError> {
    let right = right(key, name)?;
    if right.is_fence() { Err(fenced(key, right)) } else { Ok(right) }
}

/// A right whose use can be let through and told.
pub fn auditable_right(key: &str, name: &str) -> Result<Right, SpecError> {
    whole_right(key, name)?;
    let right = grantable_right(key, name)?;
    if right.is_grave() { Err(grave(key, right)) } else { Ok(right) }
}

fn grave(key: &str, right: Right) -> SpecError {
    let why = format!(
        "{right} is never let through to be observed: one use can end the host or the walls; grant it, or read its denials"
    );
    value(key, why)
}

/// One line, if it is not empty.
pub fn reason(key: &str, tree: &Value) -> Result<Option<String>, SpecError> {
    let reason = text(key, tree)?.trim().to_owned();
    if reason.len() > Profile::MAX_REASON || reason.chars().any(char::is_control) {
        return Err(value(key, format!("a reason is one line of at most {} bytes", Profile::MAX_REASON)));
    }
    Ok(Some(reason).filter(|reason| !reason.is_empty()))
}

pub fn profile(key: &str, tree: &Value) -> Result<Profile, SpecError> {
    if tree.is_string() {
        return level(key, tree).map(Profile::built_in);
    }
    let map = match tree {
        Value::Object(_) => table(key, tree, &KEYS)?,
        _ => return Err(wrong(key, "low, medium, high or a map with base, grant, deny and audit", tree)),
    };
    let base = map.get("base").map(|tree| level(&join(key, "base"), tree)).transpose()?.unwrap_or(Level::High);
    changes(key, map, base)
}

fn changes(key: &str, map: &Map<String, Value>, base: Level) -> Result<Profile, SpecError> {
    let part = |part: &str| map.get(part).map(|tree| (join(key, part), tree));
    let grant = part("grant").map(|(key, tree)| rights(&key, tree)).transpose()?.unwrap_or_default();
    let deny = part("deny").map(|(key, tree)| rights(&key, tree)).transpose()?.unwrap_or_default();
    let audit = part("audit").map(|(key, tree)| rights(&key, tree)).transpose()?.unwrap_or_default();
    let pairs =
        [(&grant, "granted", &deny, "denied"), (&grant, "granted", &audit, "audited"), (&deny, "denied", &audit, "audited")];
    for (one, this, other, that) in pairs {
        if let Some(both) = one.rights().find(|right| other.contains(*right)) {
            return Err(value(key, format!("{both} is both {this} and {that}")));
        }
    }
    for (list, name) in [(&deny, "deny"), (&audit, "audit")] {
        if let Some(part) = list.rights().find(|right| right.is_part()) {
            return Err(parted(&join(key, name), part));
        }
        if let Some(part) = grant.rights().find(|right| right.is_part() && list.contains(right.whole())) {
            let whole = part.whole();
            return Err(value(&join(key, name), format!("{whole} goes with all its parts, and {part} is granted; take one out")));
        }
    }
    if let Some(fence) = grant.rights().find(|right| right.is_fence()) {
        return Err(fenced(&join(key, "grant"), fence));
    }
    if let Some(fence) = audit.rights().find(|right| right.is_fence()) {
        return Err(value(&join(key, "audit"), format!("{fence} keeps jails apart and is never let through")));
    }
    if let Some(right) = audit.rights().find(|right| right.is_grave()) {
        return Err(grave(&join(key, "audit"), right));
    }
    let mut profile = Profile { grant, deny, audit, ..Profile::built_in(base) };
    if let Some((key, tree)) = part("reasons") {
        add_reasons(&mut profile, &key, tree)?;
    }
    profile.name = part("name").map(|(key, tree)| name(&key, tree)).transpose()?;
    profile.must_allow = part("must_allow").map(|(key, tree)| examples(&key, tree)).transpose()?.unwrap_or_default();
    profile.must_deny = part("must_deny").map(|(key, tree)| examples(&key, tree)).transpose()?.unwrap_or_default();
    if let Some(both) = profile.must_allow.iter().find(|example| profile.must_deny.contains(example)) {
        return Err(value(key, format!("{:?} must be both allowed and denied", both.to_string())));
    }
    Ok(profile)
}

fn fenced(key: &str, fence: Right) -> SpecError {
    value(key, format!("{fence} keeps jails apart and cannot be granted"))
}

fn level(key: &str, tree: &Value) -> Result<Level, SpecError> {
    word(key, tree, Level::ALL.iter().map(|level| level.name()).collect())
}

fn grantable() -> Vec<&'static str> {
    Right::all().filter(|right| !right.is_fence()).map(Right::name).collect()
}

/// A list of names, or a map from name to reason.
fn rights(key: &str, tree: &Value) -> Result<Reasons, SpecError> {
    let mut found = Reasons::default();
    if let Value::Object(map) = tree {
        for (name, tree) in map {
            found.insert(right(key, name)?, reason(&join(key, name), tree)?);
        }
        return Ok(found);
    }
    for (i, item) in list(key, "a list of rights, or a map from right to reason", tree)?.iter().enumerate() {
        found.insert(right_word(&format!("{key}[{i}]"), item)?, None);
    }
    Ok(found)
}

fn add_reasons(profile: &mut Profile, key: &str, tree: &Value) -> Result<(), SpecError> {
    let map = tree.as_object().ok_or_else(|| wrong(key, "a map from right to reason", tree))?;
    for (name, tree) in map {
        let right = right(key, name)?;
        let reason = reason(&join(key, name), tree)?;
        let lists = [&mut profile.grant, &mut profile.deny, &mut profile.audit];
        let Some(reasons) = lists.into_iter().find(|list| list.contains(right)) else {
            return Err(value(&join(key, name), "it is neither granted, denied nor audited; name it in grant, deny or audit"));
        };
        reasons.insert(right, reason);
    }
    Ok(())
}

fn name(key: &str, tree: &Value) -> Result<String, SpecError> {
    let name = text(key, tree)?;
    let sound = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= Profile::MAX_NAME
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if !sound(&name) {
        let why = format!(
            "{name:?} is no profile's name; use 1 to {} lower-case letters, digits and \"_\", a letter first",
            Profile::MAX_NAME
        );
        return Err(value(key, why));
    }
    if name.parse::<Level>().is_ok() {
        return Err(value(key, format!("{name:?} is a built-in profile; choose another name")));
    }
    Ok(name)
}

fn examples(key: &str, tree: &Value) -> Result<Vec<Example>, SpecError> {
    let mut found = Vec::new();
    for (i, item) in list(key, "a list of rights and probes", tree)?.iter().enumerate() {
        let at = format!("{key}[{i}]");
        let example: Example = text(&at, item)?.parse().map_err(|error| value(&at, format!("{error}")))?;
        if !found.contains(&example) {
            found.push(example);
        }
    }
    Ok(found)
}
