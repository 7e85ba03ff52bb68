//! Starting a monitor: a fresh exec of this program, away from the caller's session, descriptors and environment.

use std::ffi::{CString, c_char};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::Pid;

use super::service::{Report, Service, ServiceError};

/// Where a monitor finds its service description and reports to.
const SERVICE_FD: RawFd = 3;
const REPORT_FD: RawFd = 4;
/// A first start takes a trial and, when it fails, up to ten seconds to empty the jail.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no monitor, or no word of it.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("{doing}: {}", errno.desc())]
    System { doing: &'static str, errno: Errno },
    #[error("the supervisor ended without a word; see the system's log")]
    Silent,
    #[error("the supervisor said nothing for {} s", PATIENCE.as_secs())]
    TimedOut,
    #[error("this is not how a supervisor is started; use `jailctl supervise`")]
    ByHand,
}

fn system(doing: &'static str) -> impl Fn(Errno) -> LaunchError {
    move |errno| LaunchError::System { doing, errno }
}

/// A monitor that was started and has not reported yet.
pub struct Launched {
    /// A child of the caller; `None` for a background monitor, which is nobody's.
    pub child: Option<Pid>,
    report: File,
}

/// Starts a monitor for `service` by executing `exe`.
pub fn launch(exe: &Path, service: &Service) -> Result<Launched, LaunchError> {
    let description = above_ours(sealed(&service.to_json()?)?)?;
    let (report, report_end) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(system("pipe2"))?;
    let report_end = above_ours(report_end)?;
    let null = File::options().read(true).write(true).open("/dev/null").map_err(|error| LaunchError::System {
        doing: "/dev/null",
        errno: Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
    })?;
    let null = above_ours(null.into())?;
    let no_nul = |_| LaunchError::System { doing: "execve", errno: Errno::EINVAL };
    let plan = Plan {
        exe: CString::new(exe.as_os_str().as_bytes()).map_err(no_nul)?,
        title: CString::new(service.title()).map_err(no_nul)?,
        description: description.as_raw_fd(),
        report: report_end.as_raw_fd(),
        null: null.as_raw_fd(),
        foreground: service.foreground,
    };
    // SAFETY: fork(2); the child calls nothing but async-signal-safe functions and never returns.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(system("fork")(Errno::last())),
        0 => plan.become_monitor(),
        child => Pid::from_raw(child),
    };
    let child = if service.foreground {
        Some(child)
    } else {
        // The one in between, which ends at once. A caller that ignores SIGCHLD has it reaped already.
        let _ = nix::sys::wait::waitpid(child, None);
        None
    };
    Ok(Launched { child, report: report.into() })
}

impl Launched {
    /// Waits for the one report; the pipe's end comes when the monitor has said it, or is gone.
    pub fn report(mut self) -> Result<Report, LaunchError> {
        let until = Instant::now() + PATIENCE;
        let mut text = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.report.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => return Err(LaunchError::TimedOut),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(system("poll")(errno)),
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

/// What the forked child needs, made beforehand: it must not allocate.
struct Plan {
    exe: CString,
    title: CString,
    description: RawFd,
    report: RawFd,
    null: RawFd,
    foreground: bool,
}

impl Plan {
    fn become_monitor(&self) -> ! {
        let argv: [*const c_char; 2] = [self.title.as_ptr(), std::ptr::null()];
        let environment: [*const c_char; 1] = [std::ptr::null()];
        // SAFETY: async-signal-safe calls only, on descriptors and strings that the parent made and that outlive them.
        unsafe {
            if self.foreground {
                // Ends when whoever waits for it does.
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            } else {
                match libc::fork() {
                    0 => {}
                    -1 => libc::_exit(1),
                    _ => libc::_exit(0),
                }
            }
            libc::setsid();
            for signal in 1..=libc::SIGRTMAX() {
                libc::signal(signal, libc::SIG_DFL);
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
            libc::dup2(self.null, 0);
            if !self.foreground {
                libc::dup2(self.null, 1);
                libc::dup2(self.null, 2);
            }
            if libc::dup2(self.description, SERVICE_FD) < 0 || libc::dup2(self.report, REPORT_FD) < 0 {
                libc::_exit(1);
            }
            libc::syscall(libc::SYS_close_range, REPORT_FD + 1, libc::c_uint::MAX, 0);
            libc::chdir(c"/".as_ptr());
            libc::execve(self.exe.as_ptr(), argv.as_ptr(), environment.as_ptr());
            libc::_exit(1)
        }
    }
}

/// A memory file that nobody can change any more.
fn sealed(text: &str) -> Result<OwnedFd, LaunchError> {
    let fd =
        memfd_create(c"jailsh-service", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).map_err(system("memfd_create"))?;
    let mut file = File::from(fd);
    file.write_all(text.as_bytes())
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .map_err(|_| LaunchError::System { doing: "writing the service description", errno: Errno::ENOMEM })?;
    let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).map_err(system("sealing the service description"))?;
    Ok(file.into())
}

/// Moves a descriptor out of the way of those the monitor will find at fixed numbers.
fn above_ours(fd: OwnedFd) -> Result<OwnedFd, LaunchError> {
    let raw = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(10)).map_err(system("fcntl"))?;
    // SAFETY: F_DUPFD_CLOEXEC returned a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// In the monitor: what [`launch`] passed on.
pub fn inherited() -> Result<(Service, File), LaunchError> {
    let take = |raw: RawFd| {
        // SAFETY: asks whether the descriptor is open, and touches it no further.
        if unsafe { libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
            return Err(LaunchError::ByHand);
        }
        // SAFETY: it is open, and at the start of a process nobody has taken it yet; each number is taken once.
        Ok(File::from(unsafe { OwnedFd::from_raw_fd(raw) }))
    };
    let (description, report) = (take(SERVICE_FD)?, take(REPORT_FD)?);
    let mut text = Vec::new();
    description.take(Service::MAX_BYTES as u64 + 1).read_to_end(&mut text).map_err(|_| LaunchError::ByHand)?;
    Ok((Service::from_json(&text)?, report))
}
