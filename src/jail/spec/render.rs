//! A spec as text: `jail.toml`, and the lines of a difference.

use serde_json::Value;

use super::{Profile, Spec};
use crate::kernel::JailName;

impl Spec {
    /// The text of `jail.toml`, with every key, so that it shows what can be changed.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a spec holds only texts, numbers, lists and maps")
    }

    /// The spec as a neutral tree.
    pub fn to_tree(&self) -> Value {
        serde_json::to_value(self).expect("a spec holds only texts, numbers, lists and maps")
    }

    /// What a new jail gets: a line a key that somebody would have to write.
    pub fn diff_from_nothing(&self, name: &JailName) -> Vec<String> {
        let Ok(plain) = Spec::parse(name, &Value::Object(serde_json::Map::new())) else { return Vec::new() };
        let (Value::Object(new), Value::Object(plain)) = (self.to_tree(), plain.to_tree()) else { return Vec::new() };
        let said = |(key, value): (String, Value)| match key.as_str() {
            "profile" if value.is_object() => described(&self.profile),
            "profile" => vec![format!("{key}: {value}")],
            _ if plain.get(&key) == Some(&value) => Vec::new(),
            _ => vec![format!("{key}: {value}")],
        };
        new.into_iter().flat_map(said).collect()
    }

    /// What differs from `old`, a line a key: `key: old -> new`.
    pub fn diff(&self, old_spec: &Spec) -> Vec<String> {
        let (Value::Object(new), Value::Object(mut old)) = (self.to_tree(), old_spec.to_tree()) else { return Vec::new() };
        let mut lines = Vec::new();
        for (key, new) in new {
            let before = old.shift_remove(&key).unwrap_or(Value::Null);
            if before == new {
                continue;
            }
            match key.as_str() {
                "profile" if new.is_object() || before.is_object() => lines.extend(profile(&old_spec.profile, &self.profile)),
                _ => lines.push(format!("{key}: {before} -> {new}")),
            }
        }
        lines.extend(old.into_iter().map(|(key, before)| format!("{key}: {before} -> null")));
        lines
    }
}

/// A profile that is more than a level: its name, and what sets it apart from the level it is made of.
fn described(profile: &Profile) -> Vec<String> {
    let level = Profile::built_in(profile.level);
    let mut difference = level.diff(profile);
    let proofs = std::mem::take(&mut difference.proofs_added).len();
    let proven = if proofs > 0 { format!(", with {proofs} examples of what it allows and denies") } else { String::new() };
    let mut lines = vec![format!("profile: {}, made of {}{proven}", profile.label(), profile.level.name())];
    lines.extend(difference.lines().into_iter().map(|line| format!("profile: {line}")));
    lines
}

/// By effect; where only the writing differs, that.
fn profile(old: &Profile, new: &Profile) -> Vec<String> {
    let mut lines = Vec::new();
    if old.label() != new.label() {
        lines.push(format!("profile: {} -> {}", old.label(), new.label()));
    }
    lines.extend(old.diff(new).lines().into_iter().map(|line| format!("profile: {line}")));
    if lines.is_empty() {
        lines.push(format!("profile: {} -> {}", old.to_tree(), new.to_tree()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::JailName;

    #[test]
    fn a_new_jails_profile_is_told_by_what_sets_it_apart() {
        let name: JailName = "web".parse().unwrap();
        let text = "[profile]\nname = 'server'\nbase = 'high'\ngrant = { netlink_route = 'looks up names' }\n\
                    must_allow = ['bind 80']\nmust_deny = ['mount', 'ptrace']";
        insta::assert_snapshot!(Spec::from_toml(&name, text).unwrap().diff_from_nothing(&name).join("\n"));
        let level = Spec::from_toml(&name, "profile = 'medium'").unwrap();
        assert_eq!(level.diff_from_nothing(&name), ["profile: \"medium\""]);
    }

    #[test]
    fn a_changed_profile_shows_each_right_with_its_reason() {
        let name: JailName = "web".parse().unwrap();
        let spec = |text: &str| Spec::from_toml(&name, text).unwrap();
        let plain = spec("profile = 'medium'");
        let changed = spec("[profile]\nbase = 'medium'\ngrant = { ping = 'pings its peers' }\ndeny = ['ptrace']");
        let said = spec("[profile]\nbase = 'medium'\ngrant = { ping = 'pings its peers' }\ndeny = { ptrace = 'none here' }");
        let respelt = spec("[profile]\nbase = 'medium'\ngrant = ['netlink_route']");
        let renamed = spec("[profile]\nbase = 'medium'\ngrant = ['netlink_route', 'ptrace']");
        let steps = [(&plain, &changed), (&changed, &said), (&said, &plain), (&respelt, &renamed)];
        let text: Vec<String> = steps.iter().map(|(old, new)| new.diff(old).join("\n")).collect();
        insta::assert_snapshot!(text.join("\n---\n"));
        assert_eq!(plain.diff(&plain), [""; 0]);
    }
}
