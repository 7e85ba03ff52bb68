//! The jail without the module: one Landlock domain per jail, seccomp and the capability bounding set for rights, an IPC
//! namespace, cgroup v2 membership as identity, cgroup BPF programs for ports and devices.
//!
//! A domain can only be inherited, so a process comes in by being forked from the jail's keeper. Touches
//! `/run/jailsh/landlock`, the groups `jailsh/NAME` of the cgroup2 file system, programs on its root group, and
//! net.ipv4.ip_local_reserved_ports.

mod calls;
pub mod describe;
pub mod devices;
mod filter;
mod gate;
mod grants;
mod members;
mod pins;
mod port_table;
pub mod ports;
pub mod probe;
mod programs;
mod registry;
mod samples;
mod sockets;
pub mod walls;

use std::cell::OnceCell;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ports::Wanted;
use registry::{Guard, Record, Registry};

use super::detached::open_directory;
use super::{
    Denial, Description, Gate, JailDef, JailInfo, JailName, JailStats, Jid, Kernel, KernelError, Limits, Member, Policy, Right,
    RightSet, Usage, WayIn, cgroup, quota,
};

const BODY: &str = "landlock";
/// Where the body keeps what it knows of its jails.
pub const DIRECTORY: &str = "/run/jailsh/landlock";
/// Of `JailStats`: a tick is 1/100 s.
const USEC_PER_TICK: u64 = 10_000;

/// The body, opened.
pub struct Landlock {
    registry: Registry,
    accepted: RightSet,
    description: OnceCell<Description>,
}

impl Landlock {
    /// Can this machine hold such jails? Asks the kernel, changes nothing.
    ///
    /// # Errors
    /// [`KernelError::NotPermitted`], [`KernelError::NoLandlock`] with the remedy.
    pub fn probe() -> Result<(), KernelError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(KernelError::NotPermitted);
        }
        probe::abi()?;
        match cgroup::mount() {
            Some(_) => Ok(()),
            None => Err(KernelError::NoLandlock {
                why: "no cgroup2 file system is mounted".into(),
                remedy: "run `mount -t cgroup2 none /sys/fs/cgroup`, or beside version 1 on /sys/fs/cgroup/unified".into(),
            }),
        }
    }

    pub fn open() -> Result<Self, KernelError> {
        Self::probe()?;
        let registry = Registry::open(Path::new(DIRECTORY))?;
        Ok(Landlock { registry, accepted: RightSet::EMPTY, description: OnceCell::new() })
    }

    /// Are there jails of this body? Quick, and changes nothing.
    pub fn has_jails() -> bool {
        Registry::of_this_boot(Path::new(DIRECTORY)).is_some_and(|registry| registry.is_empty().is_ok_and(|empty| !empty))
    }

    /// Creates jails even where these rights cannot be enforced.
    pub fn accepting(self, accepted: RightSet) -> Self {
        Landlock { accepted, ..self }
    }

    /// What the body enforces on this machine, found out without opening it.
    pub fn description_here() -> Description {
        let abi = probe::abi().unwrap_or(0);
        describe::describe(&describe::Facts { abi, ports: ports::probe(), devices: devices::probe() })
    }

    fn description(&self) -> &Description {
        self.description.get_or_init(Self::description_here)
    }

    fn accepts(&self, name: &str) -> bool {
        self.accepted.contains(name.parse().expect("a name of the table"))
    }

    fn group(&self, name: &str) -> Result<PathBuf, KernelError> {
        cgroup::group(name).ok_or_else(|| KernelError::NoLandlock {
            why: "the cgroup2 file system is gone".into(),
            remedy: "mount it again where it was".into(),
        })
    }

    fn group_of(&self, jid: Jid) -> Result<(Record, PathBuf), KernelError> {
        let record = self.registry.jail(jid)?;
        let group = self.group(record.name.as_str())?;
        Ok((record, group))
    }

    /// The group of this very jail, opened, for what must never meet a later jail of its name; `None` if it is gone.
    fn open_group(&self, jid: Jid) -> Result<Option<OwnedFd>, KernelError> {
        let path = self.group_of(jid)?.1;
        let group = match open_directory(&path) {
            Ok(group) => Some(group),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            // Nobody may take its members for gone.
            Err(error) => return Err(KernelError::io(format!("open {}", path.display()))(error)),
        };
        // A number is given once: still there, and so was its group.
        self.registry.jail(jid)?;
        Ok(group)
    }

    /// Puts what a jail needs of the kernel in place; `create` undoes it.
    fn furnish(&self, guard: &Guard, jid: Jid, def: &JailDef) -> Result<(), KernelError> {
        cgroup::create(def.name.as_str())?;
        let group = self.group(def.name.as_str())?;
        if !def.policy.rights.holds(device()) && matches!(self.description().enforcement(device()), Some(held) if held.is_held())
        {
            devices::guard(&group, def.policy.rights)?;
        }
        let mut fresh = Wanted::default();
        fresh.add(id_of(&group)?, &def.policy);
        self.reserve(guard, &fresh, &Wanted::default(), || self.registry.add(guard, jid, def))
    }

    /// Writes a change down and makes the kernel keep ports for jails, and limited jails where they may be: `fresh` from now
    /// on, `gone` no more. All else is as it was, unless someone was killed at this.
    fn reserve(
        &self,
        guard: &Guard,
        fresh: &Wanted,
        gone: &Wanted,
        write: impl FnOnce() -> Result<(), KernelError>,
    ) -> Result<(), KernelError> {
        let is_settled = self.registry.is_settled(guard);
        if is_settled && fresh.is_empty() && gone.is_empty() {
            return write();
        }
        self.registry.unsettle(guard)?;
        write()?;
        let adjusted = if is_settled { ports::adjust(&self.registry.ports()?, fresh, gone) } else { Ok(false) };
        let enforced = match adjusted {
            Ok(false) => self.registry.sweep(guard).and_then(|()| ports::reconcile(&self.wanted()?)),
            done => done.map(drop),
        };
        match enforced {
            // Asked for and accepted as not enforceable; said by `describe`.
            Err(_) if ["port_foreign", "connect", "loopback_foreign"].iter().any(|name| self.accepts(name)) => {}
            other => other?,
        }
        self.registry.settle(guard)
    }

    /// What all jails together take.
    fn wanted(&self) -> Result<Wanted, KernelError> {
        let mut wanted = Wanted::default();
        for jail in self.registry.jails()? {
            wanted.add(id_of(&self.group(jail.name.as_str())?)?, &jail.policy());
        }
        Ok(wanted)
    }

    fn info(&self, jail: Record) -> Result<JailInfo, KernelError> {
        let processes = members::pids(&self.group(jail.name.as_str())?)?.len() as u64;
        Ok(jail.info(processes))
    }

    fn stats_of(&self, jail: &Record, page_size: u64) -> Result<JailStats, KernelError> {
        let pids = members::pids(&self.group(jail.name.as_str())?)?;
        let (last, mean) = self.registry.samples(jail.jid)?.last_and_mean();
        Ok(JailStats {
            jid: jail.jid,
            name: jail.name.clone(),
            root: jail.root.clone(),
            cpu_ticks_1s: last / USEC_PER_TICK,
            cpu_ticks_10s: mean / USEC_PER_TICK as f64,
            processes: pids.len() as u64,
            references: pids.len() as u64 + u64::from(jail.held),
            vmem_bytes: members::virtual_pages(&pids) * page_size,
            cpu_usec: cgroup::usage_usec(jail.name.as_str()).unwrap_or(0),
            denials: None,
            audits: None,
            learning: false,
        })
    }
}

/// The id of a control group.
fn id_of(group: &Path) -> Result<u64, KernelError> {
    fs::metadata(group).map(|found| found.ino()).map_err(KernelError::io(format!("look at {}", group.display())))
}

fn device() -> Right {
    "device".parse().expect("a right of the table")
}

fn not_here<T>(what: &str, why: &str) -> Result<T, KernelError> {
    Err(KernelError::NotEnforceable { what: what.into(), body: BODY, why: why.into() })
}

impl Kernel for Landlock {
    fn body(&self) -> &'static str {
        BODY
    }

    fn describe(&self) -> Description {
        self.description().clone()
    }

    fn way_in(&self) -> WayIn {
        WayIn::Keeper
    }

    fn admits(&self, policy: &Policy) -> Result<(), KernelError> {
        grants::check(policy, self.description(), self.accepted)
    }

    fn create(&self, def: &JailDef) -> Result<Jid, KernelError> {
        self.admits(&def.policy)?;
        let guard = self.registry.lock()?;
        if self.registry.find(&def.name)?.is_some() {
            return Err(KernelError::NameTaken(def.name.clone()));
        }
        if let Some(found) = self.registry.in_the_way(&def.policy.ports)? {
            return Err(found.into());
        }
        let jid = self.registry.next_jid(&guard)?;
        let Err(error) = self.furnish(&guard, jid, def) else { return Ok(jid) };
        // The first error is the one to tell. What cannot be undone is repaired by the next create or destroy.
        let _ = self.registry.unsettle(&guard);
        let _ = self.reserve(&guard, &Wanted::default(), &Wanted::default(), || self.registry.remove(&guard, jid));
        let _ = cgroup::remove(def.name.as_str());
        Err(error)
    }

    /// Rules of connecting lie in a table; all else is for good.
    fn update(&self, jid: Jid, policy: &Policy) -> Result<(), KernelError> {
        let guard = self.registry.lock()?;
        let record = self.registry.jail(jid)?;
        grants::check_audit(policy)?;
        if policy.rights == record.rights() && policy.ports == record.ports {
            let mut fresh = Wanted::default();
            fresh.add(id_of(&self.group(record.name.as_str())?)?, policy);
            // They are kept already, and counted.
            fresh.ports.clear();
            let write = || self.registry.change(&guard, jid, |record| record.connect.clone_from(&policy.connect));
            return self.reserve(&guard, &fresh, &Wanted::default(), write);
        }
        not_here(
            "a new policy for a running jail",
            "a Landlock domain and a system call filter are for good; restart the jail, or use the lsm body (--kernel lsm)",
        )
    }

    fn destroy(&self, jid: Jid) -> Result<(), KernelError> {
        let guard = self.registry.lock()?;
        let (record, group) = self.group_of(jid)?;
        let members = members::pids(&group)?.len() as u64;
        if members > 0 {
            return Err(KernelError::Busy { jid, members });
        }
        let mut gone = Wanted::default();
        match id_of(&group) {
            Ok(id) => gone.add(id, &record.policy()),
            // Its group is gone already: what was kept for that has to be looked for.
            Err(_) => self.registry.unsettle(&guard)?,
        }
        self.reserve(&guard, &Wanted::default(), &gone, || self.registry.remove(&guard, jid))?;
        cgroup::remove(record.name.as_str())
    }

    fn gate(&self, jid: Jid) -> Result<Box<dyn Gate>, KernelError> {
        let record = self.registry.jail(jid)?;
        Ok(Box::new(gate::LandlockGate::open(Path::new(DIRECTORY), &record)?))
    }

    fn members(&self, jid: Jid) -> Result<Vec<Member>, KernelError> {
        members::of(&self.group_of(jid)?.1)
    }

    fn has_member(&self, jid: Jid, pid: i32) -> Result<bool, KernelError> {
        Ok(cgroup::holds(self.registry.jail(jid)?.name.as_str(), pid))
    }

    fn signal_all(&self, jid: Jid, signal: i32) -> Result<usize, KernelError> {
        self.open_group(jid)?.map_or(Ok(0), |group| members::signal(&cgroup::path_of(&group), signal))
    }

    fn kill_all(&self, jid: Jid, timeout: Duration) -> Result<(), KernelError> {
        if !self.registry.jail(jid)?.closing {
            let guard = self.registry.lock()?;
            self.registry.change(&guard, jid, |record| record.closing = true)?;
        }
        self.open_group(jid)?.map_or(Ok(()), |group| members::kill_all(&group, jid, timeout))
    }

    fn freeze(&self, jid: Jid) -> Result<(), KernelError> {
        cgroup::freeze(self.registry.jail(jid)?.name.as_str(), true)
    }

    fn is_frozen(&self, jid: Jid) -> Result<bool, KernelError> {
        Ok(cgroup::is_frozen(self.registry.jail(jid)?.name.as_str()))
    }

    fn thaw(&self, jid: Jid) -> Result<(), KernelError> {
        cgroup::freeze(self.registry.jail(jid)?.name.as_str(), false)
    }

    fn list(&self) -> Result<Vec<JailInfo>, KernelError> {
        self.registry.jails()?.into_iter().map(|jail| self.info(jail)).collect()
    }

    // Whoever knows which jail is meant does not count the processes of all others.
    fn jail(&self, jid: Jid) -> Result<Option<JailInfo>, KernelError> {
        match self.registry.jail(jid) {
            Ok(jail) => self.info(jail).map(Some),
            Err(KernelError::NoSuchJail(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn find(&self, name: &JailName) -> Result<Option<JailInfo>, KernelError> {
        self.registry.find(name)?.map(|jail| self.info(jail)).transpose()
    }

    fn stats(&self, jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError> {
        let jails = match jid {
            Some(jid) => vec![self.registry.jail(jid)?],
            None => self.registry.jails()?,
        };
        let page_size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as u64;
        jails.iter().map(|jail| self.stats_of(jail, page_size)).collect()
    }

    fn sample(&self, jid: Jid) -> Result<(), KernelError> {
        let record = self.registry.jail(jid)?;
        let before = self.registry.samples(jid)?;
        let samples = before.clone().with(cgroup::usage_usec(record.name.as_str()).unwrap_or(0));
        // Of a jail that rests nothing is to be written, every second, for each of a thousand of them.
        if samples == before { Ok(()) } else { self.registry.set_samples(jid, &samples) }
    }

    fn hold(&self, jid: Jid, held: bool) -> Result<(), KernelError> {
        let guard = self.registry.lock()?;
        self.registry.change(&guard, jid, |record| record.held = held)
    }

    fn admits_limits(&self, limits: &Limits, data: &Path) -> Result<(), KernelError> {
        let held = cgroup::check(limits, data).and_then(|()| quota::check(limits, data));
        held.map_err(|(what, why)| KernelError::NotEnforceable { what, body: BODY, why })
    }

    fn limit(&self, jid: Jid, limits: &Limits) -> Result<(), KernelError> {
        let record = self.registry.jail(jid)?;
        let data = cgroup::data_of(&record.root);
        self.admits_limits(limits, data)?;
        cgroup::apply(record.name.as_str(), limits, data)?;
        quota::apply(limits, data)
    }

    fn limits(&self, jid: Jid) -> Result<Limits, KernelError> {
        let record = self.registry.jail(jid)?;
        Ok(quota::limits(cgroup::data_of(&record.root), cgroup::read(record.name.as_str())))
    }

    fn usage(&self, jid: Jid) -> Result<Usage, KernelError> {
        let record = self.registry.jail(jid)?;
        Ok(quota::usage(cgroup::data_of(&record.root), cgroup::usage(record.name.as_str())))
    }

    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError> {
        not_here("telling denials", "Landlock and seccomp refuse without a word; use the lsm body (--kernel lsm)")
    }
}
