//! A service under a supervisor on NetBSD: one process that waits on a kqueue(2) for the service's end, its output, signals
//! and deadlines. What to do next is [`course`]'s, which is pure.
//!
//! There is no process that orphans are given to here: what a service leaves behind when it ends is killed where it is in the
//! service's process group; the rest lives on until the jail is stopped, which ends every member.

#[path = "../backoff.rs"]
pub mod backoff;
pub mod course;
#[path = "../ending.rs"]
pub mod ending;
mod error;
mod files;
#[path = "../line.rs"]
pub mod line;
mod monitor;
mod service;
mod syslog;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid, fork, pipe2, setsid};

use crate::jail::JailError;
use crate::kernel::{JailName, Kernel};
use error::STOP_PATIENCE;
pub use error::SuperviseError;
use files::Held;
use monitor::Monitor;
pub use service::Service;

const PAUSE: Duration = Duration::from_millis(50);

fn system(doing: &'static str) -> impl FnOnce(Errno) -> SuperviseError {
    move |errno| JailError::system(doing)(errno).into()
}

/// Starts the service and returns when it runs; in the foreground, when it is done for.
pub fn supervise(service: &Service, kernel: &dyn Kernel) -> Result<(), SuperviseError> {
    if service.foreground {
        let held = Held::take(&service.name)?;
        return Monitor::begin(service, kernel)?.run(held);
    }
    // Before the fork, so that who is there already is told as it is.
    drop(Held::take(&service.name)?);
    let (report, told) = pipe2(OFlag::O_CLOEXEC).map_err(system("make a pipe"))?;
    // SAFETY: this process has one thread, so the child has a consistent copy of all memory and locks.
    match unsafe { fork() }.map_err(system("fork"))? {
        ForkResult::Parent { child } => {
            drop(told);
            // The one in between, which ends at once.
            let _ = nix::sys::wait::waitpid(child, None);
            hear(report)
        }
        ForkResult::Child => {
            drop(report);
            become_nobodys(service, kernel, told);
            // SAFETY: ends the process at once; buffers and exit handlers are the parent's business.
            unsafe { libc::_exit(1) }
        }
    }
}

/// What the supervisor says once its service runs, or cannot.
fn hear(report: OwnedFd) -> Result<(), SuperviseError> {
    let mut text = String::new();
    match File::from(report).take(4096).read_to_string(&mut text) {
        Ok(_) if text == "+" => Ok(()),
        Ok(_) if !text.is_empty() => Err(SuperviseError::NotStarted(text)),
        _ => Err(SuperviseError::NotStarted("the supervisor ended without a word; see the system's log".into())),
    }
}

/// Nobody's child, in a session of its own, with /dev/null for standard descriptors.
fn become_nobodys(service: &Service, kernel: &dyn Kernel, told: OwnedFd) {
    let mut told = File::from(told);
    let begun = detach().and_then(|is_supervisor| {
        if !is_supervisor {
            // SAFETY: ends the process in between at once; the supervisor is its child, and now nobody's.
            unsafe { libc::_exit(0) }
        }
        let held = Held::take(&service.name)?;
        Ok((Monitor::begin(service, kernel)?, held))
    });
    let word = begun.as_ref().err().map_or_else(|| "+".to_owned(), ToString::to_string);
    // Whoever asked may be gone; the service runs for itself.
    let _ = told.write_all(word.as_bytes());
    drop(told);
    if let Ok((monitor, held)) = begun {
        // It has told syslog how it ended.
        let _ = monitor.run(held);
    }
}

/// Says whether this is the supervisor, or the process in between.
fn detach() -> Result<bool, SuperviseError> {
    setsid().map_err(system("make a session"))?;
    // SAFETY: one thread, as above.
    if let ForkResult::Parent { .. } = unsafe { fork() }.map_err(system("fork"))? {
        return Ok(false);
    }
    let null = File::options().read(true).write(true).open("/dev/null").map_err(JailError::io("open /dev/null"))?;
    for number in 0..3 {
        // SAFETY: both are descriptors of this process; 0 to 2 are put in place of what the caller had.
        Errno::result(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), number) })
            .map_err(system("close the caller's descriptors"))?;
    }
    nix::unistd::chdir("/").map_err(system("go to /"))?;
    Ok(true)
}

/// The pid of the supervisor that a jail has.
pub fn supervisor(name: &JailName) -> Result<Option<i32>, SuperviseError> {
    files::holder(name)
}

/// Ends the supervisor, if there is one, and with it the service and every other member.
pub fn stop(name: &JailName) -> Result<(), SuperviseError> {
    let until = Instant::now() + STOP_PATIENCE;
    let mut asked = None;
    while let Some(pid) = files::holder(name)? {
        if asked != Some(pid) {
            // It holds its pid file now, so the pid is its own.
            kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(system("signal the supervisor"))?;
            asked = Some(pid);
        }
        if Instant::now() >= until {
            return Err(SuperviseError::Stuck { name: name.clone(), pid });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
