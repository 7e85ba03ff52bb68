//! Jails as the actions recorded so far will leave them. Looks below where nothing was recorded.

mod observe;
mod seeded;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Archive, Attributes, Step};
use super::content::Content;
use super::decide::{accounts_of, granted};
use super::observed::{JailSeen, Kind, MAX_READ, Observe, ObserveError, Service};
use super::packages::PackageName;
use super::path::JailPath;
use crate::jail::Entry;
use crate::kernel::JailName;

/// Root's numbers, and those of names that will exist only then.
const ROOT: u32 = 0;
const UNKNOWN: u32 = u32::MAX;

/// Links followed on one path; the kernel's own limit.
const MAX_LINKS: usize = 40;

/// What is at a path, and what a file holds.
type Known = (Entry, Option<Content>);

/// An overlay over what is.
pub struct Shadow<O> {
    below: O,
    jails: BTreeMap<JailName, Option<JailSeen>>,
    /// Made by the plan: below there is nothing of them.
    fresh: BTreeSet<JailName>,
    files: BTreeMap<JailName, BTreeMap<JailPath, Known>>,
    /// What was below these is gone; with `true` something else is there.
    emptied: BTreeMap<JailName, BTreeMap<JailPath, bool>>,
    /// Something that no plan can foresee will have run in it.
    opaque: BTreeSet<JailName>,
    /// Packages that its base will have besides, with versions where those were asked for.
    installed: BTreeMap<JailName, Vec<(PackageName, Option<String>)>>,
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
            emptied: BTreeMap::new(),
            opaque: BTreeSet::new(),
            installed: BTreeMap::new(),
            promised: RefCell::default(),
        }
    }

    pub fn below(&self) -> &O {
        &self.below
    }

    /// Nothing was recorded about this jail.
    pub fn is_untouched(&self, jail: &JailName) -> bool {
        !self.jails.contains_key(jail)
            && !self.opaque.contains(jail)
            && !self.files.contains_key(jail)
            && !self.installed.contains_key(jail)
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
                if seen.spec.as_ref().map_or(true, |old| spec.0.needs_restart(old)) {
                    seen.wear("its spec changed");
                }
                seen.spec = Ok(spec.0.clone());
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
                let (mode, uid, gid) = self.attributed(jail, file_at(&old), attributes, 0o644)?;
                self.put_file(jail, path, content.clone(), (mode, uid, gid))?;
                self.wear(jail, path, *restart)?;
            }
            Step::Line { path, line, restart } => {
                let old = self.entry(jail, path)?;
                let text = String::from_utf8_lossy(&self.bytes(jail, path)?.unwrap_or_default()).into_owned();
                let attributes = file_at(&old).unwrap_or((0o644, ROOT, ROOT));
                self.put_file(jail, path, Content::text(line.put(&text)), attributes)?;
                self.wear(jail, path, *restart)?;
            }
            Step::Attributes { path, attributes, restart } => {
                let (old, content) = self.known(jail, path)?;
                let (mode, uid, gid) = self.attributed(jail, old.attributes(), attributes, 0o644)?;
                let entry = match old {
                    Entry::File { sha256, size, .. } => Entry::File { sha256, size, mode, uid, gid },
                    _ => Entry::Directory { mode, uid, gid },
                };
                let content = match (&entry, content) {
                    // Of a file that is as it was: its bytes, which later lines go into.
                    (Entry::File { size, .. }, None) if *size <= MAX_READ => self.bytes(jail, path)?.map(Content::bytes),
                    (_, content) => content,
                };
                self.put(jail, path, entry, content)?;
                self.wear(jail, path, *restart)?;
            }
            Step::Directory { path, attributes } => {
                let (mode, uid, gid) = self.attributed(jail, None, attributes, 0o755)?;
                self.put(jail, path, Entry::Directory { mode, uid, gid }, None)?;
            }
            Step::Link { path, target, restart } => {
                self.put(jail, path, Entry::Link { target: target.clone() }, None)?;
                self.wear(jail, path, *restart)?;
            }
            Step::Remove { path, restart } => {
                self.empty(jail, path, false)?;
                self.put(jail, path, Entry::Absent, None)?;
                self.wear(jail, path, *restart)?;
            }
            Step::Unpack { path, archive, restart } => {
                self.empty(jail, path, true)?;
                let owners = Attributes { mode: Some(0o755), owner: archive.owner.clone(), group: archive.group.clone() };
                let (mode, uid, gid) = self.attributed(jail, None, &owners, 0o755)?;
                self.put(jail, path, Entry::Directory { mode, uid, gid }, None)?;
                if let Ok(note) = path.join(Archive::NOTE) {
                    self.put_file(jail, &note, Content::text(archive.note()), (0o644, ROOT, ROOT))?;
                }
                self.wear(jail, path, *restart)?;
            }
            Step::Packages { packages, version, .. } => {
                let of = |name: &PackageName| (name.clone(), version.clone());
                self.installed.entry(jail.clone()).or_default().extend(packages.iter().map(of));
                self.change(jail, |seen| seen.wear("its base changed"))?;
            }
            Step::User { .. } | Step::Group { .. } => {
                // Both were decided on these very files; one that cannot be granted changes nothing.
                let old = accounts_of(&*self, jail).ok();
                for (path, text) in old.and_then(|old| granted(&old, &action.step).ok()).unwrap_or_default() {
                    let attributes = file_at(&self.entry(jail, &path)?).unwrap_or((0o644, ROOT, ROOT));
                    self.put_file(jail, &path, Content::text(text), attributes)?;
                }
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
        self.files.remove(jail);
        self.emptied.remove(jail);
        self.promised.borrow_mut().retain(|(of, _, _)| of != jail);
        self.fresh.remove(jail);
        self.opaque.remove(jail);
        self.installed.remove(jail);
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

    fn put(&mut self, jail: &JailName, path: &JailPath, entry: Entry, content: Option<Content>) -> Result<(), ObserveError> {
        let path = self.settled(jail, path)?;
        self.files.entry(jail.clone()).or_default().insert(path, (entry, content));
        Ok(())
    }

    fn put_file(
        &mut self,
        jail: &JailName,
        path: &JailPath,
        content: Content,
        (mode, uid, gid): (u32, u32, u32),
    ) -> Result<(), ObserveError> {
        let (sha256, size) = content.measure(|part| self.fetch(part))?;
        self.put(jail, path, Entry::File { sha256, size, mode, uid, gid }, Some(content))
    }

    /// All that is at a path and below it is gone.
    fn empty(&mut self, jail: &JailName, path: &JailPath, filled: bool) -> Result<(), ObserveError> {
        let path = self.settled(jail, path)?;
        self.files.entry(jail.clone()).or_default().retain(|at, _| !at.is_within(&path));
        let emptied = self.emptied.entry(jail.clone()).or_default();
        emptied.retain(|at, _| !at.is_within(&path));
        emptied.insert(path, filled);
        Ok(())
    }

    fn recorded(&self, jail: &JailName, path: &JailPath) -> Option<&Known> {
        self.files.get(jail)?.get(path)
    }

    /// What is at a path, by what was recorded; without content where only what is below knows it.
    fn known(&self, jail: &JailName, path: &JailPath) -> Result<Known, ObserveError> {
        let path = self.settled(jail, path)?;
        if let Some(known) = self.recorded(jail, &path) {
            return Ok(known.clone());
        }
        let (entry, content) = match self.ground(jail, &path)? {
            Ground::Below => (self.below.entry(jail, &path)?, None),
            Ground::Seeded => self.seeded(jail, &path)?,
            Ground::Gone => return Ok((Entry::Absent, None)),
            Ground::Unknown => (Entry::Unknown, None),
        };
        match entry {
            // A package may bring it.
            Entry::Absent if self.installed.contains_key(jail) => Ok((Entry::Unknown, None)),
            entry => Ok((entry, content)),
        }
    }

    /// Who knows what is at a path that nothing was recorded of.
    fn ground(&self, jail: &JailName, path: &JailPath) -> Result<Ground, ObserveError> {
        if self.is_cut_off(jail, path) {
            return Ok(Ground::Gone);
        }
        // The nearest one above tells: an archive may lie in what was removed, and something removed in an archive.
        let emptied = self.emptied.get(jail).into_iter().flatten().filter(|(above, _)| path.is_within(above));
        if let Some((_, filled)) = emptied.max_by_key(|(above, _)| above.as_str().len()) {
            return Ok(if *filled { Ground::Unknown } else { Ground::Gone });
        }
        Ok(match (self.fresh.contains(jail), self.jail(jail)?) {
            (true, _) => Ground::Seeded,
            (false, Some(_)) => Ground::Below,
            (false, None) => Ground::Gone,
        })
    }

    /// The path without links on the way, as the kernel would walk it with the jail's root as its own.
    fn settled(&self, jail: &JailName, path: &JailPath) -> Result<JailPath, ObserveError> {
        let mut rest: Vec<String> = path.names().rev().map(str::to_owned).collect();
        let (mut way, mut links) = (String::new(), 0);
        while let Some(name) = rest.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => way.truncate(way.rfind('/').unwrap_or(0)),
                name => {
                    way.push('/');
                    way.push_str(name);
                }
            }
            if rest.is_empty() || way.is_empty() || name == ".." {
                continue;
            }
            // What a link leads to may be no path of ours; then nothing that we know is there.
            let Ok(here) = way.parse::<JailPath>() else { return Ok(path.clone()) };
            let Some(target) = self.target_at(jail, &here)? else { continue };
            links += 1;
            if links > MAX_LINKS {
                return Ok(path.clone());
            }
            way.truncate(if target.starts_with('/') { 0 } else { way.rfind('/').unwrap_or(0) });
            rest.extend(target.split('/').rev().map(str::to_owned));
        }
        Ok(way.parse().unwrap_or_else(|_| path.clone()))
    }

    /// Where the link at a path without links on the way leads.
    fn target_at(&self, jail: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        Ok(match self.recorded(jail, path) {
            Some((Entry::Link { target }, _)) => Some(target.clone()),
            Some(_) => None,
            None => match self.ground(jail, path)? {
                Ground::Below => self.below.target(jail, path)?,
                Ground::Seeded => match self.seeded(jail, path)? {
                    (Entry::Link { target }, _) => Some(target),
                    _ => None,
                },
                Ground::Gone | Ground::Unknown => None,
            },
        })
    }

    fn attributed(
        &self,
        jail: &JailName,
        old: Option<(u32, u32, u32)>,
        wanted: &Attributes,
        usual: u32,
    ) -> Result<(u32, u32, u32), ObserveError> {
        let (mode, uid, gid) = old.unwrap_or((usual, ROOT, ROOT));
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

    /// A directory above was removed, or is a file by now.
    fn is_cut_off(&self, jail: &JailName, path: &JailPath) -> bool {
        let mut above = path.parent();
        while let Some(directory) = above {
            match self.recorded(jail, &directory) {
                Some((Entry::Directory { .. }, _)) => return false,
                Some(_) => return true,
                None => above = directory.parent(),
            }
        }
        false
    }
}

/// Who knows.
enum Ground {
    Below,
    /// It is as a new jail is made.
    Seeded,
    Gone,
    Unknown,
}

/// A file that is replaced gives its mode and owners to the next.
fn file_at(old: &Entry) -> Option<(u32, u32, u32)> {
    old.attributes().filter(|_| matches!(old, Entry::File { .. }))
}

impl JailSeen {
    /// What runs does not have this change yet.
    fn wear(&mut self, why: &str) {
        if self.is_up() && !self.stale.iter().any(|known| known == why) {
            self.stale.push(why.to_owned());
        }
    }
}
