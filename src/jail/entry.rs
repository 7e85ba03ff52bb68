//! What is at a path inside a jail, or will be. Pure.

use serde::{Deserialize, Serialize};

use super::Digest;

/// What is at a path inside a jail. Links are not followed at the last step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    Absent,
    File {
        sha256: Digest,
        size: u64,
        mode: u32,
        uid: u32,
        gid: u32,
    },
    Directory {
        mode: u32,
        uid: u32,
        gid: u32,
    },
    Link {
        target: String,
    },
    /// A device, a socket, a pipe.
    Other,
    /// Known only once an earlier action of the plan was done: what an archive brings.
    Unknown,
}

impl Entry {
    /// Mode, uid and gid.
    pub fn attributes(&self) -> Option<(u32, u32, u32)> {
        match self {
            Entry::File { mode, uid, gid, .. } | Entry::Directory { mode, uid, gid } => Some((*mode, *uid, *gid)),
            _ => None,
        }
    }

    /// In a word, for messages.
    pub fn word(&self) -> &'static str {
        match self {
            Entry::Absent => "nothing",
            Entry::File { .. } => "a file",
            Entry::Directory { .. } => "a directory",
            Entry::Link { .. } => "a link",
            Entry::Other => "a device, socket or pipe",
            Entry::Unknown => "known only then",
        }
    }
}
