//! Starting this program again as another kind of process, a supervisor or a keeper: fresh memory, no environment, a
//! session of its own, and no descriptor but those it is given.

use std::ffi::{CString, c_char};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::Pid;

use super::root;
use crate::kernel::system::{self, Executable};

/// Whose child the new process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// Nobody's: it outlives its caller. Standard descriptors are /dev/null.
    Nobodys,
    /// The caller's, which it may outlive. Standard descriptors are /dev/null.
    Child,
    /// The caller's, asked to end (SIGTERM) when the caller does. Keeps the caller's standard output and error.
    Companion,
}

/// What to start.
pub struct Relaunch<'a> {
    /// The program's file.
    pub exe: &'a Path,
    /// Run it from a read-only mount that is mounted nowhere: for a process that a jail will be able to look at, whose
    /// /proc/PID/exe must not be a way to write to our file (CVE-2019-5736).
    pub shielded: bool,
    /// argv[0], which says to `main` what it is to be, and to `ps` what it is.
    pub title: String,
    /// Found by the new process as 3, 4, ...
    pub descriptors: Vec<OwnedFd>,
    pub kinship: Kinship,
    /// The group of cgroup2 that it is born in, if the kernel lets it; else the caller's.
    pub group: Option<OwnedFd>,
}

/// What could not be done, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {}", errno.desc())]
pub struct RelaunchError {
    pub doing: &'static str,
    pub errno: Errno,
}

pub fn failed(doing: &'static str) -> impl Fn(Errno) -> RelaunchError {
    move |errno| RelaunchError { doing, errno }
}

/// First descriptor that is given.
pub const FIRST: RawFd = 3;
/// Descriptors are moved above this while they are put in place.
const ABOVE: RawFd = 20;

impl Relaunch<'_> {
    /// Starts it; its pid if it is a child. What it then does, it has to tell by a descriptor it was given.
    pub fn start(self) -> Result<Option<Pid>, RelaunchError> {
        let mut exe = Executable::open(self.exe).map_err(failed("open this program's file"))?;
        if self.shielded {
            exe = exe.by(|file| root::read_only_copy(file.as_fd())).map_err(failed("mount this program's file read-only"))?;
        }
        let null = File::options().read(true).write(true).open("/dev/null");
        let null = null.map_err(|error| failed("open /dev/null")(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))))?;
        let exe = exe.out_of_the_way(ABOVE).map_err(failed("keep a descriptor"))?;
        let null = above(null.into())?;
        let given: Vec<OwnedFd> = self.descriptors.into_iter().map(above).collect::<Result<_, _>>()?;
        let given: (Vec<RawFd>, Vec<OwnedFd>) = given.into_iter().map(|fd| (fd.as_raw_fd(), fd)).unzip();
        let plan = Plan {
            exe,
            title: CString::new(self.title).map_err(|_| failed("start this program again")(Errno::EINVAL))?,
            given: given.0,
            null: null.as_raw_fd(),
            kinship: self.kinship,
            group: self.group,
        };
        let group = plan.group.as_ref().filter(|_| self.kinship != Kinship::Nobodys).map(AsFd::as_fd);
        // SAFETY: the child calls nothing but async-signal-safe functions and never returns.
        let child = match unsafe { system::split(group) }.0 {
            -1 => return Err(failed("fork")(Errno::last())),
            0 => plan.become_it(),
            child => Pid::from_raw(child),
        };
        if self.kinship != Kinship::Nobodys {
            return Ok(Some(child));
        }
        // The one in between, which ends at once. A caller that ignores SIGCHLD has it reaped already.
        let _ = nix::sys::wait::waitpid(child, None);
        Ok(None)
    }
}

/// What the forked child needs, made beforehand: it must not allocate.
struct Plan {
    exe: Executable,
    title: CString,
    given: Vec<RawFd>,
    null: RawFd,
    kinship: Kinship,
    group: Option<OwnedFd>,
}

impl Plan {
    fn become_it(&self) -> ! {
        let argv: [*const c_char; 2] = [self.title.as_ptr(), std::ptr::null()];
        let environment: [*const c_char; 1] = [std::ptr::null()];
        // SAFETY: async-signal-safe calls only, on descriptors and strings that the parent made and that outlive them.
        unsafe {
            match self.kinship {
                Kinship::Companion => {
                    system::ask_to_end_with_parent();
                }
                Kinship::Child => {}
                Kinship::Nobodys => match system::split(self.group.as_ref().map(AsFd::as_fd)).0 {
                    0 => {}
                    -1 => libc::_exit(1),
                    _ => libc::_exit(0),
                },
            }
            libc::setsid();
            for signal in 1..=system::last_signal() {
                libc::signal(signal, libc::SIG_DFL);
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
            libc::dup2(self.null, 0);
            if self.kinship != Kinship::Companion {
                libc::dup2(self.null, 1);
                libc::dup2(self.null, 2);
            }
            let mut place = FIRST;
            for fd in &self.given {
                if libc::dup2(*fd, place) < 0 {
                    libc::_exit(1);
                }
                place += 1;
            }
            self.exe.become_it(place, argv.as_ptr(), environment.as_ptr())
        }
    }
}

/// Moves a descriptor out of the way of those that get fixed numbers.
fn above(fd: OwnedFd) -> Result<OwnedFd, RelaunchError> {
    let raw = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(ABOVE)).map_err(failed("keep a descriptor"))?;
    // SAFETY: F_DUPFD_CLOEXEC returned a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// In the new process: takes over descriptor `number`. Once for each, first thing.
pub fn inherited(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: asks whether the descriptor is open, and touches it no further.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return None;
    }
    // SAFETY: it is open, and at the start of a process nobody has taken it yet; each number is taken once.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// A memory file that nobody can change any more.
pub fn sealed(bytes: &[u8]) -> Result<OwnedFd, RelaunchError> {
    system::sealed(bytes).map_err(failed("make a sealed memory file"))
}

/// The bytes of such a file, at most `limit`. `None` for anything else.
pub fn unsealed(file: OwnedFd, limit: usize) -> Option<Vec<u8>> {
    if !system::is_sealed(file.as_fd()) {
        return None;
    }
    let mut file = File::from(file);
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= limit).then_some(bytes)
}
