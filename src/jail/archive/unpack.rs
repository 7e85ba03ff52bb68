//! Making the files of an archive below one directory. Every step is a strict one: through no link that an earlier member
//! made, into nothing that was there.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, SFlag, mkdirat, mknodat};
use nix::unistd::{linkat, symlinkat};

use super::error::ArchiveError;
use super::member::{Member, MemberKind};
use super::name;
use crate::jail::JailError;
use crate::jail::store::Directory;
use crate::jail::tree::{Attributes, CAPABILITY, Place, Tally, Watch, blocked};
use crate::kernel::system::{Handle, device};

const BUFFER: usize = 64 << 10;

/// What is taken from an archive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// Device nodes; without it they are refused.
    pub devices: bool,
    /// Setuid bits, setgid bits and capabilities of files; without it they are dropped and counted.
    pub privileges: bool,
    /// Directories at the top whose content is left out.
    pub leave: &'static [&'static str],
}

/// Fills one directory.
pub struct Unpacker<'a, 'w> {
    top: &'a Directory,
    rules: Rules,
    /// As it is named in messages.
    archive: String,
    tally: Tally,
    watch: Watch<'w>,
    /// Set last, since filling a directory changes it.
    directories: Vec<(Place, Attributes)>,
    /// The directory that the last member was made in.
    last: Option<(Vec<u8>, Directory)>,
    buffer: Vec<u8>,
}

impl<'a, 'w> Unpacker<'a, 'w> {
    pub fn new(top: &'a Directory, archive: &str, rules: Rules, watch: Watch<'w>) -> Unpacker<'a, 'w> {
        let tally = Tally::default();
        let (archive, buffer) = (archive.to_owned(), vec![0; BUFFER]);
        Unpacker { top, rules, archive, tally, watch, directories: Vec::new(), last: None, buffer }
    }

    /// Makes one member, whose bytes come from `content`. `path` is the member's below the directory to fill.
    pub fn add(&mut self, member: &Member, path: &[u8], content: &mut dyn Read) -> Result<(), JailError> {
        let parts = name::parts(path).map_err(|error| self.bad(error))?;
        let Some((last, above)) = parts.split_last() else {
            // The archive's own top, which is ours to make.
            return Ok(());
        };
        if !above.is_empty() && self.rules.leave.iter().any(|name| OsStr::new(name) == above[0]) {
            self.tally.left_out += 1;
            return Ok(());
        }
        let directory = match self.last.take() {
            Some((path, directory)) if path == key(above) => directory,
            _ => self.parent(path, above)?,
        };
        let made = self.make(member, path, &parts, last, &directory, content);
        self.last = Some((key(above), directory));
        made?;
        self.tally.entries += 1;
        (self.watch)(&self.tally);
        Ok(())
    }

    /// The time of the directory itself; its owner and mode are never the archive's to say.
    pub fn top(&mut self, member: &Member) {
        let attributes = Attributes { mode: 0o755, mtime: member.attributes.mtime, ..Attributes::default() };
        self.directories.push((Place::default(), attributes));
    }

    /// Sets what directories are to be, last of all. The caller brings it to disk.
    pub fn finish(mut self) -> Result<Tally, JailError> {
        for (place, attributes) in self.directories.iter().rev() {
            let made = place.open(self.top)?;
            self.tally.lost_attributes += attributes
                .apply_to(made.fd(), SFlag::S_IFDIR)
                .map_err(|errno| blocked(made.path().to_owned(), "set the attributes of", errno))?;
        }
        Ok(self.tally)
    }

    fn bad(&self, error: ArchiveError) -> JailError {
        JailError::Archive { archive: self.archive.clone(), error }
    }

    fn refuse(&self, path: &[u8], why: &str) -> JailError {
        self.bad(ArchiveError::entry(path, why))
    }

    /// What the file system refuses because of the archive's own names is the archive's fault; the rest is this host's.
    fn fault(&self, path: &[u8], place: &std::path::Path, doing: &str, errno: Errno) -> JailError {
        match errno {
            Errno::ELOOP => self.refuse(path, "leads through a symlink"),
            Errno::ENOTDIR => self.refuse(path, "leads through what is no directory"),
            Errno::EXDEV => self.refuse(path, "leads out of its directory"),
            Errno::EEXIST => self.refuse(path, "comes twice"),
            Errno::ENAMETOOLONG => self.refuse(path, "has a name that is too long"),
            errno => blocked(place.to_owned(), doing, errno),
        }
    }

    /// Opens the directory of a member; those that the archive does not list are made.
    fn parent(&mut self, path: &[u8], above: &[&OsStr]) -> Result<Directory, JailError> {
        let place = Place::of(above.iter().copied());
        match place.open(self.top) {
            Ok(directory) => return Ok(directory),
            Err(JailError::System { errno: Errno::ENOENT, .. }) => {}
            Err(error) => return Err(self.opened(path, error)),
        }
        let mut directory = Place::default().open(self.top)?;
        for name in above {
            let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY;
            let place = directory.path_of(name);
            let next = match directory.open_in_mount(name, flags, Mode::empty()) {
                Err(Errno::ENOENT) => mkdirat(directory.fd(), *name, Mode::from_bits_truncate(0o755))
                    .and_then(|()| directory.open_in_mount(name, flags, Mode::empty())),
                found => found,
            };
            let next = next.map_err(|errno| self.fault(path, &place, "make", errno))?;
            directory = Directory::from_parts(next, place);
        }
        Ok(directory)
    }

    fn opened(&self, path: &[u8], error: JailError) -> JailError {
        match error {
            JailError::System { errno: errno @ (Errno::ENOTDIR | Errno::ENAMETOOLONG), .. } => {
                self.fault(path, self.top.path(), "open", errno)
            }
            JailError::Path { .. } => self.refuse(path, "leads through a symlink or a mount"),
            error => error,
        }
    }

    fn make(
        &mut self,
        member: &Member,
        path: &[u8],
        parts: &[&OsStr],
        name: &OsStr,
        directory: &Directory,
        content: &mut dyn Read,
    ) -> Result<(), JailError> {
        let place = directory.path_of(name);
        let fault = |errno| self.fault(path, &place, "make", errno);
        let node = |kind, device| mknodat(directory.fd(), name, kind, Mode::S_IRUSR, device).map_err(fault);
        let kind = match &member.kind {
            MemberKind::Directory => return self.make_directory(member, path, parts, name, directory),
            MemberKind::Link(target) => return self.link(path, target, name, directory),
            MemberKind::File => {
                let made = self.file(member, path, name, directory, content)?;
                return self.attribute(member, path, SFlag::S_IFREG, &Handle::from(made));
            }
            MemberKind::Symlink(target) => {
                if target.contains(&0) {
                    return Err(self.refuse(path, "is a link with a NUL byte"));
                }
                symlinkat(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(target), directory.fd(), name).map_err(fault)?;
                SFlag::S_IFLNK
            }
            MemberKind::Fifo => {
                node(SFlag::S_IFIFO, 0)?;
                SFlag::S_IFIFO
            }
            MemberKind::CharDevice(..) | MemberKind::BlockDevice(..) if !self.rules.devices => {
                return Err(self.refuse(path, "is a device node, which is not taken unless asked for"));
            }
            MemberKind::CharDevice(major, minor) => {
                node(SFlag::S_IFCHR, device(*major, *minor))?;
                SFlag::S_IFCHR
            }
            MemberKind::BlockDevice(major, minor) => {
                node(SFlag::S_IFBLK, device(*major, *minor))?;
                SFlag::S_IFBLK
            }
        };
        let handle = Handle::at(directory.fd(), Path::new(name)).map_err(|errno| self.fault(path, &place, "open", errno))?;
        self.attribute(member, path, kind, &handle)
    }

    fn attribute(&mut self, member: &Member, path: &[u8], kind: SFlag, file: &Handle) -> Result<(), JailError> {
        let mut attributes = member.attributes.clone();
        if !self.rules.privileges && kind == SFlag::S_IFREG {
            let before = attributes.xattrs.len();
            attributes.xattrs.retain(|(name, _)| name.as_c_str() != CAPABILITY);
            self.tally.dropped_privileges += u64::from(attributes.mode & 0o6000 != 0) + (before - attributes.xattrs.len()) as u64;
            attributes.mode &= 0o1777;
        }
        let place = self.top.path().join(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path));
        self.tally.lost_attributes +=
            attributes.apply(file, kind).map_err(|errno| blocked(place, "set the attributes of", errno))?;
        Ok(())
    }

    fn make_directory(
        &mut self,
        member: &Member,
        path: &[u8],
        parts: &[&OsStr],
        name: &OsStr,
        directory: &Directory,
    ) -> Result<(), JailError> {
        match mkdirat(directory.fd(), name, Mode::S_IRWXU) {
            Ok(()) => {}
            // Listed again, or made for what is in it: the last word on its attributes counts.
            Err(Errno::EEXIST) => {
                let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY;
                directory
                    .open_in_mount(name, flags, Mode::empty())
                    .map_err(|errno| self.fault(path, &directory.path_of(name), "open", errno))?;
            }
            Err(errno) => return Err(self.fault(path, &directory.path_of(name), "make", errno)),
        }
        self.directories.push((Place::of(parts.iter().copied()), member.attributes.clone()));
        Ok(())
    }

    fn link(&mut self, path: &[u8], target: &[u8], name: &OsStr, directory: &Directory) -> Result<(), JailError> {
        let parts = name::parts(target).map_err(|_| self.refuse(path, "is a hard link to the outside"))?;
        let Some((first, above)) = parts.split_last() else {
            return Err(self.refuse(path, "is a hard link to a directory"));
        };
        let from = Place::of(above.iter().copied()).open(self.top).map_err(|error| match error {
            JailError::System { errno: Errno::ENOENT, .. } => self.refuse(path, "is a hard link to what did not come before"),
            error => self.opened(path, error),
        })?;
        linkat(from.fd(), *first, directory.fd(), name, AtFlags::empty()).map_err(|errno| match errno {
            Errno::ENOENT => self.refuse(path, "is a hard link to what did not come before"),
            Errno::EPERM => self.refuse(path, "is a hard link to a directory"),
            errno => self.fault(path, &directory.path_of(name), "link", errno),
        })
    }

    /// Zeros become holes: a file takes no more room than what is in it.
    fn file(
        &mut self,
        member: &Member,
        path: &[u8],
        name: &OsStr,
        directory: &Directory,
        content: &mut dyn Read,
    ) -> Result<OwnedFd, JailError> {
        let place = directory.path_of(name);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let made = directory
            .open_in_mount(name, flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| self.fault(path, &place, "make", errno))?;
        let mut made = File::from(made);
        let written = |error| JailError::io(format!("write {}", place.display()))(error);
        let mut left = member.size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER);
            let chunk = &mut self.buffer[..wanted];
            match content.read_exact(chunk) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(JailError::Archive { archive: self.archive.clone(), error: ArchiveError::reading(&error) });
                }
            }
            if chunk.iter().all(|byte| *byte == 0) {
                made.seek(SeekFrom::Current(wanted as i64)).map_err(written)?;
            } else {
                made.write_all(chunk).map_err(written)?;
            }
            left -= wanted as u64;
            self.tally.bytes += wanted as u64;
            (self.watch)(&self.tally);
        }
        made.set_len(member.size).map_err(written)?;
        Ok(made.into())
    }
}

/// Names with slashes between, to compare.
fn key(parts: &[&OsStr]) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>().join(&b'/')
}
