//! The verbs: start, stop, restart, supervise, status. Those that start and stop hold the jail's verb lock, so that two at once are one after the other.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::fcntl::Flock;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::wait::{WaitStatus, waitpid};

use super::ask::{ask, ask_patiently};
use super::files::{Files, NotTaken};
use super::launch::{LaunchError, Launched, launch};
use super::message::{Reply, Request};
use super::service::{Report, Service};
use super::{Started, Status, Stopped, SuperviseError, pidfd};
use crate::jail::{self, Host, JailError, Spec};
use crate::kernel::system::{SYSLOG, Signals, own_program};
use crate::kernel::{JailName, Jid, KernelError};

/// How long a verb waits for another one on the same jail.
const VERB_PATIENCE: Duration = Duration::from_secs(30);
/// What a monitor may take beyond the service's grace: it gives up on what will not die after ten seconds.
const MARGIN: Duration = Duration::from_secs(25);
/// What services may take to be ready again, as far as is known without their spec.
const START_PATIENCE: Duration = Duration::from_secs(600);
/// What the kernel may take to end a monitor that was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Starts monitors.
pub struct Control<'a> {
    host: &'a Host,
    name: &'a JailName,
    files: Files,
    /// The program that a monitor executes: this one, unless a test says otherwise.
    exe: PathBuf,
    /// Where the system's log daemon listens.
    syslog: PathBuf,
}

impl<'a> Control<'a> {
    pub fn new(host: &'a Host, name: &'a JailName) -> Self {
        let files = Files::of(&host.config, name);
        Control { host, name, files, exe: own_program(), syslog: SYSLOG.into() }
    }

    pub fn start(&self) -> Result<Started, SuperviseError> {
        let spec = self.check_spec()?;
        let verb = self.lock()?;
        // Looked at under the lock: what another verb did meanwhile counts.
        let kernel = jail::observe(self.host, self.name)?.kernel;
        match (&kernel, self.files.holder()) {
            (Some(info), Some(_)) if !info.closing => {
                let jid = info.jid;
                match self.attach(jid, &spec)? {
                    true => return Ok(Started::AlreadyRunning(jid)),
                    // It was ending.
                    false => self.end_monitor(),
                }
            }
            // Its jail was destroyed underneath; it is about to notice.
            (_, Some(_)) => self.end_monitor(),
            _ => {}
        }
        let left = jail::observe(self.host, self.name)?.kernel;
        let orphaned = left.is_some_and(|info| info.held || info.closing || self.is_orphaned());
        if orphaned {
            // The supervisor was killed, or a stop was: nobody reads the service's pipes any more.
            jail::tear_down(self.host, self.name)?;
        }
        let running = jail::bring_up(self.host, self.name)?;
        let service = self.service(running.jid, &spec);
        let started = match launch(&self.exe, &service, &verb).and_then(Launched::report) {
            // By a foreign hand, for our verbs wait for each other.
            Ok(Report::Held { .. }) => return Ok(Started::AlreadyRunning(running.jid)),
            Ok(report) => self.judge(report),
            Err(error) => Err(self.silent(&error)),
        };
        let Err(error) = started else {
            return Ok(if orphaned { Started::Recovered(running.jid) } else { Started::Started(running.jid) });
        };
        if running.brought_up
            && let Err(stuck) = jail::tear_down(self.host, self.name)
        {
            return Err(self.failed(format!("{error}; and taking it down again failed: {stuck}")));
        }
        Err(error)
    }

    pub fn stop(&self) -> Result<Stopped, SuperviseError> {
        let _verb = self.lock()?;
        let supervised = self.files.holder().is_some();
        self.end_monitor();
        let was_up = jail::tear_down(self.host, self.name)?;
        Ok(if was_up || supervised { Stopped::Stopped } else { Stopped::WasDown })
    }

    pub fn supervise(&self, jid: Jid, spec: &Spec, foreground: bool) -> Result<(), SuperviseError> {
        self.check(spec)?;
        let verb = self.lock()?;
        if let Some(holder) = self.files.holder() {
            return Err(SuperviseError::AlreadySupervised { name: self.name.clone(), pid: holder.pid });
        }
        let mut service = self.service(jid, spec);
        service.keep_jail = true;
        service.foreground = foreground;
        if foreground {
            return self.attend(&service, verb);
        }
        let report = launch(&self.exe, &service, &verb).and_then(Launched::report).map_err(|error| self.silent(&error))?;
        self.judge(report)
    }

    pub fn status(&self) -> Option<Status> {
        let holder = self.files.holder()?;
        match ask(self.files.dir(), &Request::Status) {
            Ok(Reply::Status(status)) if status.pid == holder.pid => Some(status),
            // One that was stopped by a signal, is of another version, or has only just begun: then what it wrote, if it
            // has.
            _ => {
                let unwritten = || Status::starting(holder.pid);
                Some(self.files.state().filter(|status| status.pid == holder.pid).unwrap_or_else(unwritten))
            }
        }
    }

    pub fn restart_service(&self, service: Option<&str>) -> Result<(), SuperviseError> {
        let holder = self.files.holder().ok_or_else(|| SuperviseError::NotSupervised(self.name.clone()))?;
        let request = Request::Restart { service: service.map(str::to_owned) };
        let patience = START_PATIENCE + Duration::from_secs(holder.grace);
        match ask_patiently(self.files.dir(), &request, patience) {
            Ok(Reply::Done) => Ok(()),
            Ok(Reply::Failed { why, stderr }) => self.judge(Report::Failed { why, stderr }),
            Ok(Reply::Refused { why }) => Err(SuperviseError::Refused { name: self.name.clone(), why }),
            Ok(other) => Err(self.mute(&format!("it answered {other:?}"))),
            Err(error) => Err(self.mute(&error.to_string())),
        }
    }

    /// Waits with a live supervisor for its services to be ready. False: it is ending, for somebody asked it to.
    fn attach(&self, jid: Jid, spec: &Spec) -> Result<bool, SuperviseError> {
        let stopping = self.status().is_none_or(|status| matches!(status.state.as_str(), "stopping" | "stopped" | "failed"));
        if stopping {
            return Ok(false);
        }
        let patience = self.service(jid, spec).start_patience() + MARGIN;
        match ask_patiently(self.files.dir(), &Request::Attach, patience) {
            Ok(Reply::Failed { why, stderr }) => self.judge(Report::Failed { why, stderr }).map(|()| true),
            Ok(_) => Ok(true),
            Err(error) => Err(self.mute(&error.to_string())),
        }
    }

    fn mute(&self, why: &str) -> SuperviseError {
        SuperviseError::Mute { name: self.name.clone(), why: why.to_owned() }
    }

    /// What the last supervisor wrote, alive or not: how and why it ended.
    pub fn last_status(&self) -> Option<Status> {
        self.files.state()
    }

    /// The last supervisor died without having ended.
    fn is_orphaned(&self) -> bool {
        self.files.state().is_some_and(|status| !status.has_ended())
    }

    /// The jail's spec, if there is something to start.
    pub fn check_spec(&self) -> Result<Spec, SuperviseError> {
        let spec = jail::observe(self.host, self.name)?.spec.map_err(|why| self.failed(why))?;
        self.check(&spec)?;
        Ok(spec)
    }

    fn check(&self, spec: &Spec) -> Result<(), SuperviseError> {
        if spec.command.is_empty() && spec.services.is_empty() {
            return Err(SuperviseError::NoCommand(self.name.clone()));
        }
        if self.host.kernel.body() == "sim" {
            return Err(JailError::Kernel(KernelError::Simulated).into());
        }
        Ok(())
    }

    fn service(&self, jid: Jid, spec: &Spec) -> Service {
        let body = self.host.kernel.body();
        Service::of(&self.host.config, body, self.syslog.clone(), self.name, jid, spec)
    }

    fn lock(&self) -> Result<Flock<File>, SuperviseError> {
        self.files.lock_verbs(VERB_PATIENCE).map_err(|why| {
            SuperviseError::Jail(match why {
                NotTaken::Held(_) => JailError::Locked(self.name.clone()),
                NotTaken::Failed(errno) => JailError::System { doing: format!("locking jail {}", self.name), errno },
            })
        })
    }

    fn failed(&self, why: String) -> SuperviseError {
        SuperviseError::Failed { name: self.name.clone(), why }
    }

    fn judge(&self, report: Report) -> Result<(), SuperviseError> {
        match report {
            Report::Ready => Ok(()),
            Report::Held { pid } => Err(SuperviseError::AlreadySupervised { name: self.name.clone(), pid }),
            Report::Failed { why, stderr } if stderr.is_empty() => Err(self.failed(why)),
            Report::Failed { why, stderr } => {
                Err(self.failed(format!("{why}; its last words on stderr:\n  {}", stderr.join("\n  "))))
            }
        }
    }

    /// No word came: whatever there is of a monitor must not live on unseen.
    fn silent(&self, error: &LaunchError) -> SuperviseError {
        if let Some(monitor) = self.monitor() {
            // It may end at this very moment.
            let _ = pidfd::signal(&monitor.0, Signal::SIGKILL);
            pidfd::wait(&monitor.0, KILL_PATIENCE);
        }
        self.failed(error.to_string())
    }

    /// The live monitor, and its grace.
    fn monitor(&self) -> Option<(pidfd::Process, u64)> {
        let holder = self.files.holder()?;
        let fd = pidfd::open(holder.pid).ok()?;
        // Still the holder: so the descriptor is the monitor's, not that of a later process with its pid.
        (self.files.holder()?.pid == holder.pid).then_some((fd, holder.grace))
    }

    fn end_monitor(&self) {
        let Some((fd, grace)) = self.monitor() else { return };
        let patience = Duration::from_secs(grace) + MARGIN;
        if matches!(ask(self.files.dir(), &Request::Stop), Ok(Reply::Stopping)) && pidfd::wait(&fd, patience) {
            return;
        }
        for (signal, patience) in [(Signal::SIGTERM, patience), (Signal::SIGKILL, KILL_PATIENCE)] {
            // A frozen or stopped one is woken by neither; what it guards is killed by the tear-down all the same.
            if pidfd::signal(&fd, signal).is_err() || pidfd::wait(&fd, patience) {
                return;
            }
        }
    }

    /// Waits for a foreground monitor and passes the signals on that ask for its end.
    fn attend(&self, service: &Service, verb: Flock<File>) -> Result<(), SuperviseError> {
        let asked: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP].into_iter().collect();
        let mut before = SigSet::empty();
        let system = |doing: &'static str| move |errno| SuperviseError::Jail(JailError::system(doing)(errno));
        let signals = Signals::of(&asked).map_err(system("signalfd"))?;
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&asked), Some(&mut before)).map_err(system("sigprocmask"))?;
        let result = self.follow(service, verb, &signals);
        // Cannot fail: it was the mask a moment ago.
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
        result
    }

    fn follow(&self, service: &Service, verb: Flock<File>, signals: &Signals) -> Result<(), SuperviseError> {
        let launched = launch(&self.exe, service, &verb).map_err(|error| self.failed(error.to_string()))?;
        let child = launched.child.ok_or_else(|| self.failed("the supervisor is no child".into()))?;
        let monitor = pidfd::open(child.as_raw()).map_err(|errno| self.failed(format!("pidfd_open: {}", errno.desc())))?;
        let report = launched.report();
        drop(verb);
        let report = match report {
            Ok(report) => self.judge(report),
            Err(error) => {
                let _ = pidfd::signal(&monitor, Signal::SIGKILL);
                Err(self.failed(error.to_string()))
            }
        };
        while report.is_ok() {
            let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
            let woken = poll(&mut polled, PollTimeout::NONE).is_ok();
            if woken && polled[0].any().unwrap_or(true) {
                break;
            }
            while signals.next().is_some() {
                // It may have ended at this very moment.
                let _ = pidfd::signal(&monitor, Signal::SIGTERM);
            }
        }
        let ended = waitpid(child, None);
        report?;
        let why = match ended {
            Ok(WaitStatus::Exited(_, 0)) => return Ok(()),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(format!("the supervisor was killed by {signal}")),
            _ => self.files.state().and_then(|state| state.last_exit),
        };
        let why = why.unwrap_or_else(|| "the supervisor left no reason".into());
        Err(SuperviseError::Ended { name: self.name.clone(), why })
    }
}

#[cfg(test)]
mod tests;
