//! How a base is named: in `jail.toml`, in scripts, on the command line. Pure.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::jail::Digest;
use crate::jail::label::Label;

/// The programs of a jail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Base {
    /// The host's own /usr.
    #[default]
    Host,
    /// One version of an imported base. What `jail.toml` holds.
    Pinned(Pin),
    /// The newest version of an imported base.
    Newest(Label),
    /// A directory of the host, imported when a jail is made of it.
    Directory(PathBuf),
    /// A tar archive, likewise; with the SHA-256 it must have.
    Archive { path: PathBuf, sha256: Option<Digest> },
}

/// One version of a base: `NAME@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin {
    pub name: Label,
    pub version: Label,
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = text.split_once('@').ok_or_else(|| format!("{text:?} names no version; use NAME@VERSION"))?;
        let label = |text: &str| text.parse::<Label>().map_err(|error| error.to_string());
        Ok(Pin { name: label(name)?, version: label(version)? })
    }
}

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = |path: &str| match path.starts_with('/') && !path.contains(char::is_control) {
            true => Ok(PathBuf::from(path)),
            false => Err(format!("{path:?} is no absolute path; use one, without control characters")),
        };
        if let Some(directory) = text.strip_prefix("dir:") {
            return Ok(Base::Directory(path(directory)?));
        }
        if let Some(archive) = text.strip_prefix("tar:") {
            let (archive, sum) = match archive.rsplit_once("#sha256=") {
                Some((archive, sum)) => (archive, Some(sum.parse()?)),
                None => (archive, None),
            };
            return Ok(Base::Archive { path: path(archive)?, sha256: sum });
        }
        match text {
            "host" => Ok(Base::Host),
            text if text.starts_with("host@") => Err("the base host has no versions; use host".into()),
            text if text.contains('@') => text.parse().map(Base::Pinned),
            text => text
                .parse()
                .map(Base::Newest)
                .map_err(|_| format!("{text:?} is no base; use host, NAME, NAME@VERSION, dir:PATH or tar:PATH#sha256=SUM")),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Base::Host => f.write_str("host"),
            Base::Pinned(pin) => pin.fmt(f),
            Base::Newest(name) => name.fmt(f),
            Base::Directory(path) => write!(f, "dir:{}", path.display()),
            Base::Archive { path, sha256: None } => write!(f, "tar:{}", path.display()),
            Base::Archive { path, sha256: Some(sum) } => write!(f, "tar:{}#sha256={sum}", path.display()),
        }
    }
}

impl Serialize for Base {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pin, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_way_to_name_a_base_comes_back_as_it_was() {
        let sum = "0123456789abcdef".repeat(4);
        for text in ["host", "debian", "debian@12.5", "dir:/srv/root", "tar:/srv/a b.tar.gz", &format!("tar:/x.tar#sha256={sum}")]
        {
            assert_eq!(text.parse::<Base>().unwrap().to_string(), text);
        }
        assert_eq!(
            "debian@12".parse(),
            Ok(Base::Pinned(Pin { name: "debian".parse().unwrap(), version: "12".parse().unwrap() }))
        );
    }

    #[test]
    fn what_is_no_base_is_told_with_what_would_be() {
        let wrong =
            ["", "../x", "debian@", "@1", "a@b@c", "host@1", "dir:x", "dir:", "tar:-", "tar:/x#sha256=12", "tar:/a\u{1b}b"];
        let messages: Vec<String> = wrong.iter().map(|text| text.parse::<Base>().unwrap_err()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_name_is_ever_a_path(text in "\\PC*|[a-z@/.:#=-]*") {
            if let Ok(Base::Pinned(pin)) = text.parse::<Base>() {
                for part in [pin.name.as_str(), pin.version.as_str()] {
                    prop_assert!(!part.contains('/') && !part.starts_with('.'));
                }
            }
        }
    }
}
