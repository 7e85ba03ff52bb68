//! The standard library's part of the reference: made of the `//!` and `///` lines in its files.
//!
//! The first paragraph is the summary. A line ``- `name`: ...`` describes a parameter. What follows `Example:`, indented, is
//! an example that runs over the simulation, after `Example (needs a jail):` one that needs commands to run, after `Example (in a test):` one
//! that is the body of a test.

use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;

use super::item::Needs;
use crate::script::stdlib;
use crate::script::text::{Named, Outline};

/// A module of the standard library.
#[derive(Debug, Clone, Serialize)]
pub struct Module {
    /// As it is imported: `std/profiles`.
    pub name: String,
    #[serde(flatten)]
    pub words: Words,
    pub functions: Vec<LibraryFunction>,
}

/// A function of a module.
#[derive(Debug, Clone, Serialize)]
pub struct LibraryFunction {
    pub module: String,
    pub name: String,
    pub parameters: Vec<String>,
    #[serde(flatten)]
    pub words: Words,
}

impl fmt::Display for LibraryFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = self.module.rsplit('/').next().unwrap_or(&self.module);
        write!(f, "{module}::{}({})", self.name, self.parameters.join(", "))
    }
}

/// What a comment before a function says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Words {
    pub summary: String,
    pub details: String,
    /// Parameters or keys, and what they are for.
    pub parameters: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Needs>,
}

impl Words {
    pub fn of(documentation: &str) -> Words {
        let mut words = Words::default();
        let mut lines = documentation.lines().peekable();
        let mut paragraphs: Vec<String> = vec![String::new()];
        while let Some(line) = lines.next() {
            match (line.trim_end(), parameter(line)) {
                (heading @ ("Example:" | "Example (needs a jail):" | "Example (in a test):"), _) => {
                    words.needs = Some(match heading {
                        "Example:" => Needs::Host,
                        "Example (in a test):" => Needs::Test,
                        _ => Needs::Jail,
                    });
                    let code: Vec<&str> = std::iter::from_fn(|| lines.next_if(|line| is_code(line))).collect();
                    words.example = Some(unindented(&code));
                }
                (_, Some((name, text))) => {
                    let mut text = text.to_owned();
                    while let Some(more) = lines.next_if(|line| line.starts_with("  ") && !line.trim().is_empty()) {
                        text = format!("{text} {}", more.trim());
                    }
                    words.parameters.push((name.to_owned(), text));
                }
                ("", _) => paragraphs.push(String::new()),
                (line, _) => {
                    let paragraph = paragraphs.last_mut().expect("there is one from the start");
                    *paragraph += if paragraph.is_empty() { "" } else { " " };
                    *paragraph += line.trim();
                }
            }
        }
        let mut paragraphs = paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty());
        words.summary = paragraphs.next().unwrap_or_default().trim_end_matches('.').to_owned();
        words.details = paragraphs.collect::<Vec<_>>().join("\n\n");
        words
    }
}

/// ``- `name`: text``
fn parameter(line: &str) -> Option<(&str, &str)> {
    let (name, text) = line.strip_prefix("- `")?.split_once('`')?;
    Some((name, text.trim_start_matches(':').trim()))
}

fn is_code(line: &str) -> bool {
    line.starts_with("    ") || line.trim().is_empty()
}

fn unindented(lines: &[&str]) -> String {
    let code: Vec<&str> = lines.iter().map(|line| line.strip_prefix("    ").unwrap_or("")).collect();
    code.join("\n").trim_matches('\n').to_owned()
}

/// The modules, by name.
pub fn modules() -> &'static [Module] {
    static ALL: LazyLock<Vec<Module>> = LazyLock::new(|| {
        let module = |(name, text): &(&str, &str)| module(&format!("std/{name}"), text);
        stdlib::MODULES.iter().map(module).collect()
    });
    &ALL
}

/// What the text of a module says of itself.
pub fn module(name: &str, text: &str) -> Module {
    let outline = Outline::of(text);
    let functions = outline.functions().filter_map(|function| match &function.what {
        Named::Function { parameters, .. } => Some(LibraryFunction {
            module: name.to_owned(),
            name: function.name.clone(),
            parameters: parameters.clone(),
            words: Words::of(&function.documentation),
        }),
        _ => None,
    });
    Module { name: name.to_owned(), functions: functions.collect(), words: Words::of(&outline.documentation) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::engine::without_host;

    #[test]
    fn a_comment_falls_into_summary_details_parameters_and_example() {
        let text = "Waits until it is so.\nOr not.\n\nTries again\nand again.\n\n- `what`: a function that\n  tells\n- `options`: a map\n\n\
                    Example:\n\n    let a = 1;\n        a\n\n    a\n";
        let words = Words::of(text);
        assert_eq!((words.summary.as_str(), words.details.as_str()), ("Waits until it is so. Or not", "Tries again and again."));
        assert_eq!(words.parameters, [("what".into(), "a function that tells".into()), ("options".into(), "a map".to_owned())]);
        assert_eq!((words.example.as_deref(), words.needs), (Some("let a = 1;\n    a\n\na"), Some(Needs::Host)));
        assert_eq!(Words::of(""), Words::default());
    }

    #[test]
    fn every_function_of_the_library_has_a_summary_its_parameters_and_an_example() {
        for module in modules() {
            assert!(!module.words.summary.is_empty(), "{}: no //! line says what it is for", module.name);
            for function in &module.functions {
                let words = &function.words;
                assert!(!words.summary.is_empty() && words.summary.len() <= 160, "{function}: no summary, or a long one");
                assert!(words.example.is_some(), "{function}: no example");
                for parameter in &function.parameters {
                    let said = words.parameters.iter().any(|(name, text)| name == parameter && !text.is_empty());
                    assert!(said, "{function}: no line \"- `{parameter}`: ...\"");
                }
            }
        }
    }

    #[test]
    fn the_library_is_read_as_the_engine_reads_it() {
        for (name, text) in stdlib::MODULES {
            let ast = without_host().compile(text).unwrap_or_else(|error| panic!("std/{name}: {error}"));
            let public = ast.iter_functions().filter(|function| function.access == rhai::FnAccess::Public);
            let mut found: Vec<String> = public
                .filter(|function| !function.name.starts_with("anon$"))
                .map(|function| format!("{}({})", function.name, function.params.join(", ")))
                .collect();
            let module = module(name, text);
            let read = module.functions.iter().map(|function| format!("{}({})", function.name, function.parameters.join(", ")));
            let mut read: Vec<String> = read.collect();
            found.sort();
            read.sort();
            assert_eq!(found, read, "std/{name}");
        }
    }
}
