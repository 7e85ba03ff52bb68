//! A jail's own files, worked on from the host. Paths are resolved as if the data layer were the root (openat2 with
//! RESOLVE_IN_ROOT), so that no link a jail planted leads outside; the last step never follows one. Touches the data layer
//! of one jail, nothing else.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, symlinkat, unlinkat};
use sha2::Digest as _;

use super::enter::account;
use super::store::{self, Directory, Lock, random_name, read_regular, remove_tree};
use super::{Base, Config, Digest, Entry, Host, JailError, base};
use crate::kernel::JailName;
use crate::kernel::system::{Bounds, open_below, open_plain};

/// Set aside while a file is written; what a crash leaves of it is removed by the next write into that directory's file.
const ASIDE: &str = ".jailsh-new-";

/// Names of one directory.
const MAX_NAMES: usize = 100_000;
/// Bytes of a file that are read whatever it is made of.
const HOLES: u64 = 1 << 30;

/// Bytes of /etc/passwd and /etc/group that are read.
const ACCOUNTS_LIMIT: u64 = 4 << 20;

/// Mode and owners to set; `None` leaves what is there, or gives what is usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// The data layer of a jail. Paths are relative to it.
pub struct Inside {
    data: Directory,
}

impl Inside {
    /// To look.
    pub fn open(host: &Host, name: &JailName) -> Result<Inside, JailError> {
        Inside::of(&store::jail(&host.config, name)?)
    }

    /// In the jail's directory, whose lock the caller holds.
    pub(super) fn of(jail: &Directory) -> Result<Inside, JailError> {
        Ok(Inside { data: jail.sub("data")?.vetted()? })
    }

    /// The files of a base, to look.
    pub fn of_base(config: &Config, base: &Base) -> Result<Option<Inside>, JailError> {
        Ok(base::files(config, base)?.map(|data| Inside { data }))
    }

    pub(super) fn at(tree: &Directory) -> Result<Inside, JailError> {
        Ok(Inside { data: tree.sub(".")? })
    }

    /// To change: with the jail's lock, so that no snapshot, rollback or destroy goes on meanwhile.
    pub fn locked(host: &Host, name: &JailName) -> Result<(Lock, Inside), JailError> {
        let lock = Lock::jail(host, name)?;
        let inside = Inside::open(host, name)?;
        Ok((lock, inside))
    }

    fn shown(&self, path: &str) -> PathBuf {
        self.data.path().join(path)
    }

    fn resolve(&self, path: &str, flags: OFlag) -> nix::Result<OwnedFd> {
        // What the host mounted below is no part of the jail, which does not see it.
        open_below(self.data.fd(), Path::new(path), flags, Mode::empty(), Bounds::InRoot)
    }

    /// The directory that holds the last name of a path, and that name. `None`: there is no such directory.
    fn above<'p>(&self, path: &'p str) -> Result<Option<(Directory, &'p str)>, JailError> {
        let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
        match self.resolve(above, OFlag::O_DIRECTORY | OFlag::O_RDONLY) {
            Ok(fd) => Ok(Some((Directory::from_parts(fd, self.shown(above)), name))),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.blocked(above, errno)),
        }
    }

    pub(super) fn needed<'p>(&self, path: &'p str) -> Result<(Directory, &'p str), JailError> {
        self.above(path)?.ok_or_else(|| self.blocked(path, Errno::ENOENT))
    }

    fn blocked(&self, path: &str, errno: Errno) -> JailError {
        let (why, remedy) = match errno {
            Errno::ENOENT => ("leads to no directory among the jail's own files", "make the directories above it first"),
            Errno::ELOOP => ("leads through too many links", "remove them"),
            Errno::EXDEV => ("something is mounted there, which the jail does not see", "unmount it, or name another path"),
            Errno::ENOTDIR => ("leads through what is no directory", "move that away, or name another path"),
            errno => return JailError::System { doing: format!("open {}", self.shown(path).display()), errno },
        };
        JailError::Path { path: self.shown(path), why: why.into(), remedy: remedy.into() }
    }

    fn status(above: &Directory, name: &str) -> Result<Option<FileStat>, JailError> {
        match fstatat(above.fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(status)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(JailError::System { doing: format!("look at {}", above.path_of(name).display()), errno }),
        }
    }

    /// Looks at a path. The sum of a file is that of all its bytes; one of holes, which a jail can make as long as it likes
    /// at no cost, has one that no content has.
    pub fn look(&self, path: &str) -> Result<Entry, JailError> {
        let Some((above, name)) = self.above(path)? else { return Ok(Entry::Absent) };
        let Some(status) = Self::status(&above, name)? else { return Ok(Entry::Absent) };
        let (mode, uid, gid) = (status.st_mode & 0o7777, status.st_uid, status.st_gid);
        Ok(match kind(&status) {
            SFlag::S_IFREG => match self.open_file(&above, name)? {
                Some((file, status)) => {
                    let sha256 = match is_mostly_holes(&status) {
                        true => Digest::of(format!("{status:?}")),
                        false => sum(file, &above.path_of(name))?,
                    };
                    Entry::File { sha256, size: status.st_size.unsigned_abs(), mode, uid, gid }
                }
                None => Entry::Absent,
            },
            SFlag::S_IFDIR => Entry::Directory { mode, uid, gid },
            SFlag::S_IFLNK => match readlinkat(above.fd(), name) {
                Ok(target) => Entry::Link { target: target.to_string_lossy().into_owned() },
                Err(Errno::ENOENT | Errno::EINVAL) => Entry::Absent,
                Err(errno) => {
                    return Err(JailError::System { doing: format!("read the link {}", above.path_of(name).display()), errno });
                }
            },
            _ => Entry::Other,
        })
    }

    /// A regular file, opened to read; `None` if it is gone or something else by now.
    fn open_file(&self, above: &Directory, name: &str) -> Result<Option<(OwnedFd, FileStat)>, JailError> {
        match Self::open_plain(above, name)? {
            Some((fd, status)) if kind(&status) == SFlag::S_IFREG => Ok(Some((fd, status))),
            _ => Ok(None),
        }
    }

    /// A regular file or directory, opened to read; `None` if nothing is there, or anything else.
    fn open_plain(above: &Directory, name: &str) -> Result<Option<(OwnedFd, FileStat)>, JailError> {
        match open_plain(above.fd(), Path::new(name)) {
            Ok(found) => Ok(found),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(JailError::System { doing: format!("open {}", above.path_of(name).display()), errno }),
        }
    }

    /// A link's target; `None`: there is no link.
    pub fn target(&self, path: &str) -> Result<Option<String>, JailError> {
        let Some((above, name)) = self.above(path)? else { return Ok(None) };
        match readlinkat(above.fd(), name) {
            Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
            Err(Errno::ENOENT | Errno::EINVAL) => Ok(None),
            Err(errno) => Err(JailError::System { doing: format!("read the link {}", above.path_of(name).display()), errno }),
        }
    }

    /// Names in a directory, in order; none if there is no directory.
    pub fn names(&self, path: &str) -> Result<Vec<OsString>, JailError> {
        let Some((above, name)) = self.above(path)? else { return Ok(Vec::new()) };
        let directory = match Self::open_plain(&above, name)? {
            Some((fd, status)) if kind(&status) == SFlag::S_IFDIR => Directory::from_parts(fd, above.path_of(name)),
            _ => return Ok(Vec::new()),
        };
        let mut names = directory.names(MAX_NAMES)?;
        if names.len() >= MAX_NAMES {
            let why = format!("holds more than {MAX_NAMES} entries");
            return Err(JailError::Path { path: self.shown(path), why, remedy: "remove some, or work on another one".into() });
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Names in a directory that begin with `prefix`, at most so many, and whether each is a directory; for who types a path.
    /// Links are followed as the jail would, and never out of it.
    pub fn suggestions(&self, path: &str, prefix: &str, most: usize) -> Result<Vec<(String, bool)>, JailError> {
        let path = if path.is_empty() { "." } else { path };
        let fd = self.resolve(path, OFlag::O_DIRECTORY | OFlag::O_RDONLY).map_err(|errno| self.blocked(path, errno))?;
        let directory = Directory::from_parts(fd, self.shown(path));
        let names = directory.names(MAX_NAMES)?.into_iter().filter_map(|name| name.into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort_unstable();
        names.truncate(most);
        let is_directory = |name: &str| {
            let status = Self::status(&directory, name).ok().flatten();
            status.is_some_and(|status| kind(&status) == SFlag::S_IFDIR)
        };
        Ok(names.into_iter().map(|name| (is_directory(&name), name)).map(|(is, name)| (name, is)).collect())
    }

    /// The text of a file of at most `limit` bytes; `None`: nothing is there.
    ///
    /// # Errors
    /// Something else is there, or a longer file, or no text.
    pub fn text(&self, path: &str, limit: u64) -> Result<Option<String>, JailError> {
        let wrong =
            |why: String| JailError::Path { path: self.shown(path), why, remedy: "remove it, or name another one".into() };
        let Some((above, name)) = self.above(path)? else { return Ok(None) };
        if Self::status(&above, name)?.is_none() {
            return Ok(None);
        }
        let bytes = self.read(path, limit)?.ok_or_else(|| wrong(format!("is no file of at most {limit} bytes")))?;
        String::from_utf8(bytes).map(Some).map_err(|_| wrong("is no text".into()))
    }

    /// The bytes of a regular file of at most `limit` bytes; `None` if it is longer or there is none.
    pub fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, JailError> {
        let Some((above, name)) = self.above(path)? else { return Ok(None) };
        match self.open_file(&above, name)? {
            Some((fd, status)) if status.st_size.unsigned_abs() <= limit => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                read_regular(fd, &above.path_of(name), limit).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The number of a user of the jail's /etc/passwd.
    pub fn user(&self, name: &str) -> Result<Option<u32>, JailError> {
        let passwd = self.read("etc/passwd", ACCOUNTS_LIMIT)?.unwrap_or_default();
        Ok(user_number(&passwd, name))
    }

    /// The number of a group of the jail's /etc/group.
    pub fn group(&self, name: &str) -> Result<Option<u32>, JailError> {
        let group = self.read("etc/group", ACCOUNTS_LIMIT)?.unwrap_or_default();
        Ok(group_number(&group, name))
    }

    /// Writes a file so that a crash leaves the old one or the new one. What it replaces gives mode and owners where
    /// `marks` does not.
    pub fn write(&self, path: &str, bytes: &[u8], marks: Marks) -> Result<(), JailError> {
        let doing = || format!("write {}", self.shown(path).display());
        self.write_with(path, marks, |file| file.write_all(bytes).map_err(JailError::io(doing())))
    }

    /// The same with content that `fill` writes; if that fails, nothing was changed.
    pub fn write_with<E: From<JailError>>(
        &self,
        path: &str,
        marks: Marks,
        fill: impl FnOnce(&mut File) -> Result<(), E>,
    ) -> Result<(), E> {
        let (above, name) = self.needed(path)?;
        let old = Self::status(&above, name)?;
        let old = old.filter(|old| kind(old) == SFlag::S_IFREG);
        let mode = marks.mode.or(old.map(|old| old.st_mode & 0o7777)).unwrap_or(0o644);
        let uid = marks.uid.or(old.map(|old| old.st_uid)).unwrap_or(0);
        let gid = marks.gid.or(old.map(|old| old.st_gid)).unwrap_or(0);
        let aside = random_name(ASIDE)?;
        let written = above.write_new(&aside, 0o600, &[]).map_err(E::from).and_then(|fd| {
            let doing = || format!("write {}", above.path_of(name).display());
            let mut file = File::from(fd);
            fill(&mut file)?;
            let fd = OwnedFd::from(file);
            mark(&fd, Some(uid), Some(gid), Some(mode)).map_err(JailError::system(doing()))?;
            fsync(&fd).map_err(JailError::system(doing()))?;
            renameat(above.fd(), aside.as_str(), above.fd(), name).map_err(JailError::system(doing()))?;
            Ok(above.sync()?)
        });
        if written.is_err() {
            // The first error is the one to tell.
            let _ = unlinkat(above.fd(), aside.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        written
    }

    /// Sets mode and owners of a file or directory.
    pub fn set(&self, path: &str, marks: Marks) -> Result<(), JailError> {
        let (above, name) = self.needed(path)?;
        let doing = || format!("set mode and owner of {}", above.path_of(name).display());
        let (fd, status) = Self::open_plain(&above, name)?.ok_or_else(|| JailError::Path {
            path: above.path_of(name),
            why: "is no file or directory by now".into(),
            remedy: "see what the jail does there, then try again".into(),
        })?;
        // Without a mode of its own it keeps the one it has, of which a new owner takes bits away.
        mark(&fd, marks.uid, marks.gid, marks.mode.or(Some(status.st_mode & 0o7777))).map_err(JailError::system(doing()))?;
        above.sync()
    }

    /// Makes a directory; one that is there gets the marks.
    pub fn make_directory(&self, path: &str, marks: Marks) -> Result<(), JailError> {
        let (above, name) = self.needed(path)?;
        let doing = || format!("make {}", above.path_of(name).display());
        let marks = match mkdirat(above.fd(), name, Mode::from_bits_truncate(0o700)) {
            Ok(()) => {
                let usual = Marks { mode: Some(0o755), uid: Some(0), gid: Some(0) };
                Marks { mode: marks.mode.or(usual.mode), uid: marks.uid.or(usual.uid), gid: marks.gid.or(usual.gid) }
            }
            Err(Errno::EEXIST) => marks,
            Err(errno) => return Err(JailError::System { doing: doing(), errno }),
        };
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_RDONLY;
        let fd = above.open_at(name, flags, Mode::empty()).map_err(JailError::system(doing()))?;
        mark(&fd, marks.uid, marks.gid, marks.mode).map_err(JailError::system(doing()))?;
        above.sync()
    }

    /// Makes a symbolic link, in place of one or of a file that is there.
    pub fn link(&self, path: &str, target: &str) -> Result<(), JailError> {
        let (above, name) = self.needed(path)?;
        let doing = || format!("link {}", above.path_of(name).display());
        let aside = random_name(ASIDE)?;
        symlinkat(target, above.fd(), aside.as_str()).map_err(JailError::system(doing()))?;
        if let Err(errno) = renameat(above.fd(), aside.as_str(), above.fd(), name) {
            // The first error is the one to tell.
            let _ = unlinkat(above.fd(), aside.as_str(), UnlinkatFlags::NoRemoveDir);
            return Err(JailError::System { doing: doing(), errno });
        }
        above.sync()
    }

    /// Removes a file or link, or a directory with all in it. What is not there is as good.
    pub fn remove(&self, path: &str) -> Result<(), JailError> {
        let Some((above, name)) = self.above(path)? else { return Ok(()) };
        remove_tree(&above, name)?;
        above.sync()
    }
}

/// The number of a user, by the text of an /etc/passwd.
pub fn user_number(passwd: &[u8], name: &str) -> Option<u32> {
    account::find(passwd, &account::Who::Name(name.to_owned())).map(|found| found.uid)
}

/// The number of a group, by the text of an /etc/group.
pub fn group_number(group: &[u8], name: &str) -> Option<u32> {
    account::group_id(group, name)
}

fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}

/// Longer than [`HOLES`], and less than half of it takes room. What we write has no holes.
fn is_mostly_holes(status: &FileStat) -> bool {
    // stat(2) counts in 512 bytes.
    let room = status.st_blocks.unsigned_abs().saturating_mul(512);
    let size = status.st_size.unsigned_abs();
    size > HOLES && room < size / 2
}

/// Owners first: chown(2) takes setuid bits away.
fn mark(fd: &OwnedFd, uid: Option<u32>, gid: Option<u32>, mode: Option<u32>) -> nix::Result<()> {
    if uid.is_some() || gid.is_some() {
        fchown(fd.as_fd(), uid.map(Uid::from_raw), gid.map(Gid::from_raw))?;
    }
    match mode {
        Some(mode) => fchmod(fd, Mode::from_bits_truncate(mode)),
        None => Ok(()),
    }
}

fn sum(fd: OwnedFd, path: &Path) -> Result<Digest, JailError> {
    let mut file = File::from(fd);
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Digest::finished(hash)),
            Ok(length) => hash.update(&buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(JailError::io(format!("read {}", path.display()))(error)),
        }
    }
}
