//! The host: its jails, its clock, what was done so far.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::double::Script;
use super::tree::Tree;
use crate::jail::{Config, Host, JailError, Spec};
use crate::kernel::sim::Sim;
use crate::kernel::{JailInfo, JailName, Kernel};
use crate::plan::{Action, JailPath, PackageName};
use crate::supervise::{Conduct, Record, Rehearsal};

/// When every test begins: 2026-01-01 00:00:00 UTC, in milliseconds since the epoch.
const BEGINNING: u64 = 1_767_225_600_000;
/// The pid of the first supervisor; each has so many numbers for itself.
const FIRST_PID: i32 = 1000;
const PIDS: i32 = 1000;

/// Something that a script did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub action: Action,
    /// Why it was not done.
    pub failed: Option<String>,
}

/// A jail that is there before a test.
#[derive(Debug, Clone)]
pub struct Given {
    pub spec: Spec,
    pub files: Vec<(JailPath, Vec<u8>)>,
    /// Its service runs.
    pub running: bool,
}

/// How far a jail is.
pub(super) enum Life {
    Down,
    /// Commands can run in it; nobody supervises a service.
    Up,
    Supervised(Box<Rehearsal>),
}

pub(super) struct Jail {
    pub spec: Spec,
    pub tree: Tree,
    pub life: Life,
    pub stale: Vec<String>,
    /// Lines of supervisors that are gone while the jail is up.
    pub log: Vec<Record>,
    /// Installed beside what its base has, with their versions.
    pub packages: Vec<(PackageName, String)>,
}

impl Jail {
    pub fn new(spec: Spec) -> Jail {
        Jail { spec, tree: Tree::seeded(), life: Life::Down, stale: Vec::new(), log: Vec::new(), packages: Vec::new() }
    }

    pub fn is_up(&self) -> bool {
        !matches!(self.life, Life::Down)
    }

    /// What runs does not have this change yet.
    pub fn wear(&mut self, why: &str) {
        if self.is_up() && !self.stale.iter().any(|known| known == why) {
            self.stale.push(why.to_owned());
        }
    }
}

pub(super) struct State {
    pub jails: BTreeMap<JailName, Jail>,
    pub now_ms: u64,
    pub script: Script,
    /// By jail, as a pattern, and service.
    pub conducts: Vec<(String, Option<String>, Conduct)>,
    pub deeds: Vec<Deed>,
    pub next_pid: i32,
}

/// A simulated host.
pub struct World {
    pub(super) kernel: Rc<Sim>,
    pub(super) config: Config,
    state: RefCell<State>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    pub fn new() -> World {
        let state = State {
            jails: BTreeMap::new(),
            now_ms: BEGINNING,
            script: Script::default(),
            conducts: Vec::new(),
            deeds: Vec::new(),
            next_pid: FIRST_PID,
        };
        World { kernel: Rc::new(Sim::new()), config: Config::default(), state: RefCell::new(state) }
    }

    /// As the verbs see it that ask the kernel alone. Its directories are names, nothing is there.
    pub fn host(&self) -> Host {
        Host { kernel: self.kernel.clone(), config: self.config.clone() }
    }

    pub(super) fn state(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    pub(super) fn change(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    /// What the test says beforehand.
    pub fn script(&self) -> RefMut<'_, Script> {
        RefMut::map(self.change(), |state| &mut state.script)
    }

    /// How services of jails whose names fit behave from their next start on; the last word counts.
    pub fn conduct(&self, jail: &str, service: Option<String>, conduct: Conduct) {
        self.change().conducts.insert(0, (jail.to_owned(), service, conduct));
    }

    /// A jail that was there before.
    ///
    /// # Errors
    /// When it cannot be as it is said to be.
    pub fn given(&self, name: &JailName, given: Given) -> Result<(), JailError> {
        let mut jail = Jail::new(given.spec);
        for (path, bytes) in given.files {
            jail.put(&path, bytes).map_err(|errno| self.blocked(name, &path, errno))?;
        }
        self.change().jails.insert(name.clone(), jail);
        if given.running {
            self.start(name).map_err(|error| JailError::Conflict {
                what: error.to_string(),
                remedy: "let it run, or leave running out".into(),
            })?;
        }
        Ok(())
    }

    pub fn deeds(&self) -> Vec<Deed> {
        self.state().deeds.clone()
    }

    /// The same, counted only.
    pub fn progress(&self) -> usize {
        self.state().deeds.len()
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.state().now_ms
    }

    /// Lets time pass: services go on meanwhile.
    pub fn pass(&self, time: Duration) {
        let mut state = self.change();
        state.now_ms = state.now_ms.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let now = state.now_ms;
        for jail in state.jails.values_mut() {
            if let Life::Supervised(rehearsal) = &mut jail.life {
                rehearsal.advance(Duration::from_millis(now.saturating_sub(rehearsal.begun_ms())));
            }
        }
        drop(state);
        self.count();
    }

    /// How long until something happens to a service by itself.
    pub fn until_next(&self) -> Option<Duration> {
        let state = self.state();
        let next = state.jails.values().filter_map(|jail| match &jail.life {
            Life::Supervised(rehearsal) => Some(rehearsal.next()?.saturating_sub(rehearsal.now())),
            _ => None,
        });
        next.min()
    }

    /// The number of a jail that is up.
    pub(super) fn in_kernel(&self, name: &JailName) -> Option<JailInfo> {
        // The simulated kernel always answers.
        self.kernel.find(name).ok().flatten()
    }

    /// Tells the kernel how many processes there are.
    pub(super) fn count(&self) {
        for (name, jail) in &self.state().jails {
            let (Some(known), Life::Supervised(rehearsal)) = (self.in_kernel(name), &jail.life) else { continue };
            self.kernel.populate(known.jid, rehearsal.processes().len() as u64);
        }
    }

    pub(super) fn take_pid(&self) -> i32 {
        let mut state = self.change();
        let pid = state.next_pid;
        state.next_pid = pid.saturating_add(PIDS);
        pid
    }
}
