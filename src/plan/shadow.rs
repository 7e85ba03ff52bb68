//! Jails as the actions recorded so far will leave them. Looks below where nothing was recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Attributes, Command, Step};
use super::content::Part;
use super::observed::{Entry, JailSeen, Kind, MAX_READ, Observe, ObserveError, Service};
use super::path::JailPath;
use super::provenance::Digest;
use crate::jail::{self, Base};
use crate::kernel::JailName;

/// Root's numbers, and those of names that will exist only then.
const ROOT: u32 = 0;
const UNKNOWN: u32 = u32::MAX;

/// What is at a path, and a file's bytes where they are known.
type Known = (Entry, Option<Vec<u8>>);

/// An overlay over what is.
pub struct Shadow<O> {
    below: O,
    jails: BTreeMap<JailName, Option<JailSeen>>,
    /// Made by the plan: below there is nothing of them.
    fresh: BTreeSet<JailName>,
    files: BTreeMap<(JailName, JailPath), Known>,
    /// Something that no plan can foresee will have run in it.
    opaque: BTreeSet<JailName>,
    /// Names that resolved to [`UNKNOWN`] when they were planned, so that they resolve to it again.
    promised: RefCell<BTreeSet<(JailName, Kind, String)>>,
}

impl<O: Observe> Shadow<O> {
    pub fn new(below: O) -> Shadow<O> {
        Shadow {
            below,
            jails: BTreeMap::new(),
            fresh: BTreeSet::new(),
            files: BTreeMap::new(),
            opaque: BTreeSet::new(),
            promised: RefCell::default(),
        }
    }

    pub fn below(&self) -> &O {
        &self.below
    }

    /// Nothing was recorded about this jail.
    pub fn is_untouched(&self, jail: &JailName) -> bool {
        !self.jails.contains_key(jail) && !self.opaque.contains(jail) && !self.files.keys().any(|(of, _)| of == jail)
    }

    /// From here on this action counts as done.
    ///
    /// # Errors
    /// When what is below cannot be looked at.
    pub fn record(&mut self, action: &Action) -> Result<(), ObserveError> {
        let jail = &action.jail;
        match &action.step {
            Step::Create { spec } => {
                self.forget(jail);
                self.fresh.insert(jail.clone());
                let seen = JailSeen { spec: Ok(spec.0.clone()), service: Service::Down, stale: Vec::new() };
                self.jails.insert(jail.clone(), Some(seen));
            }
            Step::Configure { spec } => self.change(jail, |seen| {
                seen.spec = Ok(spec.0.clone());
                seen.wear("its spec changed");
            })?,
            Step::Start | Step::Restart { .. } | Step::Thaw => self.change(jail, |seen| {
                seen.service = Service::Ready;
                seen.stale.clear();
            })?,
            Step::Stop => self.change(jail, |seen| {
                seen.service = Service::Down;
                seen.stale.clear();
            })?,
            Step::Destroy => {
                self.forget(jail);
                self.jails.insert(jail.clone(), None);
            }
            Step::Write { path, content, attributes, restart } => {
                let old = self.entry(jail, path)?;
                let bytes = content.resolve(|part| self.fetch(part))?;
                let (mode, uid, gid) = self.attributed(jail, &old, attributes, 0o644)?;
                let entry = Entry::File { sha256: Digest::of(&bytes), size: bytes.len() as u64, mode, uid, gid };
                self.put(jail, path, entry, Some(bytes));
                self.wear(jail, path, *restart)?;
            }
            Step::Line { path, line, restart } => {
                let old = self.entry(jail, path)?;
                let text = String::from_utf8_lossy(&self.bytes(jail, path)?.unwrap_or_default()).into_owned();
                let bytes = line.put(&text).into_bytes();
                let (mode, uid, gid) = old.attributes().unwrap_or((0o644, ROOT, ROOT));
                let entry = Entry::File { sha256: Digest::of(&bytes), size: bytes.len() as u64, mode, uid, gid };
                self.put(jail, path, entry, Some(bytes));
                self.wear(jail, path, *restart)?;
            }
            Step::Attributes { path, attributes, restart } => {
                let old = self.entry(jail, path)?;
                let (mode, uid, gid) = self.attributed(jail, &old, attributes, 0o644)?;
                let bytes = self.bytes(jail, path)?;
                let entry = match old {
                    Entry::File { sha256, size, .. } => Entry::File { sha256, size, mode, uid, gid },
                    _ => Entry::Directory { mode, uid, gid },
                };
                self.put(jail, path, entry, bytes);
                self.wear(jail, path, *restart)?;
            }
            Step::Directory { path, attributes } => {
                let (mode, uid, gid) = self.attributed(jail, &Entry::Absent, attributes, 0o755)?;
                self.put(jail, path, Entry::Directory { mode, uid, gid }, None);
            }
            Step::Link { path, target, restart } => {
                self.put(jail, path, Entry::Link { target: target.clone() }, None);
                self.wear(jail, path, *restart)?;
            }
            Step::Remove { path, restart } => {
                self.files.retain(|(of, at), _| of != jail || !at.is_within(path));
                self.put(jail, path, Entry::Absent, None);
                self.wear(jail, path, *restart)?;
            }
            Step::Run { .. } => {
                self.opaque.insert(jail.clone());
            }
            Step::Apply { ephemeral, .. } => {
                self.opaque.insert(jail.clone());
                if !ephemeral {
                    self.change(jail, |seen| {
                        if seen.service == Service::Down {
                            seen.service = Service::Up;
                        }
                    })?;
                }
            }
        }
        Ok(())
    }

    fn forget(&mut self, jail: &JailName) {
        self.files.retain(|(of, _), _| of != jail);
        self.promised.borrow_mut().retain(|(of, _, _)| of != jail);
        self.fresh.remove(jail);
        self.opaque.remove(jail);
    }

    fn change(&mut self, jail: &JailName, change: impl FnOnce(&mut JailSeen)) -> Result<(), ObserveError> {
        let mut seen = self.jail(jail)?;
        if let Some(seen) = &mut seen {
            change(seen);
        }
        self.jails.insert(jail.clone(), seen);
        Ok(())
    }

    fn wear(&mut self, jail: &JailName, path: &JailPath, restart: bool) -> Result<(), ObserveError> {
        if restart { self.change(jail, |seen| seen.wear(&format!("{path} changed"))) } else { Ok(()) }
    }

    fn put(&mut self, jail: &JailName, path: &JailPath, entry: Entry, bytes: Option<Vec<u8>>) {
        self.files.insert((jail.clone(), path.clone()), (entry, bytes));
    }

    fn attributed(&self, jail: &JailName, old: &Entry, wanted: &Attributes, usual: u32) -> Result<(u32, u32, u32), ObserveError> {
        let (mode, uid, gid) = old.attributes().unwrap_or((usual, ROOT, ROOT));
        let id = |kind, name: &Option<String>, is| match name {
            Some(name) => self.promise(jail, kind, name),
            None => Ok(is),
        };
        Ok((wanted.mode.unwrap_or(mode), id(Kind::User, &wanted.owner, uid)?, id(Kind::Group, &wanted.group, gid)?))
    }

    /// The number of a name, or the one that stands for a name which is made until then.
    fn promise(&self, jail: &JailName, kind: Kind, name: &str) -> Result<u32, ObserveError> {
        if let Some(id) = self.id(jail, kind, name)? {
            return Ok(id);
        }
        self.promised.borrow_mut().insert((jail.clone(), kind, name.to_owned()));
        Ok(UNKNOWN)
    }

    /// What a jail that the plan makes will have before anything is put into it, as far as that is known.
    fn seeded(&self, jail: &JailName, path: &JailPath) -> Entry {
        let spec = self.jails.get(jail).and_then(|seen| seen.as_ref()?.spec.as_ref().ok());
        match spec.filter(|spec| spec.base == Base::Host).and_then(|_| jail::seeded_directory(path.relative())) {
            Some(mode) if !self.is_cut_off(jail, path) => Entry::Directory { mode, uid: ROOT, gid: ROOT },
            _ => Entry::Absent,
        }
    }

    /// A directory above was removed, or is a file by now.
    fn is_cut_off(&self, jail: &JailName, path: &JailPath) -> bool {
        let mut above = path.parent();
        while let Some(directory) = above {
            match self.files.get(&(jail.clone(), directory.clone())) {
                Some((Entry::Absent, _)) => return true,
                Some(_) => return false,
                None => above = directory.parent(),
            }
        }
        false
    }
}

impl JailSeen {
    /// What runs does not have this change yet.
    fn wear(&mut self, why: &str) {
        if self.is_up() && !self.stale.iter().any(|known| known == why) {
            self.stale.push(why.to_owned());
        }
    }
}

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
        if let Some((entry, _)) = self.files.get(&(jail.clone(), path.clone())) {
            return Ok(entry.clone());
        }
        if self.fresh.contains(jail) {
            return Ok(self.seeded(jail, path));
        }
        if self.is_cut_off(jail, path) || self.jail(jail)?.is_none() {
            return Ok(Entry::Absent);
        }
        self.below.entry(jail, path)
    }

    fn bytes(&self, jail: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        if let Some((_, bytes)) = self.files.get(&(jail.clone(), path.clone())) {
            return Ok(bytes.clone().filter(|bytes| bytes.len() as u64 <= MAX_READ));
        }
        match self.entry(jail, path)? {
            Entry::File { .. } => self.below.bytes(jail, path),
            _ => Ok(None),
        }
    }

    fn id(&self, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError> {
        let found = if let Ok(number) = name.parse() {
            Some(number)
        } else if name == "root" {
            Some(ROOT)
        } else if self.fresh.contains(jail) || self.jail(jail)?.is_none() {
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

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        self.below.fetch(part)
    }
}
