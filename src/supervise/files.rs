//! A supervisor's files in the jail's run directory: `supervisor` (pid and grace; locked for life), `state.json` and
//! the files of [`Ring`]. They go with that directory when the jail is taken down.
//!
//! Alive means that the lock is held, whatever a file or `ps` says. It is a record lock (fcntl(2)): it survives execve,
//! is not inherited by the service, ends with the process however that ends, and the kernel names the holder's pid.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};

use super::Status;
use super::ring::{Reader, Ring};
use crate::jail::Config;
use crate::kernel::JailName;

/// The run directory of one jail, as the supervisor uses it.
#[derive(Debug, Clone)]
pub struct Files {
    name: String,
    dir: PathBuf,
    locks: PathBuf,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// By this pid, 0 if it cannot be told.
    Held(i32),
    Failed(Errno),
}

/// A live supervisor, as its lock and its file tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub pid: i32,
    /// Seconds it may take for the service to end.
    pub grace: u64,
}

impl Files {
    const PID: &'static str = "supervisor";
    const STATE: &'static str = "state.json";

    pub fn of(config: &Config, name: &JailName) -> Self {
        Files { name: name.to_string(), dir: config.run_of(name), locks: config.run_dir.join("locks") }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn make_dir(&self) -> std::io::Result<()> {
        private_dir(&self.dir)
    }

    /// Becomes the jail's supervisor, for life.
    pub fn hold(&self, grace: u64) -> Result<Held, NotTaken> {
        let mut file = open(&self.dir.join(Self::PID)).map_err(failed)?;
        take(&file)?;
        file.set_len(0).and_then(|()| writeln!(file, "{}\n{grace}", std::process::id())).map_err(failed)?;
        Ok(Held { _file: file })
    }

    /// The live supervisor.
    pub fn holder(&self) -> Option<Holder> {
        let mut file = File::open(self.dir.join(Self::PID)).ok()?;
        let pid = holder(&file)?;
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        let grace = text.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
        Some(Holder { pid, grace })
    }

    /// Serialises the verbs that start and stop a supervisor; waits, but not longer than `patience`. The file lies beside
    /// those of [`jail::Lock`](crate::jail::Lock), for a jail's own directory goes when the jail is taken down.
    pub fn lock_verbs(&self, patience: Duration) -> Result<Flock<File>, NotTaken> {
        let until = Instant::now() + patience;
        private_dir(&self.locks).map_err(failed)?;
        // No jail's name begins with a dot.
        let mut file = open(&self.locks.join(format!(".supervise-{}", self.name))).map_err(failed)?;
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => return Ok(held),
                Err((file, Errno::EAGAIN | Errno::EINTR)) if Instant::now() < until => file,
                Err((_, Errno::EAGAIN | Errno::EINTR)) => return Err(NotTaken::Held(0)),
                Err((_, errno)) => return Err(NotTaken::Failed(errno)),
            };
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where the service's lines are kept. For the holder alone.
    pub fn ring(&self) -> Ring {
        Ring::new(self.dir.clone())
    }

    /// The lines that were kept.
    pub fn reader(&self) -> Option<Reader> {
        Reader::open(&self.dir)
    }

    /// What the last supervisor wrote, alive or not.
    pub fn state(&self) -> Option<Status> {
        serde_json::from_slice(&std::fs::read(self.dir.join(Self::STATE)).ok()?).ok()
    }

    /// Replaces the state as a whole. No fsync: the run directory does not outlive the machine's run.
    pub fn write_state(&self, status: &Status) -> std::io::Result<()> {
        let fresh = self.dir.join(".state.json.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(serde_json::to_string(status)?.as_bytes())?;
        std::fs::rename(&fresh, self.dir.join(Self::STATE))
    }
}

fn private_dir(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn open(path: &Path) -> std::io::Result<File> {
    let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(path)
}

fn failed(error: std::io::Error) -> NotTaken {
    NotTaken::Failed(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

fn whole_file() -> libc::flock {
    libc::flock { l_type: libc::F_WRLCK as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 }
}

fn take(file: &File) -> Result<(), NotTaken> {
    match fcntl(file, FcntlArg::F_SETLK(&whole_file())) {
        Ok(_) => Ok(()),
        Err(Errno::EAGAIN | Errno::EACCES) => Err(NotTaken::Held(holder(file).unwrap_or(0))),
        Err(errno) => Err(NotTaken::Failed(errno)),
    }
}

/// Who holds the record lock. Looking does not take it.
fn holder(file: &File) -> Option<i32> {
    let mut lock = whole_file();
    fcntl(file, FcntlArg::F_GETLK(&mut lock)).ok()?;
    (lock.l_type != libc::F_UNLCK as i16).then_some(lock.l_pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &tempfile::TempDir) -> Files {
        let config = Config { data_dir: dir.path().join("data"), run_dir: dir.path().to_owned() };
        Files::of(&config, &"web".parse().unwrap())
    }

    #[test]
    fn verbs_wait_for_each_other_but_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        let held = files.lock_verbs(Duration::ZERO).unwrap();
        assert!(matches!(files.lock_verbs(Duration::from_millis(50)), Err(NotTaken::Held(_))));
        let waiter = std::thread::spawn({
            let files = files.clone();
            move || files.lock_verbs(Duration::from_secs(10)).is_ok()
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiter.is_finished());
        drop(held);
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn without_a_lock_nobody_is_alive_whatever_the_files_say() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        files.make_dir().unwrap();
        assert_eq!(files.holder(), None);
        std::fs::write(dir.path().join("jails/web/supervisor"), "1\n5\n").unwrap();
        assert_eq!(files.holder(), None);
    }

    #[test]
    fn a_torn_state_is_no_state() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        files.make_dir().unwrap();
        std::fs::write(dir.path().join("jails/web/state.json"), "{\"pid\":1,").unwrap();
        assert_eq!(files.state(), None);
        let status = Status { pid: 1, state: "running".into(), since: 2, restarts: 3, service: Some(4), ..Status::default() };
        files.write_state(&status).unwrap();
        assert_eq!(files.state(), Some(status));
    }
}
