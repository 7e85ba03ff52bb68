//! What was looked at, and what it was: a plan carries that, and is refused once it is no longer so.

use std::cell::RefCell;
use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::action::{Command, shown};
use super::content::Part;
use super::observed::{JailSeen, Kind, Observe, ObserveError, Seed};
use super::packages::Packages;
use super::path::JailPath;
use crate::jail::{Base, Digest, Entry, JailError};
use crate::kernel::JailName;

/// Something that can be looked at again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// Spec and service of a jail.
    Jail {
        jail: JailName,
    },
    Path {
        jail: JailName,
        path: JailPath,
    },
    Names {
        jail: JailName,
        path: JailPath,
    },
    User {
        jail: JailName,
        name: String,
    },
    Group {
        jail: JailName,
        name: String,
    },
    Command {
        jail: JailName,
        argv: Vec<String>,
        user: Option<String>,
    },
    /// Packages of a base.
    Packages {
        base: String,
    },
    /// What a base brings to a path.
    Seed {
        base: String,
        path: JailPath,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Jail { jail } => write!(f, "jail {jail}"),
            Fact::Path { jail, path } => write!(f, "{path} in jail {jail}"),
            Fact::Names { jail, path } => write!(f, "what is in {path} in jail {jail}"),
            Fact::User { jail, name } => write!(f, "user {name} in jail {jail}"),
            Fact::Group { jail, name } => write!(f, "group {name} in jail {jail}"),
            Fact::Command { jail, argv, .. } => write!(f, "what {} says in jail {jail}", shown(argv)),
            Fact::Packages { base } => write!(f, "packages of base {base}"),
            Fact::Seed { base, path } => write!(f, "{path} in base {base}"),
        }
    }
}

/// Looks, and remembers the digest of each answer; the first one counts.
pub struct Witness<O> {
    below: O,
    facts: RefCell<IndexMap<Fact, Digest>>,
}

impl<O: Observe> Witness<O> {
    pub fn new(below: O) -> Witness<O> {
        Witness { below, facts: RefCell::default() }
    }

    pub fn facts(&self) -> Vec<(Fact, Digest)> {
        self.facts.borrow().iter().map(|(fact, digest)| (fact.clone(), digest.clone())).collect()
    }

    fn note<T: Serialize>(&self, fact: Fact, answer: Result<T, ObserveError>) -> Result<T, ObserveError> {
        let answer = answer?;
        self.facts.borrow_mut().entry(fact).or_insert_with(|| digest(&answer));
        Ok(answer)
    }
}

fn digest(answer: &impl Serialize) -> Digest {
    Digest::of_value(&serde_json::to_value(answer).unwrap_or_default())
}

impl<O: Observe> Observe for Witness<O> {
    fn jail(&self, jail: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        self.note(Fact::Jail { jail: jail.clone() }, self.below.jail(jail))
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        self.below.jails()
    }

    fn entry(&self, jail: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        self.note(Fact::Path { jail: jail.clone(), path: path.clone() }, self.below.entry(jail, path))
    }

    fn bytes(&self, jail: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        // The entry's digest covers them.
        self.entry(jail, path)?;
        self.below.bytes(jail, path)
    }

    fn target(&self, jail: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        let found = self.below.target(jail, path)?;
        if found.is_some() {
            // Only a link leads elsewhere; what else is there does not matter.
            self.entry(jail, path)?;
        }
        Ok(found)
    }

    fn names(&self, jail: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError> {
        self.note(Fact::Names { jail: jail.clone(), path: path.clone() }, self.below.names(jail, path))
    }

    fn id(&self, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError> {
        let (jail_name, text) = (jail.clone(), name.to_owned());
        let fact = match kind {
            Kind::User => Fact::User { jail: jail_name, name: text },
            Kind::Group => Fact::Group { jail: jail_name, name: text },
        };
        self.note(fact, self.below.id(jail, kind, name))
    }

    fn probe(&self, jail: &JailName, command: &Command) -> Result<Option<i32>, ObserveError> {
        let fact = Fact::Command { jail: jail.clone(), argv: command.argv.clone(), user: command.user.clone() };
        self.note(fact, self.below.probe(jail, command))
    }

    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError> {
        self.below.same_base(wanted, pinned)
    }

    fn packages(&self, jail: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError> {
        self.note(Fact::Packages { base: base.to_string() }, self.below.packages(jail, base))
    }

    fn seed(&self, base: &Base, path: &JailPath) -> Result<Seed, ObserveError> {
        self.note(Fact::Seed { base: base.to_string(), path: path.clone() }, self.below.seed(base, path))
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        self.below.fetch(part)
    }
}

fn named(base: &str) -> Result<Base, ObserveError> {
    let wrong = |why| ObserveError::Path { path: base.to_owned(), why, remedy: "make the plan again".into() };
    base.parse().map_err(wrong)
}

/// The facts that are no longer what they were.
///
/// # Errors
/// When one cannot be looked at.
pub fn stale_facts(now: &dyn Observe, facts: &[(Fact, Digest)]) -> Result<Vec<Fact>, ObserveError> {
    let mut stale = Vec::new();
    for (fact, then) in facts {
        let is = match fact {
            Fact::Jail { jail } => digest(&now.jail(jail)?),
            Fact::Path { jail, path } => digest(&now.entry(jail, path)?),
            Fact::Names { jail, path } => digest(&now.names(jail, path)?),
            // Which jail asked does not matter: nothing is recorded above what is looked at now.
            Fact::Packages { base } => digest(&now.packages(&"any".parse().map_err(JailError::from)?, &named(base)?)?),
            Fact::Seed { base, path } => digest(&now.seed(&named(base)?, path)?),
            Fact::User { jail, name } => digest(&now.id(jail, Kind::User, name)?),
            Fact::Group { jail, name } => digest(&now.id(jail, Kind::Group, name)?),
            Fact::Command { jail, argv, user } => {
                let command = Command { argv: argv.clone(), user: user.clone(), ..Command::default() };
                digest(&now.probe(jail, &command)?)
            }
        };
        if is != *then {
            stale.push(fact.clone());
        }
    }
    Ok(stale)
}
