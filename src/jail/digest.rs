//! A SHA-256 as text: of files, archives, trees, and of what a plan rests on. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::tree::hexadecimal;

/// A SHA-256 in hexadecimal, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl Digest {
    pub fn of(content: impl AsRef<[u8]>) -> Digest {
        Digest(hexadecimal(&sha2::Sha256::digest(content.as_ref())))
    }

    /// Of what was fed to `sum`.
    pub fn finished(sum: sha2::Sha256) -> Digest {
        Digest(hexadecimal(&sum.finalize()))
    }

    /// Of a value that has no bytes of its own: of its JSON, which is the same for equal values.
    pub fn of_value(value: &serde_json::Value) -> Digest {
        Digest::of(value.to_string())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(Digest(text.to_ascii_lowercase())),
            false => Err(format!("{text:?} is no sha256; use the 64 hexadecimal digits that sha256sum prints")),
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        text.parse()
    }
}
