//! What a file is to hold, in parts: text and bytes that a plan carries, files of the host that it names with their sum,
//! secrets that it names and never holds.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::jail::Digest;

/// Bytes, in JSON as base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes).map_err(serde::de::Error::custom)
    }
}

/// One piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Text(String),
    Bytes(Bytes),
    /// A file of the host with the sum it had when the plan was made.
    File {
        path: PathBuf,
        sha256: Digest,
        /// Bytes.
        size: u64,
    },
    /// A secret, by name.
    Secret(String),
}

/// All of a file, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(pub Vec<Part>);

impl Content {
    pub fn text(text: impl Into<String>) -> Content {
        Content(vec![Part::Text(text.into())])
    }

    /// As text where it is some.
    pub fn bytes(bytes: Vec<u8>) -> Content {
        match String::from_utf8(bytes) {
            Ok(text) => Content::text(text),
            Err(error) => Content(vec![Part::Bytes(Bytes(error.into_bytes()))]),
        }
    }

    pub fn holds_secrets(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Secret(_)))
    }

    /// Sum and size of the whole, where it is one file of the host: known without reading that again.
    pub fn noted(&self) -> Option<(&Digest, u64)> {
        match self.0.as_slice() {
            [Part::File { sha256, size, .. }] => Some((sha256, *size)),
            _ => None,
        }
    }

    /// Sum and size of the whole.
    pub fn measure<E>(&self, fetch: impl FnMut(&Part) -> Result<Vec<u8>, E>) -> Result<(Digest, u64), E> {
        if let Some((sum, size)) = self.noted() {
            return Ok((sum.clone(), size));
        }
        let whole = self.resolve(fetch)?;
        Ok((Digest::of(&whole), whole.len() as u64))
    }

    /// The whole, with files and secrets as `fetch` finds them.
    pub fn resolve<E>(&self, mut fetch: impl FnMut(&Part) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
        let mut whole = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => whole.extend_from_slice(text.as_bytes()),
                Part::Bytes(bytes) => whole.extend_from_slice(&bytes.0),
                fetched => whole.extend_from_slice(&fetch(fetched)?),
            }
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_goes_through_json_and_names_secrets_only() {
        let content = Content(vec![
            Part::Text("password = ".into()),
            Part::Secret("db".into()),
            Part::Bytes(Bytes(vec![0, 255])),
            Part::File { path: "/srv/a".into(), sha256: Digest::of(b"x"), size: 1 },
        ]);
        let json = serde_json::to_string(&content).unwrap();
        assert!(json.contains(r#"{"secret":"db"}"#) && json.contains(r#"{"bytes":"AP8="}"#), "{json}");
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), content);
        let whole = content.resolve(|part| match part {
            Part::Secret(_) => Ok::<_, ()>(b"hunter2".to_vec()),
            _ => Ok(b"x".to_vec()),
        });
        assert_eq!(whole.unwrap(), b"password = hunter2\0\xffx");
    }
}
