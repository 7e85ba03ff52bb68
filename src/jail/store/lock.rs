//! One lock per jail: a flock(2) on a file of the run directory, gone with its holder.

use std::fs::File;
use std::io::Write;
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::stat::Mode;

use super::directory::Directory;
use crate::jail::{Config, Host, JailError};
use crate::kernel::JailName;

/// Bytes of what the holder of a name wrote.
const MAX_HOLDER: usize = 20;
/// How long a verb waits for another one.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);
/// Lock files looked at when they are swept.
const MAX_LOCKS: usize = 65536;

/// Held while a verb changes a jail; released on drop, also by kill -9.
///
/// `create`, `bring_up`, `tear_down` and `destroy` take it themselves and it is not re-entrant: a caller that holds it
/// and calls one of them waits for itself and gets [`JailError::Locked`].
#[derive(Debug)]
pub struct Lock {
    file: Flock<File>,
}

/// A name that an administrator gives to runs of which one goes on at a time. Written like a jail's, and apart from those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnName(JailName);

impl FromStr for TurnName {
    type Err = String;

    fn from_str(text: &str) -> Result<TurnName, String> {
        let why = |error: crate::kernel::NameError| format!("{}; use letters, digits, \".\", \"_\" and \"-\"", error.why);
        text.parse().map(TurnName).map_err(why)
    }
}

impl std::fmt::Display for TurnName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether it is this process's turn.
#[derive(Debug)]
pub enum Turn {
    Mine(Lock),
    /// By the pid it wrote down, if it did.
    Held(Option<u32>),
}

impl Lock {
    /// The turn of a named run, waited for as long as `patience`; it ends with the value or the process.
    ///
    /// # Errors
    /// The run directory cannot be used.
    pub fn turn(config: &Config, name: &TurnName, patience: Duration) -> Result<Turn, JailError> {
        let file = format!(".turn-{name}");
        let Some(mut lock) = Lock::file(config, &file, patience)? else {
            let locks = Directory::open(&config.run_dir)?.find("locks")?;
            let holder = locks.and_then(|locks| locks.read(&file, MAX_HOLDER).ok());
            return Ok(Turn::Held(holder.and_then(|pid| String::from_utf8(pid).ok()?.trim().parse().ok())));
        };
        let written = lock.file.set_len(0).and_then(|()| writeln!(lock.file, "{}", std::process::id()));
        written.map_err(|error| JailError::System {
            doing: format!("write {}", config.run_dir.join("locks").join(&file).display()),
            errno: Errno::from_raw(error.raw_os_error().unwrap_or_default()),
        })?;
        Ok(Turn::Mine(lock))
    }

    /// Waits up to half a minute for the jail's lock.
    ///
    /// # Errors
    /// [`JailError::Locked`] when another process keeps it.
    pub fn jail(host: &Host, name: &JailName) -> Result<Lock, JailError> {
        Lock::wait(&host.config, name, PATIENCE)
    }

    /// The lock if nobody holds it.
    pub(in crate::jail) fn try_jail(config: &Config, name: &JailName) -> Result<Option<Lock>, JailError> {
        match Lock::wait(config, name, Duration::ZERO) {
            Ok(lock) => Ok(Some(lock)),
            Err(JailError::Locked(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn wait(config: &Config, name: &JailName, patience: Duration) -> Result<Lock, JailError> {
        // The suffix keeps a jail's file apart from the run directory's own.
        Lock::file(config, &format!("{name}.lock"), patience)?.ok_or_else(|| JailError::Locked(name.clone()))
    }

    /// Held while a keeper of the jail is looked for and started. A jail's name does not begin with a dot.
    pub(in crate::jail) fn keeper(config: &Config, name: &JailName) -> Result<Lock, JailError> {
        Lock::file(config, &format!(".keeper-{name}"), PATIENCE)?.ok_or_else(|| JailError::Locked(name.clone()))
    }

    /// Held while a project is looked for that no jail's data is.
    pub(in crate::jail) fn projects(config: &Config) -> Result<Lock, JailError> {
        Lock::file(config, ".projects", PATIENCE)?.ok_or_else(|| JailError::Path {
            path: config.run_dir.clone(),
            why: "another command keeps looking for a project of its file system's quotas".into(),
            remedy: "wait until it is done".into(),
        })
    }

    /// The lock that orders changes of the run directory itself.
    pub(in crate::jail) fn run_dir(config: &Config) -> Result<Lock, JailError> {
        Lock::file(config, ".run-dir", PATIENCE)?.ok_or_else(|| JailError::Path {
            path: config.run_dir.clone(),
            why: "another jailsh is preparing it".into(),
            remedy: "try again when it is done".into(),
        })
    }

    /// The lock that orders the choice of a base's version against its removal. Taken after a jail's lock, never before.
    pub(in crate::jail) fn bases(config: &Config) -> Result<Lock, JailError> {
        Lock::file(config, ".bases", PATIENCE)?.ok_or_else(|| JailError::Path {
            path: config.data_dir.join("base"),
            why: "another jailsh is changing the bases".into(),
            remedy: "try again when it is done".into(),
        })
    }

    /// Removes the lock files of jails that are gone; says how many.
    pub(in crate::jail) fn sweep(config: &Config, keep: impl Fn(&JailName) -> bool) -> Result<u64, JailError> {
        let mut removed = 0;
        let Some(locks) = Directory::open(&config.run_dir).ok().map(|run| run.find("locks")).transpose()?.flatten() else {
            return Ok(0);
        };
        for file in locks.names(MAX_LOCKS)? {
            let name = file.to_str().and_then(|file| file.strip_suffix(".lock")).and_then(|name| name.parse().ok());
            let Some(name) = name.filter(|name| !keep(name)) else { continue };
            // Held while it is unlinked: who waits for it sees that its file is no longer the one of that name.
            if let Some(_lock) = Lock::try_jail(config, &name)? {
                nix::unistd::unlinkat(locks.fd(), file.as_os_str(), nix::unistd::UnlinkatFlags::NoRemoveDir)
                    .map_err(JailError::system(format!("remove {}", locks.path_of(&file).display())))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn file(config: &Config, file: &str, patience: Duration) -> Result<Option<Lock>, JailError> {
        let deadline = Instant::now() + patience;
        loop {
            let locks = Directory::open_or_make(&config.run_dir)?.vetted()?.ensure("locks", 0o700)?.vetted()?;
            let Some(lock) = Lock::held(&locks, file, deadline)? else { return Ok(None) };
            let status = nix::sys::stat::fstat(&*lock.file).map_err(JailError::system("look at a lock"))?;
            // Removed between opening and locking: then another file has the name, and maybe another holder.
            if locks.status(file)?.is_some_and(|found| (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino)) {
                return Ok(Some(lock));
            }
        }
    }

    fn held(locks: &Directory, file: &str, deadline: Instant) -> Result<Option<Lock>, JailError> {
        let doing = format!("lock {}", locks.path_of(file).display());
        let flags = OFlag::O_RDWR | OFlag::O_CREAT;
        let open = locks.open_at(file, flags, Mode::from_bits_truncate(0o600)).map_err(JailError::system(doing.clone()))?;
        let mut open = File::from(open);
        loop {
            match Flock::lock(open, FlockArg::LockExclusiveNonblock) {
                Ok(held) => return Ok(Some(Lock { file: held })),
                Err((file, Errno::EAGAIN | Errno::EINTR)) if Instant::now() < deadline => open = file,
                Err((_, Errno::EAGAIN | Errno::EINTR)) => return Ok(None),
                Err((_, errno)) => return Err(JailError::System { doing, errno }),
            }
            std::thread::sleep(STEP);
        }
    }
}
