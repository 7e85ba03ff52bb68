//! A directory held by descriptor. Everything below it is reached one strict step at a time: never through a symlink,
//! never upwards, so a link that a jail planted leads nowhere.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, geteuid, unlinkat};

use crate::jail::JailError;
use crate::kernel::system::{Bounds, open_below};

/// An open directory and the path it was reached by, for messages.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory the administrator named; only its last part may not be a symlink.
    pub fn open(path: &Path) -> Result<Directory, JailError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(path, flags, Mode::empty()).map_err(|errno| refusal(path, errno))?;
        Ok(Directory { fd, path: path.to_owned() })
    }

    /// The same, made first if missing, with its parents.
    pub fn open_or_make(path: &Path) -> Result<Directory, JailError> {
        match Directory::open(path) {
            Err(JailError::System { errno: Errno::ENOENT, .. }) => {
                let mut builder = std::fs::DirBuilder::new();
                builder.recursive(true).mode(0o755);
                builder.create(path).map_err(JailError::io(format!("make {}", path.display())))?;
                Directory::open(path)
            }
            other => other,
        }
    }

    /// A directory that was opened by stricter means.
    pub(in crate::jail) fn from_parts(fd: OwnedFd, path: PathBuf) -> Directory {
        Directory { fd, path }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry, for messages.
    pub fn path_of(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Opens anything below, strictly.
    pub fn open_at(&self, name: impl AsRef<Path>, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        open_below(self.fd(), name.as_ref(), flags, mode, Bounds::Beneath)
    }

    /// The same, refusing also to go into what is mounted below (`EXDEV`).
    pub fn open_in_mount(&self, name: impl AsRef<Path>, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        open_below(self.fd(), name.as_ref(), flags, mode, Bounds::SameMount)
    }

    /// A directory below.
    pub fn sub(&self, name: impl AsRef<Path>) -> Result<Directory, JailError> {
        let path = self.path_of(&name);
        let fd =
            self.open_at(&name, OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty()).map_err(|errno| refusal(&path, errno))?;
        Ok(Directory { fd, path })
    }

    /// A directory below, or `None` if there is nothing of that name.
    pub fn find(&self, name: impl AsRef<Path>) -> Result<Option<Directory>, JailError> {
        match self.sub(name) {
            Err(JailError::System { errno: Errno::ENOENT, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Makes a directory, whatever the umask; it must not exist.
    pub fn make(&self, name: &str, mode: u32) -> Result<Directory, JailError> {
        let doing = || format!("make {}", self.path_of(name).display());
        mkdirat(self.fd(), name, Mode::from_bits_truncate(0o700)).map_err(JailError::system(doing()))?;
        let made = self.sub(name)?;
        fchmod(made.fd(), Mode::from_bits_truncate(mode)).map_err(JailError::system(doing()))?;
        Ok(made)
    }

    /// Opens a directory, made with `mode` if missing.
    pub fn ensure(&self, name: &str, mode: u32) -> Result<Directory, JailError> {
        match self.find(name)? {
            Some(found) => Ok(found),
            None => match self.make(name, mode) {
                Err(JailError::System { errno: Errno::EEXIST, .. }) => self.sub(name),
                other => other,
            },
        }
    }

    /// Refuses a directory that someone else than root (or the caller) could change.
    pub fn vetted(self) -> Result<Directory, JailError> {
        let status = fstat(self.fd()).map_err(JailError::system(format!("look at {}", self.path.display())))?;
        let refuse = |why: String, remedy: &str| Err(JailError::Path { path: self.path.clone(), why, remedy: remedy.to_owned() });
        if status.st_uid != 0 && status.st_uid != geteuid().as_raw() {
            return refuse(format!("belongs to user {}", status.st_uid), "it must belong to root");
        }
        if status.st_mode & 0o022 != 0 {
            return refuse("can be written by others".into(), "take that right away with chmod go-w");
        }
        Ok(self)
    }

    /// The entry itself, not what it points to; `None` if there is none.
    pub fn status(&self, name: impl AsRef<Path>) -> Result<Option<FileStat>, JailError> {
        match fstatat(self.fd(), name.as_ref(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(status)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(JailError::System { doing: format!("look at {}", self.path_of(name).display()), errno }),
        }
    }

    /// Reads a regular file of at most `limit` bytes.
    pub fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, JailError> {
        let path = self.path_of(name);
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd = self.open_at(name, flags, Mode::empty()).map_err(|errno| refusal(&path, errno))?;
        read_regular(fd, &path, limit)
    }

    /// Writes a file so that a crash leaves the old one or the new one: aside, to disk, renamed, directory to disk.
    /// Callers hold the jail's lock, so the name used aside is free or left over.
    pub fn replace(&self, name: &str, mode: u32, bytes: &[u8]) -> Result<(), JailError> {
        let aside = format!(".{name}.new");
        let written = self.write_new_over(&aside, mode, bytes).and_then(|()| {
            renameat(self.fd(), aside.as_str(), self.fd(), name)
                .map_err(JailError::system(format!("rename to {}", self.path_of(name).display())))?;
            self.sync()
        });
        if written.is_err() {
            // The first error is the one to tell; what stays behind is replaced by the next write.
            let _ = unlinkat(self.fd(), aside.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        written
    }

    fn write_new_over(&self, name: &str, mode: u32, bytes: &[u8]) -> Result<(), JailError> {
        match unlinkat(self.fd(), name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(JailError::System { doing: format!("remove {}", self.path_of(name).display()), errno }),
        }
        let fd = self.write_new(name, mode, bytes)?;
        fsync(fd).map_err(JailError::system(format!("write {} to disk", self.path_of(name).display())))
    }

    /// Writes a file that must not exist yet.
    pub fn write_new(&self, name: &str, mode: u32, bytes: &[u8]) -> Result<OwnedFd, JailError> {
        let path = self.path_of(name);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let fd = self.open_at(name, flags, Mode::from_bits_truncate(0o600)).map_err(|errno| refusal(&path, errno))?;
        fchmod(&fd, Mode::from_bits_truncate(mode)).map_err(JailError::system(format!("chmod {}", path.display())))?;
        let mut file = std::fs::File::from(fd);
        std::io::Write::write_all(&mut file, bytes).map_err(JailError::io(format!("write {}", path.display())))?;
        Ok(file.into())
    }

    /// Makes the directory's entries survive a crash of the machine.
    pub fn sync(&self) -> Result<(), JailError> {
        fsync(self.fd()).map_err(JailError::system(format!("write {} to disk", self.path.display())))
    }

    /// At most `limit` names in it, without `.` and `..`, in no order.
    pub fn names(&self, limit: usize) -> Result<Vec<OsString>, JailError> {
        let doing = || format!("list {}", self.path.display());
        let again = self.open_at(".", OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty()).map_err(JailError::system(doing()))?;
        let mut names = Vec::new();
        for entry in Dir::from_fd(again).map_err(JailError::system(doing()))?.iter() {
            let entry = entry.map_err(JailError::system(doing()))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(std::ffi::OsStr::from_bytes(name).to_owned());
            }
            if names.len() >= limit {
                break;
            }
        }
        Ok(names)
    }
}

impl From<Directory> for OwnedFd {
    fn from(directory: Directory) -> OwnedFd {
        directory.fd
    }
}

/// The bytes of an open file, if it is a regular one of at most `limit` bytes.
pub fn read_regular(fd: OwnedFd, path: &Path, limit: usize) -> Result<Vec<u8>, JailError> {
    let status = fstat(&fd).map_err(JailError::system(format!("look at {}", path.display())))?;
    let refuse = |why: String| JailError::Path { path: path.to_owned(), why, remedy: "replace it by a plain file".into() };
    if SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
        return Err(refuse("is no plain file".into()));
    }
    // Room for its end to be seen, too.
    let mut bytes = Vec::with_capacity(usize::try_from(status.st_size).unwrap_or(0).min(limit) + 1);
    let mut bounded = std::io::Read::take(std::fs::File::from(fd), limit as u64 + 1);
    std::io::Read::read_to_end(&mut bounded, &mut bytes).map_err(JailError::io(format!("read {}", path.display())))?;
    if bytes.len() > limit {
        return Err(refuse(format!("is longer than {limit} bytes")));
    }
    Ok(bytes)
}

/// One clear error for what is not a plain entry.
fn refusal(path: &Path, errno: Errno) -> JailError {
    let refuse = |why: &str, remedy: &str| JailError::Path { path: path.to_owned(), why: why.into(), remedy: remedy.into() };
    let symlink = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    match errno {
        Errno::ELOOP | Errno::ENOTDIR if symlink => {
            refuse("is a symlink, which could lead anywhere", "replace it by what it points to")
        }
        Errno::ELOOP => refuse("leads through a symlink, which could lead anywhere", "replace it by what it points to"),
        Errno::ENOTDIR => refuse("is no directory", "move it away"),
        Errno::EXDEV => refuse("leads out of its directory", "remove it"),
        errno => JailError::System { doing: format!("open {}", path.display()), errno },
    }
}
