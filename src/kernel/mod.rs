//! The kernel side of a jail behind one trait: identity, policy, accounting, enforcement.
//!
//! Knows nothing of scripts, specs or files on disk. Bodies: [`lsm`] (the module `secmodel_jail` as a BPF LSM),
//! [`landlock`] (the same jail where the module cannot be loaded) and [`sim`] (state in memory, decisions by the same
//! policy source). [`netbsd`] speaks to the kauth(9) module;
//! on NetBSD it and `sim` are what there is.

#[cfg(target_os = "linux")]
mod bpf;
mod capability;
#[cfg(target_os = "linux")]
mod cgroup;
pub mod checkup;
#[cfg_attr(target_os = "netbsd", allow(dead_code))] // destinations are for the bodies of Linux
mod connect;
mod describe;
#[cfg(target_os = "linux")]
pub(crate) mod detached;
#[cfg(target_os = "linux")]
pub mod enforcement_table;
mod error;
#[cfg(target_os = "linux")]
pub mod landlock;
mod limits;
#[cfg(target_os = "linux")]
pub mod lsm;
pub mod module;
pub mod netbsd;
mod object;
#[cfg(target_os = "linux")]
mod plain;
pub mod policy;
#[cfg_attr(target_os = "netbsd", path = "system/netbsd/quota.rs")]
pub(crate) mod quota;
mod reservation;
#[cfg(target_os = "linux")]
mod reserved_ports;
mod select;
mod signal;
pub mod sim;
pub mod system;
mod types;

use std::path::Path;

pub use capability::CAPABILITIES;
#[cfg(target_os = "linux")]
pub use cgroup::is_given_away;
pub use connect::{ConnectRule, DestinationError, Protocol};
pub use describe::{Description, Enforcement, RightStatus};
pub use error::KernelError;
pub use limits::{Bytes, CpuQuota, CpuWeight, Limits};
pub use object::Object;
pub use policy::{Level, Right, RightSet, Verdict};
pub use reservation::{Conflict, Reservation, ReservationError, conflict};
pub use select::{BODIES, BodyChoice, keepers_body, select, select_accepting};
pub use signal::Signal;
pub use types::{
    Denial, JailDef, JailInfo, JailName, JailStats, Jid, Member, NameError, Policy, Port, PortError, Processes, Usage,
};

/// What a body must do. All calls are made by host root; a body checks that itself and answers
/// [`KernelError::NotPermitted`].
pub trait Kernel {
    /// Its name, as `--kernel` takes it.
    fn body(&self) -> &'static str;

    /// What is enforced here, by what, and what is not. Asks the running kernel.
    fn describe(&self) -> Description;

    /// How processes come into a jail.
    fn way_in(&self) -> WayIn {
        WayIn::Gate
    }

    /// Does the jail hold its root from [`Kernel::create`] to [`Kernel::destroy`], so that it has to be composed before?
    fn holds_root(&self) -> bool {
        false
    }

    /// Could a jail have this policy, as [`Kernel::create`] would see it? For who makes a jail's files.
    ///
    /// # Errors
    /// [`KernelError::NotEnforceable`], [`KernelError::RightNotEnforceable`], [`KernelError::NoAudit`].
    fn admits(&self, _policy: &Policy) -> Result<(), KernelError> {
        Ok(())
    }

    /// Registers a jail. Atomic: on an error nothing is registered, no port reserved, no cgroup left.
    ///
    /// # Errors
    /// [`KernelError::NameTaken`], [`KernelError::PortTaken`], [`KernelError::NotEnforceable`].
    fn create(&self, def: &JailDef) -> Result<Jid, KernelError>;

    /// Replaces the policy of a live jail.
    fn update(&self, jid: Jid, policy: &Policy) -> Result<(), KernelError>;

    /// Removes a jail and its reservations. [`KernelError::Busy`] while it has members.
    fn destroy(&self, jid: Jid) -> Result<(), KernelError>;

    /// Opens what a process needs to enter the jail later, when it no longer sees the host's files.
    fn gate(&self, jid: Jid) -> Result<Box<dyn Gate>, KernelError>;

    /// Live processes (thread group leaders) of the jail, host pids, ascending.
    fn members(&self, jid: Jid) -> Result<Vec<Member>, KernelError>;

    /// Is this live process a member of the jail?
    fn has_member(&self, jid: Jid, pid: i32) -> Result<bool, KernelError> {
        Ok(self.members(jid)?.iter().any(|member| member.pid == pid))
    }

    /// Sends `signal` to every member once; returns how many were reached.
    fn signal_all(&self, jid: Jid, signal: i32) -> Result<usize, KernelError>;

    /// Kills every member, refusing new ones meanwhile, and returns when the jail is empty or `timeout` is over
    /// ([`KernelError::Busy`]). The jail stays registered but closed: it can only be destroyed.
    fn kill_all(&self, jid: Jid, timeout: std::time::Duration) -> Result<(), KernelError>;

    /// Stops all members where they are.
    fn freeze(&self, jid: Jid) -> Result<(), KernelError>;

    /// Are all members stopped where they are? Never in a body that runs none.
    fn is_frozen(&self, _jid: Jid) -> Result<bool, KernelError> {
        Ok(false)
    }

    /// Lets frozen members run again.
    fn thaw(&self, jid: Jid) -> Result<(), KernelError>;

    /// All jails, ascending by jid.
    fn list(&self) -> Result<Vec<JailInfo>, KernelError>;

    /// One snapshot of all jails, or of one, ascending by jid.
    fn stats(&self, jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError>;

    /// Takes the jail's 1 Hz sample (CPU time used since the last one). Called once a second by its supervisor.
    fn sample(&self, jid: Jid) -> Result<(), KernelError>;

    /// Marks that a supervisor holds (or no longer holds) the jail; counted in the `REFS` column.
    fn hold(&self, jid: Jid, held: bool) -> Result<(), KernelError>;

    /// The denials that were recorded since the last call on this value, oldest first, and the number lost in between. The
    /// first call also tells of those before that the kernel still has.
    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError>;

    /// For this long from now, at most a minute, every right of the jail is audited, held or not; zero ends it. Whoever learns
    /// renews it, so that one who is killed leaves nothing behind.
    ///
    /// # Errors
    /// [`KernelError::NoAudit`], [`KernelError::NotEnforceable`].
    fn learn(&self, _jid: Jid, _lease: std::time::Duration) -> Result<(), KernelError> {
        Err(KernelError::NotEnforceable {
            what: "letting everything through to learn what a jail needs".into(),
            body: self.body(),
            why: "it has no audit mode; learn on a machine with the lsm body (--kernel lsm)".into(),
        })
    }

    /// Could a jail be held to these limits here, one whose data lies below `data`?
    ///
    /// # Errors
    /// [`KernelError::NotEnforceable`], with what is missing.
    fn admits_limits(&self, limits: &Limits, data: &Path) -> Result<(), KernelError>;

    /// Holds a jail to these limits from now on; those that are absent are lifted. What was set before an error stays set.
    ///
    /// # Errors
    /// As [`Kernel::admits_limits`]; [`KernelError::Other`] for less memory than is in use.
    fn limit(&self, jid: Jid, limits: &Limits) -> Result<(), KernelError>;

    /// The limits that it has.
    fn limits(&self, jid: Jid) -> Result<Limits, KernelError>;

    /// What the jail uses.
    fn usage(&self, jid: Jid) -> Result<Usage, KernelError>;

    /// One jail, if it is there.
    fn jail(&self, jid: Jid) -> Result<Option<JailInfo>, KernelError> {
        Ok(self.list()?.into_iter().find(|jail| jail.jid == jid))
    }

    /// Looks a jail up by name.
    fn find(&self, name: &JailName) -> Result<Option<JailInfo>, KernelError> {
        Ok(self.list()?.into_iter().find(|jail| &jail.name == name))
    }
}

/// How processes come into a jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayIn {
    /// Any process of host root can pass the [`Gate`] itself.
    Gate,
    /// What confines a member can only be inherited: one process, the keeper, passes the gate and forks all others. Such a
    /// body does not judge single files of /proc either, so the root has to make the host's part of it read-only.
    Keeper,
}

/// The way into one jail, opened beforehand. Used by a freshly forked or executed, single-threaded process.
pub trait Gate {
    /// Descriptors that must stay open until [`Gate::enter`].
    fn descriptors(&self) -> Vec<i32>;

    /// The jail's group of cgroup2, for a process to be born there: to move one in takes the kernel some
    /// ten milliseconds.
    fn group(&self) -> Option<std::os::fd::OwnedFd> {
        None
    }

    /// Joins the jail's control groups, while the process is still the host's; all but that of cgroup2 if it was `born`
    /// there. Call before [`Gate::enter`], which opens nothing by path.
    fn join_cgroup(&self, born: bool) -> Result<(), nix::errno::Errno>;

    /// Makes the calling process a member, for good. It must be single-threaded and hold no descriptor of a
    /// directory (`ENOTDIR`); `EPERM` for a caller that is not host root, `ESRCH` for a jail that is gone or closing.
    fn enter(&self) -> Result<(), nix::errno::Errno>;
}
