//! Single keys of a spec's text set from the outside: `log.tag=web`. Pure.

use toml::{Table, Value};

use super::SpecError;

/// The text with `key` (dots lead into tables) set to `value`, a TOML value, or else taken as the text it is. Whether
/// the result is a spec is for the parser to say. Comments are not kept.
pub fn assign(text: &str, key: &str, value: &str) -> Result<String, SpecError> {
    let mut table: Table = toml::from_str(text).map_err(|error| SpecError::Syntax(error.to_string().trim_end().to_owned()))?;
    let mut inner = &mut table;
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let entry = inner.entry(part).or_insert_with(|| Value::Table(Table::new()));
        inner = entry.as_table_mut().ok_or_else(|| SpecError::Value {
            key: part.to_owned(),
            why: format!("it is no table, so it has no {last}; set {part} as a whole"),
        })?;
    }
    inner.insert(last.to_owned(), parse(value));
    toml::to_string_pretty(&table).map_err(|error| SpecError::Syntax(error.to_string()))
}

fn parse(value: &str) -> Value {
    let one = toml::from_str::<Table>(&format!("value = {value}")).ok().filter(|table| table.len() == 1);
    one.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(key: &str, value: &str) -> String {
        assign("profile = \"high\"\n\n[log]\nfacility = \"daemon\"\n", key, value).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn values_are_toml_or_else_texts() {
        let set = [
            with("ports", "[80, 443]"),
            with("profile", "medium"),
            with("log.tag", "web"),
            with("env.LANG", "\"C\""),
            with("stop_grace", "30"),
            with("user", "a\nautostart = true"),
            with("profile.base", "low"),
        ];
        insta::assert_snapshot!(set.join("---\n"));
    }

    proptest! {
        #[test]
        fn one_assignment_changes_one_key(key in "[a-z_]{1,8}(\\.[a-z]{1,4})?", value in "\\PC*|[\n\"'=\\[\\]a-z]*") {
            let text = assign("", &key, &value).unwrap();
            let table: Table = toml::from_str(&text).unwrap();
            prop_assert_eq!(table.len(), 1);
            prop_assert_eq!(table.keys().next().map(String::as_str), key.split('.').next());
        }
    }
}
