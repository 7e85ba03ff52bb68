//! The kernel module proper: `kmod/linux` as a BPF LSM, pinned so that it outlives its loader. This side states what
//! is wanted and shows what is; the module decides. Touches /run/jailsh/kmod, the jails' control groups and
//! net.ipv4.ip_local_reserved_ports.

mod abi;
mod bounds;
mod control;
mod denials;
pub(super) mod describe;
mod gate;
mod hooks;
mod iterate;
mod leftovers;
mod load;
mod members;
mod pins;
mod ports;
mod probe;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use abi::Jail;
use control::Control;
use iterate::Process;
use nix::time::{ClockId, clock_gettime};

use super::{
    ConnectRule, Denial, Description, Enforcement, Gate, JailDef, JailInfo, JailStats, Jid, Kernel, KernelError, Limits, Member,
    Policy, Reservation, Right, RightSet, Usage, cgroup, quota,
};
use crate::kernel::module::Status;

const BODY: &str = "lsm";
const TICKS_PER_SECOND: u64 = 100;
const USEC_PER_TICK: u64 = 1_000_000 / TICKS_PER_SECOND;

/// The loaded module.
pub struct Lsm {
    control: Control,
    /// The module's count of lost denials when [`Kernel::denials`] was last asked.
    lost_before: Cell<u64>,
    /// Where this reader is among the denials.
    place: denials::Place,
    accepted: RightSet,
}

impl Lsm {
    /// Where the module is pinned: a bpffs of its own per generation, and a link `current`.
    pub const DIRECTORY: &'static str = "/run/jailsh/kmod";

    /// Opens the module that is loaded. [`KernelError::NotLoaded`], [`KernelError::Abi`].
    pub fn open() -> Result<Self, KernelError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(KernelError::NotPermitted);
        }
        let control = Control::current();
        let info = control.check()?;
        Ok(Lsm { control, lost_before: Cell::new(info.events_lost), place: denials::Place::default(), accepted: RightSet::EMPTY })
    }

    /// Creates jails even where these rights cannot be enforced.
    pub fn accepting(self, accepted: RightSet) -> Self {
        Lsm { accepted, ..self }
    }

    pub fn open_or_load() -> Result<Self, KernelError> {
        match Self::open() {
            Err(KernelError::NotLoaded) => {
                load::load_if_missing()?;
                Self::open()
            }
            opened => opened,
        }
    }

    /// Loads the module, or replaces a loaded one without a gap.
    pub fn load() -> Result<Self, KernelError> {
        load::replace()?;
        Self::open()
    }

    /// Removes the module; [`KernelError::Busy`] while a jail exists.
    pub fn unload() -> Result<(), KernelError> {
        load::unload()
    }

    /// Does this kernel take BPF LSM programs? Found out by loading a trivial one.
    pub fn probe() -> Result<(), KernelError> {
        probe::probe()
    }

    pub fn status() -> Result<Status, KernelError> {
        let mut status =
            Status { loaded: false, abi: abi::ABI, programs: 0, jails: 0, members: 0, directory: Self::DIRECTORY.into() };
        match Self::open() {
            Ok(module) => {
                let jails = module.control.jails()?;
                status.loaded = true;
                status.programs = describe::attached().iter().filter(|name| name.starts_with("on_")).count();
                status.jails = jails.len();
                status.members = jails.iter().map(processes_of).sum();
                Ok(status)
            }
            Err(KernelError::Abi { found, .. }) => Ok(Status { loaded: true, abi: found, ..status }),
            Err(KernelError::NotLoaded) => Ok(status),
            Err(error) => Err(error),
        }
    }

    fn name_of(&self, jid: Jid) -> Result<String, KernelError> {
        Ok(abi::text(&self.control.jail(jid)?.name))
    }

    /// What the jail may not do must be enforceable here.
    fn check_enforceable(&self, policy: &Policy) -> Result<(), KernelError> {
        let (table, attached) = (hooks::all(), describe::attached());
        // What no hook sees cannot be told either, accepted or not.
        let is_accepted = |right: Right| self.accepted.contains(right) && !policy.audited.holds(right);
        let asked = |right: &Right| !policy.rights.holds(*right) && !is_accepted(*right);
        for right in Right::all().filter(asked) {
            if let Enforcement::NotEnforceable { why } = describe::enforcement(right, &table, &attached) {
                if policy.audited.holds(right) {
                    return Err(KernelError::NoAudit { right, body: BODY, why });
                }
                return Err(KernelError::RightNotEnforceable { right, body: BODY, why });
            }
        }
        Ok(())
    }

    fn group(&self, jid: Jid) -> Result<(), KernelError> {
        self.control.jail(jid)?;
        match cgroup::mount() {
            Some(_) => Ok(()),
            None => Err(KernelError::NotEnforceable {
                what: "freezing".into(),
                body: BODY,
                why: "no cgroup2 file system is mounted".into(),
            }),
        }
    }
}

fn processes_of(jail: &Jail) -> u64 {
    jail.processes.max(0) as u64
}

fn policy_of(jail: &Jail, ports: Vec<Reservation>, connect: Vec<ConnectRule>) -> Policy {
    Policy {
        rights: RightSet::from_mask(jail.rights).with_parts(jail.parts),
        audited: RightSet::from_mask(jail.audited),
        ports,
        connect,
    }
}

fn info_of(jail: &Jail, ports: Vec<Reservation>, connect: Vec<ConnectRule>) -> Option<JailInfo> {
    Some(JailInfo {
        jid: Jid::new(jail.jid)?,
        name: abi::text(&jail.name).parse().ok()?,
        root: abi::text(&jail.root),
        profile: abi::text(&jail.profile),
        policy: policy_of(jail, ports, connect),
        processes: processes_of(jail),
        held: jail.held != 0,
        closing: jail.closing != 0,
    })
}

fn stats_of(jail: &Jail, members: &[&Process], page_size: u64) -> Option<JailStats> {
    let taken = jail.samples_taken.min(abi::SAMPLES as u64) as usize;
    let last = (jail.samples_taken.wrapping_sub(1) % abi::SAMPLES as u64) as usize;
    let sum: u64 = jail.samples_usec[..taken].iter().sum();
    let running_ns: u64 = members.iter().map(|process| process.cpu_ns).sum();
    let counted = |counts: &[u64; abi::RIGHTS]| {
        Right::all().map(|right| (right, counts[right.index() as usize])).filter(|(_, count)| *count > 0).collect()
    };
    Some(JailStats {
        jid: Jid::new(jail.jid)?,
        name: abi::text(&jail.name).parse().ok()?,
        root: abi::text(&jail.root),
        cpu_ticks_1s: if taken == 0 { 0 } else { jail.samples_usec[last] / USEC_PER_TICK },
        cpu_ticks_10s: if taken == 0 { 0.0 } else { sum as f64 / taken as f64 / USEC_PER_TICK as f64 },
        processes: members.iter().filter(|process| process.alive).count() as u64,
        references: processes_of(jail) + u64::from(jail.held != 0),
        vmem_bytes: members.iter().map(|process| process.vmem_pages).sum::<u64>() * page_size,
        cpu_usec: (jail.exited_cpu_ns + running_ns) / 1000,
        denials: Some(counted(&jail.denials)),
        audits: Some(counted(&jail.audits)),
        learning: jail.learning_until_ns > monotonic_ns(),
    })
}

/// The clock that the module reads with bpf_ktime_get_ns; at its end where it cannot be read.
fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(u64::MAX, |now| Duration::from(now).as_nanos() as u64)
}

/// `uname -r`.
fn kernel_release() -> String {
    nix::sys::utsname::uname().map_or_else(|_| "?".into(), |names| names.release().to_string_lossy().into_owned())
}

impl Kernel for Lsm {
    fn body(&self) -> &'static str {
        BODY
    }

    fn describe(&self) -> Description {
        describe::describe()
    }

    fn admits(&self, policy: &Policy) -> Result<(), KernelError> {
        // Not loaded yet: what this kernel holds is known once it is, and `create` asks then.
        if describe::attached().is_empty() { Ok(()) } else { self.check_enforceable(policy) }
    }

    fn create(&self, def: &JailDef) -> Result<Jid, KernelError> {
        self.check_enforceable(&def.policy)?;
        let _lock = pins::lock()?;
        let jid = self.control.create(def)?;
        let rest = || {
            ports::reconcile(&self.control)?;
            cgroup::create(def.name.as_str())
        };
        if let Err(error) = rest() {
            self.control.destroy(jid)?;
            ports::reconcile(&self.control)?;
            // Some hierarchies may have a group already. The first error is the one to tell.
            let _ = cgroup::remove(def.name.as_str());
            return Err(error);
        }
        Ok(jid)
    }

    fn update(&self, jid: Jid, policy: &Policy) -> Result<(), KernelError> {
        self.check_enforceable(policy)?;
        let _lock = pins::lock()?;
        self.control.update(jid, policy)?;
        ports::reconcile(&self.control)
    }

    fn destroy(&self, jid: Jid) -> Result<(), KernelError> {
        let _lock = pins::lock()?;
        let name = self.name_of(jid)?;
        self.control.destroy(jid)?;
        ports::reconcile(&self.control)?;
        cgroup::remove(&name)?;
        // Last: what it cannot remove now goes with the next jail.
        leftovers::sweep(&self.control)
    }

    fn gate(&self, jid: Jid) -> Result<Box<dyn Gate>, KernelError> {
        let name = self.name_of(jid)?;
        let program: OwnedFd = self.control.open("ctl_enter")?;
        let groups = cgroup::open_members(&name)?;
        Ok(Box::new(gate::LsmGate { jid: jid.get(), program, name, groups }))
    }

    fn members(&self, jid: Jid) -> Result<Vec<Member>, KernelError> {
        self.control.jail(jid)?;
        Ok(members::of(&self.control, jid)?.values().filter(|process| process.alive).map(Process::member).collect())
    }

    fn signal_all(&self, jid: Jid, signal: i32) -> Result<usize, KernelError> {
        self.control.jail(jid)?;
        members::signal(&self.control, jid, signal)
    }

    fn kill_all(&self, jid: Jid, timeout: Duration) -> Result<(), KernelError> {
        members::kill_all(&self.control, jid, &self.name_of(jid)?, timeout)
    }

    fn freeze(&self, jid: Jid) -> Result<(), KernelError> {
        self.group(jid)?;
        cgroup::freeze(&self.name_of(jid)?, true)
    }

    fn is_frozen(&self, jid: Jid) -> Result<bool, KernelError> {
        Ok(cgroup::is_frozen(&self.name_of(jid)?))
    }

    fn thaw(&self, jid: Jid) -> Result<(), KernelError> {
        self.group(jid)?;
        cgroup::freeze(&self.name_of(jid)?, false)
    }

    fn list(&self) -> Result<Vec<JailInfo>, KernelError> {
        let jails = self.control.jails()?;
        let infos = jails.iter().map(|jail| Ok(info_of(jail, self.control.ports(jail)?, self.control.connect(jail)?)));
        Ok(infos.collect::<Result<Vec<_>, KernelError>>()?.into_iter().flatten().collect())
    }

    fn stats(&self, jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError> {
        let jails = match jid {
            Some(jid) => vec![self.control.jail(jid)?],
            None => self.control.jails()?,
        };
        let processes = iterate::processes(&self.control)?;
        let mut members: BTreeMap<u32, Vec<&Process>> = BTreeMap::new();
        for process in processes.values() {
            members.entry(process.jid).or_default().push(process);
        }
        let page_size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as u64;
        let stats = |jail: &Jail| stats_of(jail, members.get(&jail.jid).map_or(&[], Vec::as_slice), page_size);
        Ok(jails.iter().filter_map(stats).collect())
    }

    fn sample(&self, jid: Jid) -> Result<(), KernelError> {
        denials::relieve(&self.control)?;
        let total = match cgroup::usage_usec(&self.name_of(jid)?) {
            Some(usage) => usage,
            None => self.stats(Some(jid))?.first().map_or(0, |stats| stats.cpu_usec),
        };
        self.control.sample(jid, total)
    }

    fn hold(&self, jid: Jid, held: bool) -> Result<(), KernelError> {
        self.control.hold(jid, held)
    }

    fn admits_limits(&self, limits: &Limits, data: &Path) -> Result<(), KernelError> {
        let held = cgroup::check(&bounds::rest(limits), data).and_then(|()| quota::check(limits, data));
        held.map_err(|(what, why)| KernelError::NotEnforceable { what, body: BODY, why })
    }

    fn limit(&self, jid: Jid, limits: &Limits) -> Result<(), KernelError> {
        let jail = self.control.jail(jid)?;
        let root = abi::text(&jail.root);
        let data = cgroup::data_of(&root);
        self.admits_limits(limits, data)?;
        bounds::set(&self.control, jid, limits)?;
        cgroup::apply(&abi::text(&jail.name), &bounds::rest(limits), data)?;
        quota::apply(limits, data)
    }

    fn limits(&self, jid: Jid) -> Result<Limits, KernelError> {
        let jail = self.control.jail(jid)?;
        let of_groups = cgroup::read(&abi::text(&jail.name));
        let limits = bounds::limits(&bounds::get(&self.control, jid)?, of_groups);
        Ok(quota::limits(cgroup::data_of(&abi::text(&jail.root)), limits))
    }

    fn usage(&self, jid: Jid) -> Result<Usage, KernelError> {
        let jail = self.control.jail(jid)?;
        let of_groups = cgroup::usage(&abi::text(&jail.name));
        let usage = bounds::usage(&bounds::get(&self.control, jid)?, of_groups);
        Ok(quota::usage(cgroup::data_of(&abi::text(&jail.root)), usage))
    }

    fn learn(&self, jid: Jid, lease: Duration) -> Result<(), KernelError> {
        // What no hook sees would be let through unseen.
        let audited = RightSet::grantable();
        self.check_enforceable(&Policy {
            audited,
            ..self.control.jail(jid).map(|jail| policy_of(&jail, Vec::new(), Vec::new()))?
        })?;
        self.control.learn(jid, lease)
    }

    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError> {
        let (taken, missed) = denials::take(&self.control, &self.place)?;
        let lost = self.control.info()?.events_lost;
        Ok((taken, missed + lost - self.lost_before.replace(lost).min(lost)))
    }
}
