//! What a monitor runs and empties: a jail, or in tests the monitor's own descendants.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::history::Point;
use super::service::Service;
use crate::jail::keeper::Keeper;
use crate::jail::{Child, Command, Host, JailError, Restart, Stdio, spawn_service};
use crate::kernel::{BodyChoice, Kernel, KernelError, select};

/// The standard descriptors of a program.
pub struct Output {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// A program to execute in the jail.
pub struct Run {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    pub output: Output,
    /// Left to the program, which learns its number as `NOTIFY_FD`.
    pub notify: Option<OwnedFd>,
}

pub trait Workload {
    /// Executes a program as a child of this process, in a session of its own.
    fn spawn(&mut self, run: Run) -> Result<Child, JailError>;

    /// Why nothing can run here any more, if so.
    fn gone(&self) -> Option<String>;

    /// Once a second.
    fn sample(&self) -> Result<(), KernelError>;

    /// What it used until now, for the history; `None` where that cannot be told.
    fn used(&self) -> Option<Point>;

    fn hold(&self, held: bool) -> Result<(), KernelError>;

    /// Sends SIGKILL to every member and says how many live still. Returns soon: the caller must reap.
    fn kill_members(&mut self) -> Result<usize, KernelError>;

    /// The child of this process that is the jail's keeper, if there is one: it is no part of the service.
    fn keeper(&self) -> Option<i32> {
        None
    }

    /// The keeper has ended and was reaped. The members that it leaves cannot be joined any more; says whether they were
    /// sent SIGKILL, for the next run to begin anew, or left alone because there will be none.
    fn keeper_ended(&mut self) -> bool {
        false
    }
}

/// A jail that is up.
pub struct Jailed {
    host: Host,
    service: Service,
    keeper: Option<Keeper>,
}

impl Jailed {
    /// The jail of a service, in the kernel body that it names.
    pub fn open(service: &Service) -> Result<Self, KernelError> {
        let choice: BodyChoice =
            service.kernel.parse().map_err(|why| KernelError::Other { doing: "the kernel body".into(), why })?;
        Ok(Self::over(service, select(choice)?))
    }

    /// The jail of a service, in this kernel body.
    pub fn over(service: &Service, kernel: Rc<dyn Kernel>) -> Self {
        Jailed { host: Host { kernel, config: service.config() }, service: service.clone(), keeper: None }
    }
}

impl Workload for Jailed {
    fn spawn(&mut self, run: Run) -> Result<Child, JailError> {
        let Run { argv, env, user, output: Output { stdin, stdout, stderr }, notify } = run;
        let command = Command { argv, env, user, workdir: None, stdio: Stdio::Given { stdin, stdout, stderr }, adopts: false };
        spawn_service(&self.host, &self.service.name, self.service.jid, command, notify, &mut self.keeper)
    }

    fn gone(&self) -> Option<String> {
        // An error to look is no proof of absence.
        match self.host.kernel.jail(self.service.jid).ok()? {
            None => Some("the jail is gone from the kernel".into()),
            Some(jail) if jail.closing => Some("the jail is being closed".into()),
            Some(_) => None,
        }
    }

    fn sample(&self) -> Result<(), KernelError> {
        self.host.kernel.sample(self.service.jid)
    }

    fn used(&self) -> Option<Point> {
        let stats = self.host.kernel.stats(Some(self.service.jid)).ok()?.pop()?;
        let usage = self.host.kernel.usage(self.service.jid).unwrap_or_default();
        Some(Point {
            at: SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs(),
            cpu_usec: stats.cpu_usec,
            memory_bytes: usage.memory_bytes,
            processes: stats.processes,
            denials: stats.denials.map(|denials| denials.values().sum()),
        })
    }

    fn hold(&self, held: bool) -> Result<(), KernelError> {
        self.host.kernel.hold(self.service.jid, held)
    }

    fn kill_members(&mut self) -> Result<usize, KernelError> {
        let (kernel, jid) = (&self.host.kernel, self.service.jid);
        if self.service.keep_jail {
            kernel.signal_all(jid, libc::SIGKILL)?;
        } else {
            // Also refuses new members. Short, because members that died wait for us to reap them.
            match kernel.kill_all(jid, Duration::from_millis(10)) {
                Ok(()) | Err(KernelError::Busy { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(kernel.members(jid)?.len())
    }

    fn keeper(&self) -> Option<i32> {
        self.keeper.as_ref().map(|keeper| keeper.pid.as_raw())
    }

    fn keeper_ended(&mut self) -> bool {
        self.keeper = None;
        // What failed here the next run finds out.
        let again = self.service.units.iter().any(|unit| unit.restart != Restart::Never);
        again && self.host.kernel.signal_all(self.service.jid, libc::SIGKILL).is_ok()
    }
}
