//! The actions: everything a script can do to a jail, as data. A plan is a list of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::accounts::{GroupWish, UserWish};
use super::content::Content;
use super::packages::PackageName;
use super::path::JailPath;
use crate::jail::{Digest, Spec};
use crate::kernel::JailName;

/// Where in a script an action was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub file: String,
    pub line: u16,
    pub column: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing to do to one jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub jail: JailName,
    #[serde(flatten)]
    pub step: Step,
    /// Nothing is there yet: it comes, rather than changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new: bool,
    /// What changes, for people: lines of a difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Mode bits and owners of a file. What is not named is left as it is, or for a new one 0644 (0755 for directories) and
/// root's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Permission bits, 0 to 0o7777.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// A name of the jail's /etc/passwd, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// A name of the jail's /etc/group, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// A line that is to be in a file once, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub text: String,
    /// Replace the lines that begin with this, in place of adding one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// It is to be gone.
    #[serde(default)]
    pub absent: bool,
}

impl Line {
    /// The text of a file with the line as it is to be.
    pub fn put(&self, text: &str) -> String {
        let stands = |line: &str| {
            let begins = |beginning: &String| line.starts_with(beginning.as_str());
            line == self.text || self.replaces.as_ref().is_some_and(begins)
        };
        let mut lines = Vec::new();
        let mut found = false;
        for line in text.lines() {
            if !stands(line) {
                lines.push(line);
            } else if !self.absent && !found {
                lines.push(&self.text);
                found = true;
            } else if !self.absent && line == self.text && self.replaces.is_none() {
                // Twice already, by somebody's wish: not ours to change.
                lines.push(line);
            }
        }
        if !found && !self.absent {
            lines.push(&self.text);
        }
        if lines.iter().copied().eq(text.lines()) {
            return text.to_owned();
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// An archive of the host's, as all that a directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    pub file: PathBuf,
    pub sha256: Digest,
    /// Names taken from the beginning of each path; what has no more is left out.
    pub strip: u32,
    /// Whose all of it is; root if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl Archive {
    /// Lies in the directory that an archive was unpacked to, and tells which. Beside the files and not with the host's
    /// records of the jail, so that it goes with them through snapshots, clones and exports, and comes in the same
    /// instant. A jail can change it, as it can change the files themselves.
    pub const NOTE: &str = ".jailsh-unpacked";

    /// The note's text.
    pub fn note(&self) -> String {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "root".into());
        format!(
            "# By jailsh: what this directory was made of. Without this file it is not made anew.\nsha256 = {}\nstrip = {}\nowner = {}:{}\n",
            self.sha256,
            self.strip,
            name(&self.owner),
            name(&self.group)
        )
    }
}

/// A program text to run: a file of its own while it runs, which its user alone can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Of the host's file, or in a word.
    pub name: String,
    pub text: Content,
    /// What runs it: a program and its arguments before the file's name.
    pub interpreter: Vec<String>,
}

/// A command to run inside a jail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// With a `program` only the arguments for it.
    pub argv: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Content>,
    /// Milliseconds after which it is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Bring a jail that is down up for it, and take it down again.
    #[serde(default)]
    pub ephemeral: bool,
    /// A status other than 0 is a failure.
    #[serde(default)]
    pub check: bool,
}

impl fmt::Display for Command {
    /// On one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.program {
            None => f.write_str(&shown(&self.argv)),
            Some(program) => f.write_str(&shown(&[std::slice::from_ref(&program.name), &self.argv].concat())),
        }
    }
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Step {
    /// Makes the jail's spec and files.
    Create {
        spec: Written,
    },
    /// Replaces the spec of one that is there.
    Configure {
        spec: Written,
    },
    Start,
    /// Stops it and starts it with what changed since its start.
    Restart {
        why: String,
    },
    Stop,
    Thaw,
    Destroy,
    /// Writes a file, whole or not at all.
    Write {
        path: JailPath,
        content: Content,
        attributes: Attributes,
        restart: bool,
    },
    /// One line of a text file, whatever else is in it.
    Line {
        path: JailPath,
        line: Line,
        restart: bool,
    },
    /// Mode and owners only.
    Attributes {
        path: JailPath,
        attributes: Attributes,
        restart: bool,
    },
    Directory {
        path: JailPath,
        attributes: Attributes,
    },
    Link {
        path: JailPath,
        target: String,
        restart: bool,
    },
    /// A file or link, or a directory with all in it.
    Remove {
        path: JailPath,
        restart: bool,
    },
    /// A directory that holds what an archive does, and nothing else.
    Unpack {
        path: JailPath,
        archive: Archive,
        restart: bool,
    },
    /// Debian packages that the jail's base is to have; by a copy of that, which then is the jail's.
    Packages {
        packages: Vec<PackageName>,
        /// Of the one package that is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// Read the archives' lists anew first.
        #[serde(default)]
        update: bool,
    },
    /// A user, and what groups it is in.
    User {
        user: UserWish,
    },
    Group {
        group: GroupWish,
    },
    Run {
        command: Command,
    },
    /// Shell text, run by the jail's /bin/sh.
    Apply {
        text: String,
        ephemeral: bool,
        capture: bool,
        check: bool,
    },
}

impl Step {
    /// Its result is known only once it was done.
    pub fn is_opaque(&self) -> bool {
        matches!(self, Step::Run { .. } | Step::Apply { .. })
    }
}

/// An argv on one line, cut where it gets long.
pub fn shown(argv: &[String]) -> String {
    const LIMIT: usize = 100;
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=@,+%".contains(c)) {
        true => word.clone(),
        false => format!("{word:?}"),
    };
    let line = argv.iter().map(quoted).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

/// A spec as a plan writes it down: with every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written(pub Box<Spec>);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Written, D::Error> {
        let tree = Value::deserialize(deserializer)?;
        // A jail's name counts for what is not written down, and here everything is; it only must not depend on itself.
        let others = tree.get("depends_on").and_then(Value::as_array).map_or(0, Vec::len);
        let free = (0..=others).map(|n| format!("a{n}"));
        let taken = |name: &str| {
            let named = |other: &Value| other.as_str() == Some(name);
            tree.get("depends_on").and_then(Value::as_array).is_some_and(|others| others.iter().any(named))
        };
        let name = free.into_iter().find(|name| !taken(name)).and_then(|name| name.parse().ok());
        let name = name.ok_or_else(|| serde::de::Error::custom("too many names in depends_on"))?;
        Spec::parse(&name, &tree).map(|spec| Written(Box::new(spec))).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
