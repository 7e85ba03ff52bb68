//! Maps whose keys are known: a jail's spec, and the options of verbs.

use serde::{Serialize, Serializer};

use super::item::Type;

/// A map that is read strictly: another key is an error.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Shape {
    /// `spec`, `spec.log`, `exec.options`.
    pub name: &'static str,
    pub summary: &'static str,
    pub keys: &'static [Key],
}

/// A key of such a map.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Key {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: Type,
    /// What may stand there: range, unit, form.
    pub values: &'static str,
    /// What holds without it; empty where it is needed.
    pub default: &'static str,
    pub summary: &'static str,
    /// All words that may stand there, where they are a closed set.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "call")]
    pub words: Option<fn() -> Vec<&'static str>>,
    /// The keys, where the value can be a map, or a list of maps.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name")]
    pub shape: Option<&'static Shape>,
}

fn call<S: Serializer>(words: &Option<fn() -> Vec<&'static str>>, serializer: S) -> Result<S::Ok, S::Error> {
    words.map(|words| words()).serialize(serializer)
}

fn name<S: Serializer>(shape: &Option<&'static Shape>, serializer: S) -> Result<S::Ok, S::Error> {
    shape.map(|shape| shape.name).serialize(serializer)
}

impl Shape {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key: name, type, what may stand there, what holds without it, what it is for.
pub const fn key(name: &'static str, kind: Type, values: &'static str, default: &'static str, summary: &'static str) -> Key {
    Key { name, kind, values, default, summary, words: None, shape: None }
}

impl Key {
    pub const fn words(self, words: fn() -> Vec<&'static str>) -> Key {
        Key { words: Some(words), ..self }
    }

    pub const fn shape(self, shape: &'static Shape) -> Key {
        Key { shape: Some(shape), ..self }
    }
}
