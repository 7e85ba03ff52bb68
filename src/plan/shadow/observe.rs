//! What later verbs of a plan see: what was recorded, and below it what is.

use std::collections::BTreeSet;

use super::{Ground, ROOT, Shadow, UNKNOWN};
use crate::jail::{self, Base};
use crate::kernel::JailName;
use crate::plan::{Command, Entry, JailPath, JailSeen, Kind, MAX_READ, Observe, ObserveError, Packages, Part, Seed};

impl<O: Observe> Observe for Shadow<O> {
    fn jail(&self, jail: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        match self.jails.get(jail) {
            Some(seen) => Ok(seen.clone()),
            None => self.below.jail(jail),
        }
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        let mut names: BTreeSet<JailName> = self.below.jails()?.into_iter().collect();
        for (name, seen) in &self.jails {
            match seen {
                Some(_) => names.insert(name.clone()),
                None => names.remove(name),
            };
        }
        Ok(names.into_iter().collect())
    }

    fn entry(&self, jail: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        Ok(self.known(jail, path)?.0)
    }

    fn bytes(&self, jail: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        match self.known(jail, path)? {
            (Entry::File { size, .. }, _) if size > MAX_READ => Ok(None),
            (Entry::File { .. }, Some(content)) => content.resolve(|part| self.fetch(part)).map(Some),
            (Entry::File { .. }, None) => self.below.bytes(jail, &self.settled(jail, path)?),
            _ => Ok(None),
        }
    }

    fn target(&self, jail: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        self.target_at(jail, &self.settled(jail, path)?)
    }

    fn names(&self, jail: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError> {
        let path = self.settled(jail, path)?;
        let of_others = match self.recorded(jail, &path) {
            Some((Entry::Directory { .. }, _)) | None => self.ground(jail, &path)?,
            Some(_) => Ground::Gone,
        };
        let mut names: BTreeSet<String> = match of_others {
            Ground::Below => self.below.names(jail, &path)?.into_iter().collect(),
            Ground::Seeded => match self.jail(jail)?.and_then(|seen| seen.spec.ok()) {
                Some(spec) if spec.base != Base::Host => self.below.seed(&spec.base, &path)?.names.into_iter().collect(),
                _ => BTreeSet::new(),
            },
            Ground::Gone | Ground::Unknown => BTreeSet::new(),
        };
        for (at, (entry, _)) in self.files.get(jail).into_iter().flatten() {
            if at.parent().as_ref() == Some(&path) {
                match entry {
                    Entry::Absent => names.remove(at.name()),
                    _ => names.insert(at.name().to_owned()),
                };
            }
        }
        Ok(names.into_iter().collect())
    }

    fn id(&self, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError> {
        let table: JailPath = if kind == Kind::User { "/etc/passwd" } else { "/etc/group" }.parse()?;
        let found = if let Ok(number) = name.parse() {
            Some(number)
        } else if name == "root" {
            Some(ROOT)
        } else if self.fresh.contains(jail) || self.recorded(jail, &table).is_some() {
            let text = self.bytes(jail, &table)?.unwrap_or_default();
            if kind == Kind::User { jail::user_number(&text, name) } else { jail::group_number(&text, name) }
        } else if self.jail(jail)?.is_none() {
            None
        } else {
            self.below.id(jail, kind, name)?
        };
        let promised = || self.promised.borrow().contains(&(jail.clone(), kind, name.to_owned()));
        Ok(found.or_else(|| promised().then_some(UNKNOWN)))
    }

    fn probe(&self, jail: &JailName, command: &Command) -> Result<Option<i32>, ObserveError> {
        // What was recorded could change the answer.
        if self.is_untouched(jail) { self.below.probe(jail, command) } else { Ok(None) }
    }

    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError> {
        self.below.same_base(wanted, pinned)
    }

    fn packages(&self, jail: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError> {
        let mut packages = self.below.packages(jail, base)?;
        let installed = self.installed.get(jail).into_iter().flatten();
        if let Some(packages) = &mut packages {
            installed.for_each(|(name, version)| packages.add(name, version.as_deref().unwrap_or_default()));
        }
        Ok(packages)
    }

    fn seed(&self, base: &Base, path: &JailPath) -> Result<Seed, ObserveError> {
        self.below.seed(base, path)
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        self.below.fetch(part)
    }
}
