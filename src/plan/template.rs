//! Templates: text with `{{name}}` in it. Strict: every name has a value, every value is used, and nothing that looks like
//! a name but is none is let through.

use std::collections::{BTreeMap, BTreeSet};

use super::content::{Content, Part};
use crate::jail::spec::nearest;

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {what}; {remedy}")]
pub struct TemplateError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub what: String,
    pub remedy: String,
}

/// Values that no template used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the value {name} is not used; {remedy}")]
    Unused { name: String, remedy: String },
}

/// Lines longer than a name could be are not looked through for its end.
const MAX_NAME: usize = 100;

/// The text with values in place of names. Values in `given` beside must not be used.
///
/// # Errors
/// A name without a value, braces without a name or without an end, a value of `values` without a name.
pub fn fill(text: &str, values: &BTreeMap<String, Part>, given: &BTreeMap<String, String>) -> Result<Content, FillError> {
    let mut parts: Vec<Part> = Vec::new();
    let mut used = BTreeSet::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("{{") {
        let start = at + found;
        push(&mut parts, &text[at..start]);
        let inside = &text[start + 2..];
        let end = inside.find("}}").filter(|end| *end <= MAX_NAME && !inside[..*end].contains('\n'));
        let end =
            end.ok_or_else(|| wrong(text, start, "{{ without }} on its line", "write {{name}}, or {{\"{{\"}} for braces"))?;
        let word = inside[..end].trim();
        at = start + 2 + end + 2;
        if word == "\"{{\"" {
            push(&mut parts, "{{");
        } else if !is_name(word) {
            let what = format!("{:?} is no name", &text[start..at]);
            return Err(wrong(text, start, what, "write {{name}} with letters, digits and _, or {{\"{{\"}} for braces").into());
        } else if let Some(value) = values.get(word) {
            used.insert(word);
            match value {
                Part::Text(text) => push(&mut parts, text),
                other => parts.push(other.clone()),
            }
        } else if let Some(value) = given.get(word) {
            push(&mut parts, value);
        } else {
            let known = values.keys().chain(given.keys()).map(String::as_str);
            let remedy = match nearest(word, known) {
                Some(near) => format!("did you mean {near}?"),
                None => "give it one".into(),
            };
            return Err(wrong(text, start, format!("{word} has no value"), remedy).into());
        }
    }
    push(&mut parts, &text[at..]);
    if let Some(name) = values.keys().find(|name| !used.contains(name.as_str())) {
        let remedy = format!("write {{{{{name}}}}} where it belongs, or leave it out");
        return Err(FillError::Unused { name: name.clone(), remedy });
    }
    Ok(Content(parts))
}

/// Is it a name that a template could use?
pub fn is_name(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && word.len() <= MAX_NAME && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Text beside text is one part.
fn push(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

fn wrong(text: &str, at: usize, what: impl Into<String>, remedy: impl Into<String>) -> TemplateError {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    TemplateError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        what: what.into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, Part> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Part::Text((*value).to_owned()))).collect()
    }

    fn filled(text: &str, pairs: &[(&str, &str)]) -> String {
        let given = [("jail_name".to_owned(), "web".to_owned())].into();
        match fill(text, &values(pairs), &given) {
            Ok(content) => String::from_utf8(content.resolve(|_| Err(())).unwrap()).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_become_values_and_single_braces_are_text() {
        assert_eq!(filled("a {{x}}{{ y }} {b} }} {{x}}", &[("x", "1"), ("y", "{{x}}")]), "a 1{{x}} {b} }} 1");
        assert_eq!(filled("{{jail_name}} {{\"{{\"}}x}}", &[]), "web {{x}}");
    }

    #[test]
    fn every_mistake_tells_its_place_and_what_would_be_right() {
        let mistakes = [
            filled("ä\nport = {{prot}}\n", &[("port", "1")]),
            filled("{{nothing_like_it}}", &[]),
            filled("a {{x\n}}", &[("x", "1")]),
            filled("a {{", &[]),
            filled("a {{x y}}", &[]),
            filled("a {{}}", &[]),
            filled("a {{{x}}}", &[("x", "1")]),
            filled("a", &[("x", "1")]),
            filled("a {{jail_name}} {{9x}}", &[]),
        ];
        insta::assert_snapshot!(mistakes.join("\n"));
    }

    #[test]
    fn a_secret_stays_a_name() {
        let values = [("pw".to_owned(), Part::Secret("db".into()))].into();
        let content = fill("a={{pw}};", &values, &BTreeMap::new()).unwrap();
        assert_eq!(content.0, [Part::Text("a=".into()), Part::Secret("db".into()), Part::Text(";".into())]);
    }

    proptest! {
        #[test]
        fn text_without_double_braces_is_itself_and_nothing_panics(text in "[a{} \\n\"ä]{0,30}") {
            let found = fill(&text, &BTreeMap::new(), &BTreeMap::new());
            if !text.contains("{{") {
                prop_assert_eq!(found.unwrap().resolve(|_| Err(())).unwrap(), text.into_bytes());
            }
        }

        #[test]
        fn a_value_is_never_read_as_a_template(value in "[a{}\"]{0,12}") {
            prop_assert_eq!(filled("<{{x}}>", &[("x", &value)]), format!("<{value}>"));
        }
    }
}
