//! What the decisions are made on: a jail and its files as they are, or as earlier actions of a plan will leave them.

use serde::{Deserialize, Serialize};

use super::action::Command;
use super::content::Part;
use super::packages::Packages;
use super::path::{JailPath, PathError};
use super::provenance::Digest;
use crate::jail::{Base, JailError, Spec};
use crate::kernel::JailName;

/// How far a jail's service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    Down,
    /// Commands can run in it; nobody supervises a service.
    Up,
    Ready,
    /// Supervised, or it was: in which state.
    Unready(String),
    Frozen,
}

/// A jail as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JailSeen {
    /// `Err`: why `jail.toml` cannot be read.
    pub spec: Result<Box<Spec>, String>,
    pub service: Service,
    /// What changed since its start and is not taken up before a restart.
    pub stale: Vec<String>,
}

impl JailSeen {
    pub fn is_up(&self) -> bool {
        self.service != Service::Down
    }
}

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

/// Which table a name is looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    User,
    Group,
}

/// How an observation can fail.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error(transparent)]
    Jail(#[from] JailError),
    #[error("{0}")]
    Secret(String),
    #[error(transparent)]
    Name(#[from] PathError),
    #[error("{path}: {why}; {remedy}")]
    Path { path: String, why: String, remedy: String },
    /// In a test: nobody said what would be answered.
    #[error("{what}; {remedy}")]
    NoDouble { what: String, remedy: String },
}

/// Looks at jails. Reading only.
pub trait Observe {
    /// `None`: there is no such jail.
    fn jail(&self, jail: &JailName) -> Result<Option<JailSeen>, ObserveError>;
    /// Names of all jails.
    fn jails(&self) -> Result<Vec<JailName>, ObserveError>;
    fn entry(&self, jail: &JailName, path: &JailPath) -> Result<Entry, ObserveError>;
    /// The bytes of a file; `None` if there is no file, or it is longer than [`MAX_READ`].
    fn bytes(&self, jail: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError>;
    /// Where a link leads; `None`: there is none.
    fn target(&self, jail: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError>;
    /// Names in a directory, in order; none if there is no directory.
    fn names(&self, jail: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError>;
    /// The number of a user or group of the jail's; `None`: no such name (yet).
    fn id(&self, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError>;
    /// Runs a command that changes nothing, and says how it ended; `None` where that cannot be known now.
    fn probe(&self, jail: &JailName, command: &Command) -> Result<Option<i32>, ObserveError>;
    /// Would a jail with base `pinned` be what `wanted` asks for?
    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError>;
    /// The Debian packages of a base with their versions; `None`: it keeps no record of them.
    fn packages(&self, base: &Base) -> Result<Option<Packages>, ObserveError>;
    /// A host's file or a secret.
    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError>;
}

impl<O: Observe + ?Sized> Observe for &O {
    fn jail(&self, jail: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        (**self).jail(jail)
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        (**self).jails()
    }

    fn entry(&self, jail: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        (**self).entry(jail, path)
    }

    fn bytes(&self, jail: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        (**self).bytes(jail, path)
    }

    fn target(&self, jail: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        (**self).target(jail, path)
    }

    fn names(&self, jail: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError> {
        (**self).names(jail, path)
    }

    fn id(&self, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError> {
        (**self).id(jail, kind, name)
    }

    fn probe(&self, jail: &JailName, command: &Command) -> Result<Option<i32>, ObserveError> {
        (**self).probe(jail, command)
    }

    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError> {
        (**self).same_base(wanted, pinned)
    }

    fn packages(&self, base: &Base) -> Result<Option<Packages>, ObserveError> {
        (**self).packages(base)
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        (**self).fetch(part)
    }
}

/// Bytes of a file that are read to change or compare it.
pub const MAX_READ: u64 = 16 << 20;
