//! Starting a monitor: a fresh exec of this program, away from the caller's session, descriptors and environment.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, OFlag};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;

use super::service::{Report, Service, ServiceError};
use crate::jail::relaunch::{FIRST, Kinship, Relaunch, RelaunchError, failed, inherited, sealed, unsealed};

/// Where a monitor finds its service description and reports to.
const SERVICE_FD: RawFd = FIRST;
const REPORT_FD: RawFd = FIRST + 1;
/// The verb lock of whoever started it.
const VERB_FD: RawFd = FIRST + 2;
/// A first start takes a trial and, when it fails, up to ten seconds to empty the jail; more where services say when they
/// are ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no monitor, or no word of it.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Relaunch(#[from] RelaunchError),
    #[error("the supervisor ended without a word; see the system's log")]
    Silent,
    #[error("the supervisor said nothing for {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("this is not how a supervisor is started; use `jailctl supervise`")]
    ByHand,
}

/// A monitor that was started and has not reported yet.
pub struct Launched {
    /// A child of the caller; `None` for a background monitor, which is nobody's.
    pub child: Option<Pid>,
    report: File,
    patience: Duration,
}

/// Starts a monitor for `service` by executing `exe`. It keeps `verb` taken until it is the jail's supervisor, whatever
/// becomes of the caller: the next verb then finds none, or one it can see.
pub fn launch(exe: &Path, service: &Service, verb: &Flock<File>) -> Result<Launched, LaunchError> {
    let (report, report_end) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed("make a pipe"))?;
    // flock(2): a lock is that of all copies of the descriptor, and goes with the last.
    let verb = verb.as_fd().try_clone_to_owned().map_err(|error| failed("keep the verb lock")(errno_of(&error)))?;
    let relaunch = Relaunch {
        exe,
        shielded: false,
        title: service.title(),
        descriptors: vec![sealed(service.to_json()?.as_bytes())?, report_end, verb],
        kinship: if service.foreground { Kinship::Companion } else { Kinship::Nobodys },
        group: None,
    };
    Ok(Launched { child: relaunch.start()?, report: report.into(), patience: PATIENCE + service.start_patience() })
}

impl Launched {
    /// Waits for the one report; the pipe's end comes when the monitor has said it, or is gone.
    pub fn report(mut self) -> Result<Report, LaunchError> {
        let until = Instant::now() + self.patience;
        let mut text = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.report.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => return Err(LaunchError::TimedOut(self.patience)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed("wait for the supervisor")(errno).into()),
            }
            let mut buffer = [0; 4096];
            match self.report.read(&mut buffer) {
                Ok(0) => return serde_json::from_slice(&text).map_err(|_| LaunchError::Silent),
                Ok(length) => text.extend_from_slice(&buffer[..length]),
                Err(_) => return Err(LaunchError::Silent),
            }
        }
    }
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// What [`launch`] passed on.
pub struct Inherited {
    pub service: Service,
    pub report: File,
    /// To be closed as soon as the monitor is the jail's supervisor.
    pub verb: OwnedFd,
}

/// In the monitor, first thing.
pub fn taken_over() -> Result<Inherited, LaunchError> {
    let [description, report, verb] = [SERVICE_FD, REPORT_FD, VERB_FD].map(inherited);
    let (Some(description), Some(report), Some(verb)) = (description, report, verb) else { return Err(LaunchError::ByHand) };
    let text = unsealed(description, Service::MAX_BYTES).ok_or(LaunchError::ByHand)?;
    Ok(Inherited { service: Service::from_json(&text)?, report: report.into(), verb })
}
