//! The smallest change of a profile that allows something, and a profile as a line of a script. Pure.

use serde_json::Value;

use super::Profile;
use crate::kernel::{Level, Right};

impl Profile {
    /// With a right that its level or a grant gives, for a reason; no change if it holds it or if that is a fence. It keeps
    /// its name: this is what its author is to write.
    #[must_use]
    pub fn allowing(mut self, right: Right, reason: Option<String>) -> Profile {
        if right.is_fence() {
            return self;
        }
        self.lift(right);
        if !self.level.rights().holds(right) {
            self.grant.insert(right, reason);
        }
        self
    }

    /// As a script has it in a spec: `"medium"`, `#{ base: "medium", grant: #{ ping: "pings" } }`.
    pub fn to_script(&self) -> String {
        literal(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// What granting a right means, where that is more than a detail.
pub fn warning(right: Right) -> Option<String> {
    if right.is_fence() {
        return Some("a wall between jails: no profile opens it".to_owned());
    }
    if right.is_part() {
        return Some(format!("note: of {} this part alone: {}", right.whole(), right.reason()));
    }
    let granting: Vec<&str> = Level::ALL.into_iter().filter(|level| level.rights().holds(right)).map(Level::name).collect();
    match granting[..] {
        [] => Some("warning: no built-in profile grants it; with it a process reaches beyond its jail".to_owned()),
        [only] => Some(format!("note: of the built-in profiles only {only} grants it")),
        _ => None,
    }
}

/// A key of a map as Rhai takes it: in quotes if it is no word.
pub fn key_of(key: &str) -> String {
    let is_word = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_word { key.to_owned() } else { format!("\"{key}\"") }
}

/// JSON as Rhai writes it, without the keys of empty lists.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let said = map.iter().filter(|(_, value)| !value.as_array().is_some_and(Vec::is_empty));
            let entries: Vec<String> = said.map(|(key, value)| format!("{}: {}", key_of(key), literal(value))).collect();
            if entries.is_empty() { "#{}".to_owned() } else { format!("#{{ {} }}", entries.join(", ")) }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
