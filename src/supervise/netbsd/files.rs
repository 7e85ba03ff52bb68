//! The pid file of a supervisor, which it holds a lock on: who has the lock is the jail's only supervisor.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, openat};
use nix::sys::stat::Mode;

use super::{SuperviseError, system};
use crate::jail::{JailError, walk};
use crate::kernel::JailName;

/// Where pid files are kept; gone after a boot, as supervisors are.
const RUN: &str = "/var/run";
const DIRECTORY: &str = "jailsh";

/// The lock, until it is dropped.
pub struct Held {
    _lock: Flock<File>,
}

fn open(name: &JailName, flags: OFlag) -> Result<File, SuperviseError> {
    let run = walk::open_vetted(Path::new(RUN)).map_err(JailError::walk(Path::new(RUN)))?;
    let path = Path::new(RUN).join(DIRECTORY);
    let directory = walk::ensure(&run, Path::new(DIRECTORY), 0o700).map_err(JailError::walk(&path))?;
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    // A jail's name is safe as a file's.
    let file = openat(&directory, format!("{name}.pid").as_str(), flags, Mode::from_bits_truncate(0o600));
    Ok(file.map_err(system("open the supervisor's pid file"))?.into())
}

fn number(file: &File) -> i32 {
    let mut text = String::new();
    // What is no number is told as 0: a supervisor that has not written it yet.
    let _ = file.take(16).read_to_string(&mut text);
    text.trim().parse().unwrap_or(0)
}

impl Held {
    pub fn take(name: &JailName) -> Result<Held, SuperviseError> {
        let file = open(name, OFlag::O_RDWR | OFlag::O_CREAT)?;
        let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((file, Errno::EAGAIN)) => return Err(SuperviseError::Supervised { name: name.clone(), pid: number(&file) }),
            Err((_, errno)) => return Err(system("lock the supervisor's pid file")(errno)),
        };
        let written =
            lock.set_len(0).and_then(|()| std::io::Write::write_all(&mut *lock, format!("{}\n", std::process::id()).as_bytes()));
        written.map_err(JailError::io("write the supervisor's pid file"))?;
        Ok(Held { _lock: lock })
    }
}

/// Who holds the lock.
pub fn holder(name: &JailName) -> Result<Option<i32>, SuperviseError> {
    let file = match open(name, OFlag::O_RDONLY) {
        Err(SuperviseError::Jail(JailError::System { errno: Errno::ENOENT, .. })) => return Ok(None),
        opened => opened?,
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(None),
        Err((file, Errno::EAGAIN)) => Ok(Some(number(&file)).filter(|pid| *pid > 0)),
        Err((_, errno)) => Err(system("look at the supervisor's pid file")(errno)),
    }
}
