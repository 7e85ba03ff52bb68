//! Doing: what a plan's actions do to the simulated host, and failing where the real one would.

use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use super::double::{self, Given, Reply};
use super::tree::Tree;
use super::world::{Deed, Jail, Life, World};
use crate::jail::spec::probe::Example;
use crate::jail::{self, JailError, Marks, Output, Piece};
use crate::kernel::{JailName, Kernel, Right};
use crate::perform::{Done, PerformError, checked};
use crate::plan::{Action, Archive, Attributes, JailPath, Kind, MAX_READ, Observe, ObserveError, Step, decide};
use crate::supervise::{Conduct, Rehearsal, SuperviseError};

impl Jail {
    /// Writes a file and what is missing above it.
    pub fn put(&mut self, path: &JailPath, bytes: Vec<u8>) -> Result<(), Errno> {
        let mut missing = Vec::new();
        let mut above = path.parent();
        while let Some(directory) = above {
            if self.tree.entry(&directory)? != crate::plan::Entry::Absent {
                break;
            }
            above = directory.parent();
            missing.push(directory);
        }
        missing.iter().rev().try_for_each(|directory| self.tree.make_directory(directory, Marks::default()))?;
        self.tree.write(path, bytes, Marks::default())
    }
}

impl World {
    /// Does one action, and remembers it.
    ///
    /// # Errors
    /// As on the real host; and where no double says how a command ends.
    pub fn perform(&self, action: &Action) -> Result<Done, PerformError> {
        let done = self.act(action);
        let failed = done.as_ref().err().map(ToString::to_string);
        self.change().deeds.push(Deed { action: action.clone(), failed });
        done
    }

    fn act(&self, action: &Action) -> Result<Done, PerformError> {
        let jail = &action.jail;
        match &action.step {
            Step::Create { spec } => {
                self.change().jails.insert(jail.clone(), Jail::new((*spec.0).clone()));
                return Ok(Done::Created);
            }
            Step::Configure { spec } => {
                if let Some(known) = self.in_kernel(jail) {
                    self.kernel.limit(known.jid, &spec.0.limits).map_err(JailError::from)?;
                }
                self.with(jail, |jail| {
                    if spec.0.needs_restart(&jail.spec) {
                        jail.wear(jail::SPEC_CHANGED);
                    }
                    jail.spec = (*spec.0).clone();
                })?;
                return Ok(Done::Changed);
            }
            Step::Start => return self.start(jail),
            Step::Restart { .. } => {
                self.stop(jail)?;
                return self.start(jail);
            }
            Step::Stop => return self.stop(jail),
            Step::Thaw => {
                let found = self.in_kernel(jail).ok_or_else(|| JailError::NotRunning(jail.clone()))?;
                self.kernel.thaw(found.jid).map_err(JailError::from)?;
            }
            Step::Destroy => {
                self.change().jails.remove(jail);
                return Ok(Done::Destroyed);
            }
            Step::Write { path, content, attributes, restart } => {
                let bytes = content.resolve(|part| self.fetch(part))?;
                let marks = self.marks(jail, attributes)?;
                self.touch(jail, path, *restart, |tree| tree.write(path, bytes, marks))?;
            }
            Step::Line { path, line, restart } => {
                let old = self.bytes(jail, path)?.filter(|bytes| bytes.len() as u64 <= MAX_READ).unwrap_or_default();
                let new = line.put(&String::from_utf8_lossy(&old)).into_bytes();
                self.touch(jail, path, *restart, |tree| tree.write(path, new, Marks::default()))?;
            }
            Step::Attributes { path, attributes, restart } => {
                let marks = self.marks(jail, attributes)?;
                self.touch(jail, path, *restart, |tree| tree.set(path, marks))?;
            }
            Step::Directory { path, attributes } => {
                let marks = self.marks(jail, attributes)?;
                self.touch(jail, path, false, |tree| tree.make_directory(path, marks))?;
            }
            Step::Link { path, target, restart } => self.touch(jail, path, *restart, |tree| tree.link(path, target))?,
            Step::Remove { path, restart } => self.touch(jail, path, *restart, |tree| tree.remove(path))?,
            Step::Unpack { path, archive, restart } => self.unpack(jail, path, archive, *restart)?,
            Step::Packages { packages, version, .. } => self.with(jail, |jail| {
                jail.wear("its base changed");
                let version = version.clone().unwrap_or_else(|| "1".into());
                jail.packages.extend(packages.iter().map(|name| (name.clone(), version.clone())));
            })?,
            Step::User { .. } | Step::Group { .. } => {
                let old = decide::accounts_of(self, jail).map_err(|error| ObserveError::Secret(error.to_string()))?;
                let granted = decide::granted(&old, &action.step);
                let granted = granted.map_err(|error| PerformError::Account { jail: jail.clone(), error })?;
                for (path, text) in granted {
                    self.touch(jail, &path, false, |tree| tree.write(&path, text.into_bytes(), Marks::default()))?;
                }
            }
            Step::Run { command } => {
                let text = command.program.as_ref().map(|program| program.text.resolve(|part| self.fetch(part))).transpose()?;
                let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
                let (name, given) = match (&command.program, &text) {
                    (Some(program), Some(text)) => (&program.name, Given::Text(text)),
                    _ => (&command.argv[0], Given::Argv(&command.argv)),
                };
                self.enter(jail, command.ephemeral)?;
                let output = self.run(jail, given, command.timeout_ms);
                self.leave(jail, command.ephemeral)?;
                return Ok(Done::Ran(checked(name, output?, command.check)?));
            }
            Step::Apply { text, ephemeral, check, .. } => {
                self.enter(jail, true)?;
                let output = self.run(jail, Given::Text(text), None);
                self.leave(jail, *ephemeral)?;
                return Ok(Done::Ran(checked("the shell text", output?, *check)?));
            }
        }
        Ok(Done::Done)
    }

    /// The directory with what the archive holds, read from the test's own machine as all files are.
    fn unpack(&self, jail: &JailName, path: &JailPath, archive: &Archive, restart: bool) -> Result<(), PerformError> {
        let owners = Attributes { mode: None, owner: archive.owner.clone(), group: archive.group.clone() };
        let marks = self.marks(jail, &owners)?;
        let of = |mode| Marks { mode: Some(mode), ..marks };
        let pieces = jail::contents(&archive.file, archive.sha256.as_str(), archive.strip)?;
        let within = |name: &str| path.join(name).map_err(ObserveError::from);
        self.touch(jail, path, restart, |tree| tree.remove(path).and_then(|()| tree.make_directory(path, of(0o755))))?;
        for (name, piece) in pieces {
            let at = within(&name)?;
            self.touch(jail, &at, false, |tree| match piece {
                Piece::Directory { mode } => tree.make_directory(&at, of(mode)),
                Piece::File { mode, bytes } => tree.write(&at, bytes, of(mode)),
                Piece::Link { target } => tree.link(&at, &target),
            })?;
        }
        let note = within(Archive::NOTE)?;
        Ok(self.touch(jail, &note, false, |tree| tree.write(&note, archive.note().into_bytes(), Marks::default()))?)
    }

    fn no_such_jail(&self, name: &JailName) -> JailError {
        let state = self.state();
        let near = jail::spec::nearest(name.as_str(), state.jails.keys().map(JailName::as_str));
        JailError::NoSuchJail { name: name.clone(), hint: near.and_then(|near| near.parse().ok()) }
    }

    pub(super) fn with<T>(&self, name: &JailName, work: impl FnOnce(&mut Jail) -> T) -> Result<T, JailError> {
        let found = self.change().jails.get_mut(name).map(work);
        found.ok_or_else(|| self.no_such_jail(name))
    }

    /// Changes files. What runs is then said not to have the change.
    fn touch(
        &self,
        name: &JailName,
        path: &JailPath,
        restart: bool,
        work: impl FnOnce(&mut Tree) -> Result<(), Errno>,
    ) -> Result<(), JailError> {
        let changed = self.with(name, |jail| {
            if restart {
                jail.wear(&format!("{path} changed"));
            }
            work(&mut jail.tree)
        })?;
        changed.map_err(|errno| self.blocked(name, path, errno))
    }

    /// As [`jail::Inside`] says it.
    pub(super) fn blocked(&self, name: &JailName, path: &JailPath, errno: Errno) -> JailError {
        // What cannot be walked through lies above; what is missing is the whole.
        let above = path.parent().filter(|_| matches!(errno, Errno::ELOOP | Errno::ENOTDIR));
        let shown: PathBuf = self.config.jail_dir(name).join("data").join(above.as_ref().unwrap_or(path).relative());
        let (why, remedy) = match errno {
            Errno::ENOENT => ("leads to no directory among the jail's own files", "make the directories above it first"),
            Errno::ELOOP => ("leads through too many links", "remove them"),
            Errno::ENOTDIR => ("leads through what is no directory", "move that away, or name another path"),
            errno => return JailError::System { doing: format!("write {}", shown.display()), errno },
        };
        JailError::Path { path: shown, why: why.into(), remedy: remedy.into() }
    }

    fn marks(&self, jail: &JailName, wanted: &Attributes) -> Result<Marks, PerformError> {
        let id = |kind, name: &Option<String>| -> Result<Option<u32>, PerformError> {
            let Some(name) = name else { return Ok(None) };
            match self.id(jail, kind, name)? {
                Some(id) => Ok(Some(id)),
                None if kind == Kind::User => Err(JailError::NoSuchUser { name: jail.clone(), user: name.clone() }.into()),
                None => Err(PerformError::NoSuchGroup { jail: jail.clone(), group: name.clone() }),
            }
        };
        Ok(Marks { mode: wanted.mode, uid: id(Kind::User, &wanted.owner)?, gid: id(Kind::Group, &wanted.group)? })
    }

    /// Into the kernel, without a service.
    fn bring_up(&self, name: &JailName) -> Result<(), JailError> {
        let spec = self.with(name, |jail| jail.spec.clone())?;
        let jid = self.kernel.create(&jail::definition(&self.config, name, &spec))?;
        self.kernel.limit(jid, &spec.limits)?;
        self.with(name, |jail| jail.life = Life::Up)
    }

    fn take_down(&self, name: &JailName) -> Result<(), JailError> {
        if let Some(known) = self.in_kernel(name) {
            self.kernel.destroy(known.jid)?;
        }
        self.with(name, |jail| {
            jail.life = Life::Down;
            jail.stale.clear();
            jail.log.clear();
        })
    }

    pub(super) fn start(&self, name: &JailName) -> Result<Done, PerformError> {
        let up = self.with(name, |jail| {
            let running = matches!(&jail.life, Life::Supervised(rehearsal) if !rehearsal.has_ended());
            (running, jail.is_up())
        })?;
        match up {
            (true, _) => return Ok(Done::AlreadyRunning),
            (false, true) => self.take_down(name)?,
            (false, false) => {}
        }
        self.bring_up(name)?;
        let known = self.in_kernel(name).ok_or_else(|| JailError::NotRunning(name.clone()))?;
        let spec = self.with(name, |jail| jail.spec.clone())?;
        let pid = self.take_pid();
        let (begun, conducts) = {
            let state = self.state();
            (state.now_ms, state.conducts.clone())
        };
        let conduct = |service: &str| {
            let of = |(jail, only, _): &&(String, Option<String>, Conduct)| {
                double::glob(jail, name.as_str()) && only.as_deref().is_none_or(|only| only == service)
            };
            conducts.iter().find(of).map(|(_, _, conduct)| conduct.clone()).unwrap_or_default()
        };
        let mut rehearsal = Rehearsal::begin((name, known.jid, &spec), begun, pid, conduct);
        let outcome = rehearsal.until_ready();
        // Others went on meanwhile.
        self.pass(rehearsal.now());
        if let Err(why) = outcome {
            self.take_down(name)?;
            return Err(SuperviseError::Failed { name: name.clone(), why }.into());
        }
        self.kernel.hold(known.jid, true).map_err(JailError::from)?;
        self.with(name, |jail| jail.life = Life::Supervised(Box::new(rehearsal)))?;
        self.count();
        Ok(Done::Started)
    }

    fn stop(&self, name: &JailName) -> Result<Done, PerformError> {
        if !self.with(name, |jail| jail.is_up())? {
            return Ok(Done::WasDown);
        }
        self.take_down(name)?;
        Ok(Done::Stopped)
    }

    fn enter(&self, name: &JailName, bring_up: bool) -> Result<(), JailError> {
        match (self.with(name, |jail| jail.is_up())?, bring_up) {
            (true, _) => {
                let frozen = self.in_kernel(name).is_some_and(|known| self.kernel.is_frozen(known.jid).unwrap_or(false));
                if frozen { Err(JailError::Frozen(name.clone())) } else { Ok(()) }
            }
            (false, true) => self.bring_up(name),
            (false, false) => Err(JailError::NotRunning(name.clone())),
        }
    }

    /// One that was brought up for a command goes down again.
    fn leave(&self, name: &JailName, ephemeral: bool) -> Result<(), JailError> {
        if ephemeral && self.with(name, |jail| matches!(jail.life, Life::Up))? { self.take_down(name) } else { Ok(()) }
    }

    fn run(&self, name: &JailName, given: Given, timeout_ms: Option<u64>) -> Result<Output, PerformError> {
        let reply = self.reply(name, given)?;
        let patience = timeout_ms.map(Duration::from_millis).filter(|patience| *patience < reply.takes);
        self.pass(patience.unwrap_or(reply.takes));
        if let Some(after) = patience {
            return Err(JailError::TimedOut { name: name.clone(), after }.into());
        }
        for (path, bytes) in reply.files {
            self.with(name, |jail| jail.put(&path, bytes))?.map_err(|errno| self.blocked(name, &path, errno))?;
        }
        Ok(Output { status: reply.status, stdout: reply.stdout, stderr: reply.stderr })
    }

    /// How a command ends.
    pub(super) fn reply(&self, name: &JailName, given: Given) -> Result<Reply, ObserveError> {
        let reply = self.script().command(name, given);
        reply.ok_or_else(|| ObserveError::NoDouble {
            what: format!("no double says how this ends in jail {name}: {}", double::name_of(given)),
            remedy: format!("add {};", double::line_for(name, given)),
        })
    }

    /// A signal reaches every process of the jail; how many there were.
    ///
    /// # Errors
    /// It is not up.
    pub fn signal(&self, name: &JailName, signal: i32) -> Result<usize, JailError> {
        let reached = self.with(name, |jail| match &mut jail.life {
            Life::Down => None,
            Life::Up => Some(0),
            Life::Supervised(rehearsal) => Some(rehearsal.signal(signal)),
        })?;
        self.count();
        reached.ok_or_else(|| JailError::NotRunning(name.clone()))
    }

    /// Would the kernel let the jail do it? A denial is counted.
    ///
    /// # Errors
    /// It is not up.
    pub fn judge(&self, name: &JailName, example: &Example) -> Result<Result<(), Right>, JailError> {
        let known = self.in_kernel(name).ok_or_else(|| JailError::NotRunning(name.clone()))?;
        let refused = example.deeds().into_iter().find_map(|deed| self.kernel.judge(known.jid.get(), deed).err());
        Ok(refused.map_or(Ok(()), Err))
    }
}
