//! What the decisions are made on: a jail and its files as they are, or as earlier actions of a plan will leave them.

use serde::{Deserialize, Serialize};

use super::action::Command;
use super::content::Part;
use super::packages::Packages;
use super::path::{JailPath, PathError};
use crate::jail::{Base, Entry, JailError, Spec};
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
    /// `Err`: why `jail.toml` cannot be read. The limits are those that a jail that is up is held to.
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

/// What a base brings to a path of a jail that is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seed {
    pub entry: Entry,
    /// Of a file of at most [`MAX_READ`].
    pub bytes: Option<Vec<u8>>,
    /// Of what is in a directory, in order.
    pub names: Vec<String>,
}

impl Seed {
    pub fn of(entry: Entry) -> Seed {
        Seed { entry, bytes: None, names: Vec::new() }
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
    /// The Debian packages of a jail's base with their versions; `None`: it keeps no record of them.
    fn packages(&self, jail: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError>;
    /// What a base other than the host's has at a path, for jails that are not made yet.
    fn seed(&self, base: &Base, path: &JailPath) -> Result<Seed, ObserveError>;
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

    fn packages(&self, jail: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError> {
        (**self).packages(jail, base)
    }

    fn seed(&self, base: &Base, path: &JailPath) -> Result<Seed, ObserveError> {
        (**self).seed(base, path)
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        (**self).fetch(part)
    }
}

/// Bytes of a file that are read to change or compare it.
pub const MAX_READ: u64 = 16 << 20;
