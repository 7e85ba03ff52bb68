//! Keeping a jail's service running: one small monitor process per jail, and the verbs that start and stop it.

mod ask;
mod attempt;
mod backoff;
mod check;
mod children;
mod clearing;
mod control;
mod desk;
mod ending;
mod entry;
mod event;
mod files;
mod group;
mod history;
mod launch;
pub mod line;
mod log;
pub mod message;
mod monitor;
mod output;
mod pidfd;
mod rate;
mod rehearsal;
mod ring;
mod runner;
mod service;
mod settle;
mod state;
#[cfg(test)]
mod tests;
mod wire;
mod workload;

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use control::Control;
use files::Files;
pub use history::{Point, STEP};
pub use rehearsal::{Conduct, Rehearsal};
pub use ring::{Reader, Record, Source};
use workload::Jailed;

use crate::jail::{Config, Host, JailError, Spec};
use crate::kernel::{JailName, Jid, Kernel, KernelError};

/// What can go wrong with a supervisor.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    #[error(transparent)]
    Jail(#[from] JailError),
    #[error("jail {0} has no command to supervise; set `command`, or name one")]
    NoCommand(JailName),
    #[error("jail {name} did not start: {why}")]
    Failed { name: JailName, why: String },
    /// Of a foreground supervisor, after the service had started.
    #[error("supervision of jail {name} ended: {why}")]
    Ended { name: JailName, why: String },
    #[error("jail {name} is already supervised by pid {pid}")]
    AlreadySupervised { name: JailName, pid: i32 },
    #[error("jail {0} has no supervisor; start it first")]
    NotSupervised(JailName),
    #[error("the supervisor of jail {name} does not answer: {why}; stop the jail and start it again")]
    Mute { name: JailName, why: String },
    #[error("the supervisor of jail {name} refused: {why}")]
    Refused { name: JailName, why: String },
}

/// What `start` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// The service runs under a new supervisor.
    Started(Jid),
    /// The same, after what a killed supervisor or a broken-off stop had left was cleaned up.
    Recovered(Jid),
    /// It did already; with a start under way, that one was waited for.
    AlreadyRunning(Jid),
}

/// What `stop` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    Stopped,
    WasDown,
}

/// What a supervisor says of itself, in the jail's run directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub pid: i32,
    /// `starting`, `running`, `backoff`, `restarting`, `stopping`, `stopped`, `failed`; `degraded` when one of several
    /// services has failed and others run.
    pub state: String,
    /// Seconds since the epoch at which the state was entered.
    pub since: u64,
    pub restarts: u64,
    /// How the service last ended and what followed, in words.
    pub last_exit: Option<String>,
    /// Pid of the service while it runs; of several, the first one's.
    pub service: Option<i32>,
    /// Each service by itself.
    #[serde(default)]
    pub services: Vec<ServiceStatus>,
}

impl Status {
    fn starting(pid: i32) -> Status {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Status { pid, state: "starting".into(), since, ..Status::default() }
    }

    /// The supervisor's work is done, so it is no wonder that it is gone.
    pub fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "stopped" | "failed")
    }
}

/// One service of a jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub name: String,
    /// As of a jail, and `waiting` for those it depends on.
    pub state: String,
    /// Seconds since the epoch at which the state was entered.
    pub since: u64,
    pub restarts: u64,
    /// How it last ended and what followed, in words.
    pub last_exit: Option<String>,
    pub pid: Option<i32>,
    /// It runs and has shown to be ready, or has done its work.
    pub ready: bool,
    /// Health checks that failed in a row.
    #[serde(default)]
    pub ill: u32,
}

/// Brings the jail up and starts its services under a background supervisor. Returns when they are ready (without a
/// readiness check: executed and not failed at once) or one failed; a failed start is undone. A live supervisor is used,
/// what a killed one left is cleaned up first.
pub fn start(host: &Host, name: &JailName) -> Result<Started, SuperviseError> {
    Control::new(host, name).start()
}

/// Ends the service and its supervisor, kills what is left in the jail, and takes the jail down.
pub fn stop(host: &Host, name: &JailName) -> Result<Stopped, SuperviseError> {
    Control::new(host, name).stop()
}

/// Could it be started at all: its spec can be read and has a command.
pub fn check(host: &Host, name: &JailName) -> Result<(), SuperviseError> {
    Control::new(host, name).check_spec().map(drop)
}

/// Ends the service and starts it again with the spec as it is now; a jail that is down is started. A spec that cannot be
/// read, or has no command, leaves everything as it is.
pub fn restart(host: &Host, name: &JailName) -> Result<Started, SuperviseError> {
    let control = Control::new(host, name);
    control.check_spec()?;
    control.stop()?;
    control.start()
}

/// Runs one service of a live supervisor anew, or all of them in order, without touching the jail. Returns when they are
/// ready. What changed in the spec since the start is not taken up: that takes a stop and a start.
pub fn restart_service(host: &Host, name: &JailName, service: Option<&str>) -> Result<(), SuperviseError> {
    Control::new(host, name).restart_service(service)
}

/// Supervises the services of a spec in a jail that is up: in the background, or in the foreground until a signal ends it (its
/// lines then go to stdout and stderr too). Leaves the jail itself up when it ends.
pub fn supervise(host: &Host, name: &JailName, jid: Jid, spec: &Spec, foreground: bool) -> Result<(), SuperviseError> {
    Control::new(host, name).supervise(jid, spec, foreground)
}

/// The supervisor's own words; `None` when none is alive (what it left behind is cleaned up by `start` and `stop`).
pub fn status(host: &Host, name: &JailName) -> Option<Status> {
    Control::new(host, name).status()
}

/// What the last supervisor wrote, alive or not: why a jail that is up has no service.
pub fn last_status(host: &Host, name: &JailName) -> Option<Status> {
    Control::new(host, name).last_status()
}

/// What the last supervisor wrote, and whether it lives, without asking it: for who looks at many jails again and again.
pub fn written_status(host: &Host, name: &JailName) -> Option<(Status, bool)> {
    let files = Files::of(&host.config, name);
    let status = files.state()?;
    let alive = files.holder().is_some_and(|holder| holder.pid == status.pid);
    Some((status, alive))
}

/// What the service wrote last; `None` while the jail has no run directory.
pub fn log(host: &Host, name: &JailName) -> Option<Reader> {
    Files::of(&host.config, name).reader()
}

/// What the jail used, as its supervisors saw it, oldest first; empty while it has no run directory.
pub fn history(host: &Host, name: &JailName) -> Vec<Point> {
    history::read(Files::of(&host.config, name).dir())
}

/// Entry point of the monitor process: `main` calls it when argv[0] starts with [`TITLE`].
pub fn monitor_main() -> std::process::ExitCode {
    entry::main(|service| Ok(Box::new(Jailed::open(service)?)))
}

/// The same for a program that brings a kernel body of its own.
pub fn monitor_main_over(open: impl FnOnce(&Config) -> Result<Rc<dyn Kernel>, KernelError>) -> std::process::ExitCode {
    entry::main(|service| Ok(Box::new(Jailed::over(service, open(&service.config())?))))
}

/// First part of a monitor's argv[0]: `jailctl: supervise jail=NAME jid=N`.
pub const TITLE: &str = "jailctl: supervise ";
