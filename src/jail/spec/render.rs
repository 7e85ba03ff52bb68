//! A spec as text: `jail.toml`, and the lines of a difference.

use serde_json::Value;

use super::Spec;

impl Spec {
    /// The text of `jail.toml`, with every key, so that it shows what can be changed.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a spec holds only texts, numbers, lists and maps")
    }

    /// The spec as a neutral tree.
    pub fn to_tree(&self) -> Value {
        serde_json::to_value(self).expect("a spec holds only texts, numbers, lists and maps")
    }

    /// What differs from `old`, a line a key: `key: old -> new`.
    pub fn diff(&self, old: &Spec) -> Vec<String> {
        let (Value::Object(new), Value::Object(mut old)) = (self.to_tree(), old.to_tree()) else { return Vec::new() };
        let mut lines = Vec::new();
        for (key, new) in new {
            let before = old.shift_remove(&key).unwrap_or(Value::Null);
            if before != new {
                lines.push(format!("{key}: {before} -> {new}"));
            }
        }
        lines.extend(old.into_iter().map(|(key, before)| format!("{key}: {before} -> null")));
        lines
    }
}
