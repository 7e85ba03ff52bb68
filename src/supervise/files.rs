//! A supervisor's files in the jail's run directory: `supervisor` (pid and grace; locked for life) and `state.json`.
//!
//! Alive means that the lock is held, whatever a file or `ps` says. It is a record lock (fcntl(2)): it survives execve,
//! is not inherited by the service, ends with the process however that ends, and the kernel names the holder's pid.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use super::Status;
use crate::jail::Config;
use crate::kernel::JailName;

/// The run directory of one jail, as the supervisor uses it.
#[derive(Debug, Clone)]
pub struct Files {
    dir: PathBuf,
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
    const VERB: &'static str = "supervise.lock";

    pub fn of(config: &Config, name: &JailName) -> Self {
        Files { dir: config.run_of(name) }
    }

    pub fn make_dir(&self) -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)
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

    /// Serialises the verbs that start and stop a supervisor; waits, but not longer than `patience`.
    pub fn lock_verbs(&self, patience: Duration) -> Result<Held, NotTaken> {
        let until = Instant::now() + patience;
        loop {
            self.make_dir().map_err(failed)?;
            let path = self.dir.join(Self::VERB);
            let file = match open(&path) {
                Ok(file) => file,
                // Another verb removed the directory in between.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            match flock(&file) {
                // A lock on a file that was removed meanwhile excludes nobody.
                Ok(()) if is_at(&file, &path) => return Ok(Held { _file: file }),
                Ok(()) => {}
                Err(Errno::EAGAIN) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
                Err(Errno::EAGAIN) => return Err(NotTaken::Held(0)),
                Err(errno) => return Err(NotTaken::Failed(errno)),
            }
        }
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

    /// Removes what a dead supervisor left. The caller holds the verbs' lock, whose file goes too.
    pub fn remove(&self) {
        for file in [Self::PID, Self::STATE, ".state.json.new", Self::VERB] {
            // What cannot be removed does no harm: the lock decides.
            let _ = std::fs::remove_file(self.dir.join(file));
        }
        let _ = std::fs::remove_dir(&self.dir);
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(path)
}

fn failed(error: std::io::Error) -> NotTaken {
    NotTaken::Failed(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
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

fn flock(file: &File) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    // SAFETY: flock(2) on a descriptor that `file` keeps open.
    Errno::result(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &tempfile::TempDir) -> Files {
        Files { dir: dir.path().join("jails/web") }
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
        // Removing the file under the lock must not let two in.
        files.remove();
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
        let status = Status { pid: 1, state: "running".into(), since: 2, restarts: 3, last_exit: None, service: Some(4) };
        files.write_state(&status).unwrap();
        assert_eq!(files.state(), Some(status));
    }

    #[test]
    fn nothing_is_left_after_a_removal() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        let held = files.lock_verbs(Duration::ZERO).unwrap();
        files.remove();
        drop(held);
        assert!(!dir.path().join("jails/web").exists());
    }
}
