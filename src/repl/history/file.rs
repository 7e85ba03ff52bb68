//! The file of the history: a line of text for each line that was typed, newlines escaped; mode 0600, never through a
//! symlink. Appending sessions take turns by its lock, and the one that finds it too long makes it short.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::geteuid;

use crate::jail::Directory;

const NAME: &str = "history";
/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

pub struct File {
    directory: Directory,
}

impl File {
    /// Opens or makes it, and reads the last `max` lines.
    ///
    /// # Errors
    /// Why it cannot be used, in one line.
    pub fn open(max: usize) -> Result<(File, Vec<String>), String> {
        let file = File { directory: directory()? };
        let locked = file.locked()?;
        let mut lines = file.read(&locked)?;
        // Made short only when it is twice as long, so that it is not written at each start.
        if lines.len() > 2 * max {
            lines.drain(..lines.len() - max);
            let text: String = lines.iter().map(|line| escaped(line) + "\n").collect();
            file.directory.replace(NAME, 0o600, text.as_bytes()).map_err(|error| error.to_string())?;
        }
        drop(locked);
        let first = lines.len().saturating_sub(max);
        Ok((file, lines.split_off(first)))
    }

    /// Appends a line.
    ///
    /// # Errors
    /// Why it cannot be written, in one line.
    pub fn append(&self, line: &str) -> Result<(), String> {
        let locked = self.locked()?;
        let text = escaped(line) + "\n";
        (&*locked).write_all(text.as_bytes()).map_err(|error| self.failed("write", &error))
    }

    fn failed(&self, doing: &str, why: &dyn std::fmt::Display) -> String {
        format!("cannot {doing} {}: {why}", self.directory.path_of(NAME).display())
    }

    /// The file, which is ours until this is dropped.
    fn locked(&self) -> Result<Flock<std::fs::File>, String> {
        loop {
            let file = std::fs::File::from(self.made()?);
            let locked = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| self.failed("lock", &errno))?;
            // Whoever held it may have put a shorter one in its place.
            let now = self.directory.status(NAME).map_err(|error| error.to_string())?;
            let mine = locked.metadata().map_err(|error| self.failed("look at", &error))?;
            if now.is_some_and(|now| (now.st_dev, now.st_ino) == (mine.dev(), mine.ino())) {
                return Ok(locked);
            }
        }
    }

    fn made(&self) -> Result<OwnedFd, String> {
        let flags = OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let private = Mode::S_IRUSR | Mode::S_IWUSR;
        let fd = self.directory.open_at(NAME, flags, private).map_err(|errno| self.failed("open", &errno))?;
        let status = fstat(&fd).map_err(|errno| self.failed("look at", &errno))?;
        if status.st_mode & libc::S_IFMT != libc::S_IFREG || status.st_uid != geteuid().as_raw() || status.st_nlink != 1 {
            return Err(self.failed("use", &"it is no plain file of yours; move it away"));
        }
        if status.st_mode & 0o077 != 0 {
            fchmod(&fd, private).map_err(|errno| self.failed("close to others", &errno))?;
        }
        Ok(fd)
    }

    fn read(&self, mut file: &std::fs::File) -> Result<Vec<String>, String> {
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| self.failed("read", &error))?;
        Ok(String::from_utf8_lossy(&bytes).lines().filter(|line| !line.is_empty()).map(plain).collect())
    }
}

/// `$XDG_STATE_HOME/jailsh` or `~/.local/state/jailsh`, made if missing (XDG Base Directory Specification).
fn directory() -> Result<Directory, String> {
    let given = |key| std::env::var_os(key).map(PathBuf::from).filter(|path| path.is_absolute());
    let (base, below) = match (given("XDG_STATE_HOME"), given("HOME")) {
        (Some(state), _) => (state, &[][..]),
        (None, Some(home)) => (home, &[".local", "state"][..]),
        (None, None) => return Err("neither XDG_STATE_HOME nor HOME is set".into()),
    };
    // What root writes lies where root alone could have put another; whoever else opens their home is their own judge.
    let vetted = |found: Directory| if geteuid().is_root() { found.vetted() } else { Ok(found) };
    let opened = if below.is_empty() { Directory::open_or_make(&base) } else { Directory::open(&base) };
    let mut found = opened.and_then(vetted).map_err(|error| error.to_string())?;
    for name in below.iter().copied().chain(["jailsh"]) {
        found = found.ensure(name, 0o700).and_then(vetted).map_err(|error| error.to_string())?;
    }
    found.vetted().map_err(|error| error.to_string())
}

fn escaped(line: &str) -> String {
    line.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        plain.push(match (c, c == '\\') {
            (_, true) => match letters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => break,
            },
            (c, false) => c,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(at: &std::path::Path) -> File {
        File { directory: Directory::open(at).unwrap() }
    }

    #[test]
    fn sessions_that_append_side_by_side_lose_nothing() {
        let at = tempfile::tempdir().unwrap();
        let write = |session: usize| {
            let file = file(at.path());
            move || (0..50).for_each(|line| file.append(&format!("{session} {line}\nend")).unwrap())
        };
        let sessions: Vec<_> = (0..4).map(|session| std::thread::spawn(write(session))).collect();
        sessions.into_iter().for_each(|session| session.join().unwrap());
        let file = file(at.path());
        let lines = file.read(&file.locked().unwrap()).unwrap();
        assert_eq!(lines.len(), 200);
        assert!(lines.iter().all(|line| line.ends_with("\nend")));
        let mode = at.path().join(NAME).metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_symlink_is_not_followed_and_a_file_of_others_is_closed_to_them() {
        let at = tempfile::tempdir().unwrap();
        std::fs::write(at.path().join("target"), "").unwrap();
        std::os::unix::fs::symlink("target", at.path().join(NAME)).unwrap();
        assert!(file(at.path()).append("x").unwrap_err().contains("cannot open"));
        std::fs::remove_file(at.path().join(NAME)).unwrap();
        std::fs::rename(at.path().join("target"), at.path().join(NAME)).unwrap();
        file(at.path()).append("x").unwrap();
        assert_eq!(at.path().join(NAME).metadata().unwrap().mode() & 0o777, 0o600);
    }

    proptest! {
        #[test]
        fn each_line_comes_back(line in "(\\PC|[\n\r\\\\])*") {
            prop_assert_eq!(plain(&escaped(&line)), line.clone());
            prop_assert!(!escaped(&line).contains('\n'));
        }
    }
}
