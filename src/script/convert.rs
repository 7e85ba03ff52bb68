//! Between Rhai's values and ours.

use std::fmt::{Debug, Display};

use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, Position};
use serde::Serialize;
use serde_json::Value;

use super::api::Profile;
use super::{Fault, Kind};
use crate::jail::spec::nearest;

/// Nesting beyond this is a mistake (or a value that holds itself).
const MAX_DEPTH: usize = 32;

/// A script's value as a neutral tree.
pub fn tree(value: &Dynamic) -> Result<Value, Fault> {
    tree_within(value, MAX_DEPTH)
}

/// A script's map as a neutral tree.
pub fn tree_of_map(map: &Map) -> Result<Value, Fault> {
    let pairs = map.iter().map(|(key, value)| Ok((key.to_string(), tree_within(value, MAX_DEPTH)?)));
    Ok(Value::Object(pairs.collect::<Result<_, Fault>>()?))
}

fn tree_within(value: &Dynamic, depth: usize) -> Result<Value, Fault> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::new(Kind::Spec, format!("the value is nested more than {MAX_DEPTH} deep")));
    };
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(flag.into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Ok(number) = value.as_float() {
        return Ok(number.into());
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.to_string().into());
    }
    if let Ok(letter) = value.as_char() {
        return Ok(letter.to_string().into());
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(|item| tree_within(item, depth)).collect::<Result<_, _>>().map(Value::Array);
    }
    if let Ok(map) = value.as_map_ref() {
        let pairs = map.iter().map(|(key, value)| Ok((key.to_string(), tree_within(value, depth)?)));
        return Ok(Value::Object(pairs.collect::<Result<_, Fault>>()?));
    }
    if let Some(profile) = value.read_lock::<Profile>() {
        return Ok(profile.0.to_tree());
    }
    Err(Fault::new(
        Kind::Spec,
        format!("a value of type {} cannot be used here; use texts, numbers, lists and maps", type_name(value.type_name())),
    ))
}

/// A neutral tree as a script's value.
pub fn dynamic(tree: &Value) -> Dynamic {
    match tree {
        Value::Null => Dynamic::UNIT,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or(f64::MAX).into(),
        },
        Value::String(text) => text.into(),
        Value::Array(items) => Dynamic::from_array(items.iter().map(dynamic).collect()),
        Value::Object(map) => Dynamic::from_map(map.iter().map(|(key, value)| (key.as_str().into(), dynamic(value))).collect()),
    }
}

/// Anything serializable as a script's value.
pub fn view(value: &impl Serialize) -> Dynamic {
    dynamic(&serde_json::to_value(value).unwrap_or_default())
}

/// Rust's and Rhai's names of types, in the words of the documentation.
pub fn type_name(kind: &str) -> &str {
    let bare = kind.trim().trim_start_matches("&mut ").trim_start_matches('&');
    match bare.rsplit("::").next().unwrap_or(bare) {
        "i64" | "INT" => "integer",
        "f64" | "FLOAT" => "float",
        "str" | "String" | "string" | "ImmutableString" | "str | ImmutableString | String" => "text",
        "array" | "Array" => "list",
        "map" | "Map" => "map",
        "Blob" => "blob",
        "()" => "nothing",
        "Fn" | "FnPtr" => "function",
        "?" | "Dynamic" => "any",
        other => other,
    }
}

/// Texts of a list, for an argv.
pub fn texts(verb: &str, items: &Array) -> Result<Vec<String>, Fault> {
    let text = |(at, item): (usize, &Dynamic)| match item.as_immutable_string_ref() {
        Ok(text) if text.contains('\0') => {
            Err(Fault::new(Kind::Spec, format!("{verb}: argument {at} holds a NUL byte, which cannot be passed to a program")))
        }
        Ok(text) => Ok(text.to_string()),
        Err(kind) => Err(Fault::new(Kind::Spec, format!("{verb}: argument {at} is of type {}; use a text", type_name(kind)))),
    };
    items.iter().enumerate().map(text).collect()
}

/// A verb's options, read strictly.
pub struct Options<'a> {
    verb: &'static str,
    map: &'a Map,
}

impl<'a> Options<'a> {
    /// # Errors
    /// A key that is not among `known`.
    pub fn new(verb: &'static str, map: &'a Map, known: &[&str]) -> Result<Self, Fault> {
        match map.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Options { verb, map }),
            Some(key) => {
                let hint = match nearest(key, known.iter().copied()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("use {}", known.join(", ")),
                };
                Err(Fault::new(Kind::Spec, format!("{verb}: unknown option {:?}; {hint}", key.as_str())))
            }
        }
    }

    pub fn get(&self, key: &str) -> Option<&'a Dynamic> {
        self.map.get(key).filter(|value| !value.is_unit())
    }

    pub fn wrong(&self, key: &str, expected: &str) -> Fault {
        let found = match self.get(key) {
            Some(text) if text.is_string() => format!("{:?}", text.to_string()),
            Some(other) => format!("of type {}", type_name(other.type_name())),
            None => "absent".into(),
        };
        Fault::new(Kind::Spec, format!("{}: option {key} is {found}; use {expected}", self.verb))
    }

    pub fn text(&self, key: &str) -> Result<Option<String>, Fault> {
        let read = |value: &Dynamic| value.as_immutable_string_ref().map(|text| text.to_string());
        self.get(key).map(read).transpose().map_err(|_| self.wrong(key, "a text"))
    }

    pub fn list(&self, key: &str) -> Result<Option<Array>, Fault> {
        let read = |value: &Dynamic| value.as_array_ref().map(|items| items.clone());
        self.get(key).map(read).transpose().map_err(|_| self.wrong(key, "a list"))
    }

    pub fn map(&self, key: &str) -> Result<Option<Map>, Fault> {
        let read = |value: &Dynamic| value.as_map_ref().map(|map| map.clone());
        self.get(key).map(read).transpose().map_err(|_| self.wrong(key, "a map"))
    }

    pub fn integer(&self, key: &str) -> Result<Option<i64>, Fault> {
        self.get(key).map(Dynamic::as_int).transpose().map_err(|_| self.wrong(key, "a whole number"))
    }

    pub fn flag(&self, key: &str, default: bool) -> Result<bool, Fault> {
        let read = self.get(key).map(Dynamic::as_bool).transpose();
        Ok(read.map_err(|_| self.wrong(key, "true or false"))?.unwrap_or(default))
    }

    /// A number from 0 to the largest that a user or group can have.
    pub fn id(&self, key: &str) -> Result<Option<u32>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_int().ok().and_then(|number| u32::try_from(number).ok()).filter(|number| *number != u32::MAX);
        number.map(Some).ok_or_else(|| match value.as_int() {
            Ok(number) => {
                Fault::new(Kind::Spec, format!("{}: option {key} is {number}; use a number from 0 to 4294967294", self.verb))
            }
            Err(_) => self.wrong(key, "a number from 0 to 4294967294"),
        })
    }

    /// Texts of a list.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(items) = self.list(key)? else { return Ok(None) };
        let text = |item: &Dynamic| item.as_immutable_string_ref().map(|text| text.to_string());
        items.iter().map(text).collect::<Result<_, _>>().map(Some).map_err(|_| self.wrong(key, "a list of texts"))
    }

    /// Permission bits: a text of octal digits, or a number.
    pub fn mode(&self, key: &str) -> Result<Option<u32>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let digits = |text: &str| text.len() <= 5 && !text.is_empty() && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let bits = match (value.as_int(), value.as_immutable_string_ref()) {
            (Ok(bits), _) => u32::try_from(bits).ok(),
            (_, Ok(text)) if digits(&text) => u32::from_str_radix(&text, 8).ok(),
            _ => None,
        };
        bits.filter(|bits| *bits <= 0o7777).map(Some).ok_or_else(|| self.wrong(key, "a mode like \"0644\" or 0o644"))
    }

    /// A number of seconds, or a text with a unit.
    pub fn duration(&self, key: &str) -> Result<Option<std::time::Duration>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let seconds = value.as_float().ok().or_else(|| value.as_int().ok().map(|seconds| seconds as f64));
        let found = match (seconds, self.text(key)) {
            (Some(seconds), _) => super::duration::from_seconds(seconds),
            (None, Ok(Some(text))) => super::duration::parse(&text).ok(),
            _ => None,
        };
        found.map(Some).ok_or_else(|| self.wrong(key, "seconds above 0, or a text like \"500ms\" or \"2m\""))
    }

    /// Whatever stands there.
    pub fn any(&self, key: &str) -> Option<&'a Dynamic> {
        self.get(key)
    }

    pub fn verb(&self) -> &'static str {
        self.verb
    }

    /// A map of variables; `part` takes their values.
    pub fn environment<T>(
        &self,
        key: &str,
        part: impl Fn(&Dynamic) -> Option<T>,
    ) -> Result<std::collections::BTreeMap<String, T>, Fault> {
        let Some(value) = self.get(key) else { return Ok(Default::default()) };
        let map = value.as_map_ref().map_err(|_| self.wrong(key, "a map of texts"))?;
        let mut found = std::collections::BTreeMap::new();
        for (name, value) in map.iter() {
            let is_text = value.is_string() || !(value.is_array() || value.is_blob());
            let part = part(value).filter(|_| is_text).ok_or_else(|| self.wrong(key, "a map of texts"))?;
            let has_nul = value.as_immutable_string_ref().is_ok_and(|text| text.contains('\0'));
            let sound = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !has_nul;
            if !sound {
                return Err(Fault::new(
                    Kind::Spec,
                    format!("{}: {:?} is no variable; use letters, digits and _", self.verb, name.as_str()),
                ));
            }
            found.insert(name.to_string(), part);
        }
        Ok(found)
    }
}

/// Teaches the engine a value type: it prints, compares, has its fields as properties, and becomes a map or JSON.
pub fn register<T>(engine: &mut Engine, name: &str)
where
    T: Clone + PartialEq + Debug + Display + Serialize + 'static,
{
    let kind = name.to_owned();
    engine
        .register_type_with_name::<T>(name)
        .register_fn("to_string", |value: &mut T| value.to_string())
        .register_fn("to_debug", |value: &mut T| json(value))
        .register_fn("to_json", |value: &mut T| json(value))
        .register_fn("to_map", |value: &mut T| view(value))
        .register_fn("==", |a: &mut T, b: T| *a == b)
        .register_fn("!=", |a: &mut T, b: T| *a != b)
        .register_indexer_get(move |value: &mut T, key: ImmutableString| property(&kind, value, &key));
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// One field, by name.
pub fn property(kind: &str, value: &impl Serialize, key: &str) -> Result<Dynamic, Box<EvalAltResult>> {
    let Ok(Value::Object(fields)) = serde_json::to_value(value) else {
        return Err(EvalAltResult::ErrorPropertyNotFound(format!("{key:?} of {kind}"), Position::NONE).into());
    };
    fields.get(key).map(dynamic).ok_or_else(|| {
        let near = nearest(key, fields.keys().map(String::as_str));
        let hint = near.map_or_else(
            || format!("it has {}", fields.keys().cloned().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean {near}?"),
        );
        Fault::new(Kind::Value, format!("{kind} has no property {key:?}; {hint}")).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_nests_without_end_is_refused() {
        let mut value = Dynamic::from(1_i64);
        for _ in 0..MAX_DEPTH {
            value = Dynamic::from_array(vec![value]);
        }
        assert_eq!(tree(&value).unwrap_err().message, "the value is nested more than 32 deep");
    }

    #[test]
    fn trees_survive_the_way_through_rhai() {
        let json = serde_json::json!({"a": [1, 2.5, "x", true, null], "b": {"c": -3}});
        assert_eq!(tree(&dynamic(&json)).unwrap(), json);
    }

    #[test]
    fn options_name_the_verb_the_key_and_the_remedy() {
        let map = rhai::Engine::new().eval::<Map>("#{ usr: 1 }").unwrap();
        let error = Options::new("exec", &map, &["user", "env"]).err().unwrap();
        assert_eq!(error.to_string(), "exec: unknown option \"usr\"; did you mean \"user\"?");
        let map = rhai::Engine::new().eval::<Map>("#{ user: 1, timeout: -1, check: 0 }").unwrap();
        let options = Options::new("exec", &map, &["user", "timeout", "check"]).unwrap();
        let messages = [
            options.text("user").unwrap_err().to_string(),
            options.duration("timeout").unwrap_err().to_string(),
            options.flag("check", true).unwrap_err().to_string(),
        ];
        assert_eq!(
            messages,
            [
                "exec: option user is of type integer; use a text",
                "exec: option timeout is of type integer; use seconds above 0, or a text like \"500ms\" or \"2m\"",
                "exec: option check is of type integer; use true or false",
            ]
        );
    }
}
