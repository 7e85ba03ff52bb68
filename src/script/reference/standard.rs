//! Rhai's own functions, as its metadata tells them: of texts, lists, maps, numbers, functions and times.

use std::fmt;
use std::sync::LazyLock;

use rhai::Engine;
use serde::Serialize;

use crate::script::convert::type_name;

/// A function or property that comes with the language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StandardItem {
    pub name: String,
    /// The type it is a method or property of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<&'static str>,
    /// Read without parentheses.
    pub property: bool,
    /// Names and types.
    pub parameters: Vec<(String, &'static str)>,
    pub result: &'static str,
    /// Rhai's words, in Markdown.
    pub documentation: String,
}

impl fmt::Display for StandardItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.on.iter().try_for_each(|on| write!(f, "{on}."))?;
        f.write_str(&self.name)?;
        if self.property {
            return write!(f, ": {}", self.result);
        }
        let parameters: Vec<String> = self.parameters.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        write!(f, "({})", parameters.join(", "))?;
        if self.result == "nothing" { Ok(()) } else { write!(f, " -> {}", self.result) }
    }
}

impl StandardItem {
    /// The first sentence of its documentation.
    pub fn summary(&self) -> &str {
        let line = self.documentation.lines().find(|line| !line.is_empty()).unwrap_or_default();
        line.split_once(". ").map_or(line, |(first, _)| first).trim_end_matches('.')
    }
}

/// Written as functions though their first argument is a text.
const FUNCTIONS: [&str; 2] = ["parse_int", "parse_float"];
/// Take anything: one of each is enough.
const SPOKEN: [&str; 2] = ["print", "debug"];

/// All of them, by name.
pub fn standard() -> &'static [StandardItem] {
    static ALL: LazyLock<Vec<StandardItem>> = LazyLock::new(collect);
    &ALL
}

fn collect() -> Vec<StandardItem> {
    let mut all = Engine::new().collect_fn_metadata(None, |found| item(found.metadata), true);
    // The same for other ways to store a number: one of them is enough.
    all.sort();
    all.dedup_by(|one, other| {
        (&one.name, one.on, one.property, &one.parameters) == (&other.name, other.on, other.property, &other.parameters)
    });
    all
}

fn item(info: &rhai::FuncMetadata) -> Option<StandardItem> {
    let (name, property) = info.name.strip_prefix("get$").map_or((info.name.as_str(), false), |name| (name, true));
    // Operators, indexers, setters, and what the guard refuses.
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || name.contains('$') || matches!(name, "eval" | "sleep") {
        return None;
    }
    let mut parameters = Vec::new();
    for parameter in &info.params_info {
        let (name, kind) = parameter.split_once(':')?;
        parameters.push((name.trim().to_owned(), word(kind)?));
    }
    if parameters.len() != info.num_params {
        return None;
    }
    if SPOKEN.contains(&name) && parameters.first().is_none_or(|(_, kind)| *kind != "any") {
        return None;
    }
    let is_method = |kind: &str| !matches!(kind, "integer" | "float" | "any") && !FUNCTIONS.contains(&name);
    let has_receiver = parameters.first().is_some_and(|(_, kind)| property || is_method(kind));
    let on = has_receiver.then(|| parameters.remove(0).1);
    let lines = info.comments.iter().flat_map(|comment| comment.lines()).map(|line| {
        let bare = line.trim_start().trim_start_matches("///");
        bare.strip_prefix(' ').unwrap_or(bare)
    });
    let documentation = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
    Some(StandardItem { name: name.to_owned(), on, property, parameters, result: word(&info.return_type)?, documentation })
}

/// Rust's type in the words of the reference; `None` for numbers that scripts do not meet.
fn word(kind: &str) -> Option<&'static str> {
    let kind = kind.trim();
    let inner = kind.strip_prefix("RhaiResultOf<").map_or(kind, |inner| inner.trim_end().trim_end_matches('>')).trim();
    Some(match type_name(inner) {
        "integer" => "integer",
        "float" => "float",
        "text" => "text",
        "list" => "list",
        "map" => "map",
        "function" => "function",
        "any" | "RhaiResult" => "any",
        "bool" => "bool",
        "nothing" | "" => "nothing",
        "char" => "char",
        "Blob" => "blob",
        "Instant" => "instant",
        "ExclusiveRange" | "InclusiveRange" => "range",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_that_scripts_live_on_are_there_with_their_documentation() {
        let shown = |call: &str| {
            let found = standard().iter().find(|item| item.to_string() == call);
            found.unwrap_or_else(|| panic!("{call} is missing")).summary().to_owned()
        };
        let calls = [
            "text.trim()",
            "text.split(delimiter: text) -> list",
            "text.contains(match_string: text) -> bool",
            "text.len: integer",
            "list.push(item: any)",
            "list.filter(filter: function) -> list",
            "list.map(map: function) -> list",
            "map.keys() -> list",
            "abs(x: integer) -> integer",
            "sqrt(x: float) -> float",
            "parse_int(string: text) -> integer",
        ];
        let text: Vec<String> = calls.iter().map(|call| format!("{call}: {}", shown(call))).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn nothing_is_listed_twice_and_nothing_that_is_refused() {
        let mut calls: Vec<String> = standard().iter().map(ToString::to_string).collect();
        assert!(calls.len() > 150 && calls.iter().all(|call| !call.starts_with("eval(")));
        calls.sort();
        let before = calls.len();
        calls.dedup();
        assert_eq!(calls.len(), before);
    }
}
