//! The last lines of a service, for `jailctl logs`: two files in the jail's run directory, `log` and before it `log.old`,
//! each of at most [`SEGMENT`] bytes. When the first is full it takes the place of the second.
//!
//! A record is a line, `NUMBER MILLISECONDS STREAM TEXT`. Numbers count every line, also one that could not be written,
//! so a gap tells how many were lost. No fsync and no wait: the run directory does not outlive the machine's run. A tail
//! torn by a kill or a full disk is no record, and is cut off by the next writer.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat};

/// Size of a file, in bytes; many times the longest line.
const SEGMENT: u64 = 128 * 1024;
/// Longest text of a record, in bytes: more than a line of the service has once it is escaped.
const MAX_TEXT: usize = 40 * 1024;
/// Between attempts to open a file that cannot be opened.
const PATIENCE: Duration = Duration::from_secs(1);

const NEW: &str = "log";
const OLD: &str = "log.old";

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Stdout,
    Stderr,
    Supervisor,
}

impl Source {
    const ALL: [(&'static str, Source); 3] =
        [("stdout", Source::Stdout), ("stderr", Source::Stderr), ("supervisor", Source::Supervisor)];

    pub fn name(self) -> &'static str {
        match self {
            Source::Stdout => "stdout",
            Source::Stderr => "stderr",
            Source::Supervisor => "supervisor",
        }
    }
}

/// A line that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// From 1; grows by one a line, by more where lines were lost.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub time_ms: u64,
    pub source: Source,
    /// Escaped.
    pub text: String,
}

impl Record {
    /// `None` for what we did not write.
    fn parse(line: &str) -> Option<Record> {
        let mut parts = line.splitn(4, ' ');
        let mut next = || parts.next();
        let (seq, time_ms) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let stream = next()?;
        let (_, source) = Source::ALL.into_iter().find(|(name, _)| *name == stream)?;
        Some(Record { seq, time_ms, source, text: next()?.to_owned() })
    }
}

/// The records of a file's text; a last line without its end is torn.
fn records(bytes: &[u8]) -> impl DoubleEndedIterator<Item = Record> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes[..whole].split(|byte| *byte == b'\n').filter_map(|line| Record::parse(std::str::from_utf8(line).ok()?))
}

/// The writing end. Its owner is the jail's only supervisor.
#[derive(Debug)]
pub struct Ring {
    dir: PathBuf,
    file: Option<File>,
    length: u64,
    /// Lines so far.
    count: u64,
    /// The last number that an earlier supervisor gave; known once the file was opened.
    base: Option<u64>,
    retry: Option<Instant>,
}

impl Ring {
    pub fn new(dir: PathBuf) -> Ring {
        Ring { dir, file: None, length: 0, count: 0, base: None, retry: None }
    }

    /// Keeps a line. What cannot be written is lost, and its number missing.
    pub fn append(&mut self, source: Source, text: &str, time_ms: u64, now: Instant) {
        self.count += 1;
        if !self.open(now) {
            return;
        }
        let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_TEXT).last();
        let text = text[..end.unwrap_or(0)].replace('\n', "\\n");
        let line = format!("{} {time_ms} {} {text}\n", self.base.unwrap_or(0) + self.count, source.name());
        if self.length + line.len() as u64 > SEGMENT && !self.rotate(now) {
            return;
        }
        let Some(file) = &mut self.file else { return };
        match file.write_all_at(line.as_bytes(), self.length) {
            Ok(()) => self.length += line.len() as u64,
            // A full disk. The beginning of the line must not stay; if it does, the next opening cuts it off.
            Err(_) if file.set_len(self.length).is_ok() => {}
            Err(_) => self.give_up(now),
        }
    }

    /// Counts a line that is not kept.
    pub fn lose(&mut self) {
        self.count += 1;
    }

    fn give_up(&mut self, now: Instant) {
        self.file = None;
        self.retry = Some(now + PATIENCE);
    }

    fn open(&mut self, now: Instant) -> bool {
        if self.file.is_some() {
            return true;
        }
        if self.retry.is_some_and(|at| now < at) {
            return false;
        }
        match self.take_over() {
            Ok(()) => true,
            Err(_) => {
                self.give_up(now);
                false
            }
        }
    }

    /// Opens the file that an earlier supervisor may have left: cuts a torn tail off and goes on with its numbers.
    fn take_over(&mut self) -> std::io::Result<()> {
        let mut file = open(&self.dir.join(NEW))?;
        let (length, mut last) = tail(&mut file)?;
        if last.is_none()
            && let Ok(mut old) = File::open(self.dir.join(OLD))
        {
            (_, last) = tail(&mut old)?;
        }
        file.set_len(length)?;
        self.base.get_or_insert(last.unwrap_or(0));
        (self.length, self.file) = (length, Some(file));
        Ok(())
    }

    fn rotate(&mut self, now: Instant) -> bool {
        let renamed = std::fs::rename(self.dir.join(NEW), self.dir.join(OLD));
        match renamed.and_then(|()| open(&self.dir.join(NEW))) {
            Ok(file) => {
                (self.length, self.file) = (0, Some(file));
                true
            }
            Err(_) => {
                self.give_up(now);
                false
            }
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(path)
}

/// Where the last whole record ends, and its number. Reads no more than holds the longest line.
fn tail(file: &mut File) -> std::io::Result<(u64, Option<u64>)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(2 * MAX_TEXT as u64);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(2 * MAX_TEXT as u64).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
    Ok((from + whole, records(&bytes).next_back().map(|record| record.seq)))
}

/// The reading end, of the jail's present run: it sees nothing of a later one.
#[derive(Debug)]
pub struct Reader {
    dir: OwnedFd,
    last: u64,
    /// Number and size of the new file when it was read last.
    seen: Option<(u64, i64)>,
    /// That file: what was written into it before it was removed can still be read.
    held: Option<File>,
}

impl Reader {
    /// `None`: there is no such directory.
    pub fn open(dir: &Path) -> Option<Reader> {
        let flags = libc::O_DIRECTORY | libc::O_CLOEXEC | libc::O_NOFOLLOW;
        let dir = OpenOptions::new().read(true).custom_flags(flags).open(dir).ok()?;
        Some(Reader { dir: dir.into(), last: 0, seen: None, held: None })
    }

    /// The records that were not read before, in order; `None` when there is no log.
    pub fn read(&mut self) -> Option<Vec<Record>> {
        let now = fstatat(&self.dir, NEW, AtFlags::AT_SYMLINK_NOFOLLOW).map(|status| (status.st_ino, status.st_size)).ok();
        if now.is_some() && now == std::mem::replace(&mut self.seen, now) {
            return Some(Vec::new());
        }
        // The new file first: if it becomes the old one meanwhile it is read twice, and not passed over.
        let new = self.segment(NEW);
        let old = self.segment(OLD);
        let new = new.or(self.held.take());
        if new.is_none() && old.is_none() {
            return None;
        }
        let mut found = Vec::new();
        for bytes in [&old, &new].into_iter().flatten().map(content) {
            for record in records(&bytes) {
                if record.seq > self.last {
                    self.last = record.seq;
                    found.push(record);
                }
            }
        }
        self.held = new;
        Some(found)
    }

    /// The jail was taken down, and the log with it.
    pub fn is_over(&self) -> bool {
        fstat(&self.dir).is_ok_and(|status| status.st_nlink == 0)
    }

    fn segment(&self, name: &str) -> Option<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        openat(self.dir.as_fd(), name, flags, Mode::empty()).ok().map(File::from)
    }
}

/// From the beginning. What cannot be read is as good as not written.
fn content(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(SEGMENT).read_to_end(&mut bytes));
    if read.is_err() {
        bytes.clear();
    }
    bytes
}

#[cfg(test)]
mod tests;
