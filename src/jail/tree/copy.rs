//! Copying a tree with all that belongs to its files: by sharing blocks where the file system can, else byte by byte.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, SFlag, fstat, mknodat};
use nix::unistd::{linkat, symlinkat};

use super::attributes::{Attributes, kind};
use super::place::{Place, blocked};
use super::walk::{Found, Visitor, walk};
use super::{Tally, Watch};
use crate::jail::JailError;
use crate::jail::store::Directory;
use crate::kernel::system::{self, Handle};

const BUFFER: usize = 128 << 10;

/// Copies what is in `from`, and its attributes, into the empty `to`. Entries at the top for which `leave` says so are
/// left out. The caller brings it to disk.
pub fn copy(from: &Directory, to: &Directory, leave: &dyn Fn(&Found<'_>) -> bool, watch: Watch<'_>) -> Result<Tally, JailError> {
    let status = fstat(from.fd()).map_err(JailError::system(format!("look at {}", from.path().display())))?;
    let top = Handle::of(from.fd())
        .and_then(|handle| Attributes::read(&handle, &status))
        .map_err(|errno| blocked(from.path().to_owned(), "look at", errno))?;
    let mut copier = Copier {
        to,
        leave,
        watch,
        tally: Tally::default(),
        current: None,
        directories: vec![(Place::default(), top)],
        links: HashMap::new(),
        buffer: vec![0; BUFFER],
        can_share: true,
    };
    walk(from, &mut copier)?;
    copier.finish()
}

struct Copier<'a, 'w> {
    to: &'a Directory,
    leave: &'a dyn Fn(&Found<'_>) -> bool,
    watch: Watch<'w>,
    tally: Tally,
    /// The copy of the directory that is walked now.
    current: Option<Directory>,
    /// Set last, since filling a directory changes it.
    directories: Vec<(Place, Attributes)>,
    /// The first copy of a file with several names.
    links: HashMap<(u64, u64), (Place, OsString)>,
    buffer: Vec<u8>,
    /// Until the file system says that it cannot.
    can_share: bool,
}

impl Visitor for Copier<'_, '_> {
    fn enter(&mut self, place: &Place) -> Result<(), JailError> {
        self.current = Some(place.open(self.to)?);
        Ok(())
    }

    fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
        if found.place.depth() == 0 && (self.leave)(found) {
            return Ok(false);
        }
        let to = self.current.take().expect("a directory was entered");
        let copied = self.copy_entry(found, &to);
        self.current = Some(to);
        copied?;
        self.tally.entries += 1;
        (self.watch)(&self.tally);
        Ok(found.kind == SFlag::S_IFDIR)
    }
}

impl Copier<'_, '_> {
    fn copy_entry(&mut self, found: &Found<'_>, to: &Directory) -> Result<(), JailError> {
        let place = to.path_of(found.name);
        let make = |errno| blocked(place.clone(), "make", errno);
        let attributes = found.attributes()?;
        if found.kind == SFlag::S_IFDIR {
            nix::sys::stat::mkdirat(to.fd(), found.name, Mode::S_IRWXU).map_err(make)?;
            self.directories.push((found.place.below(found.name), attributes));
            return Ok(());
        }
        let inode = (found.status.st_dev, found.status.st_ino);
        if found.status.st_nlink > 1
            && let Some((first, name)) = self.links.get(&inode)
        {
            let first = first.open(self.to)?;
            return linkat(first.fd(), name.as_os_str(), to.fd(), found.name, AtFlags::empty()).map_err(make);
        }
        let made = match found.kind {
            SFlag::S_IFREG => self.copy_file(found, to)?.into(),
            SFlag::S_IFLNK => {
                symlinkat(found.target()?.as_os_str(), to.fd(), found.name).map_err(make)?;
                handle(to, found)?
            }
            other => {
                mknodat(to.fd(), found.name, other, Mode::S_IRUSR, found.status.st_rdev).map_err(make)?;
                handle(to, found)?
            }
        };
        self.tally.lost_attributes +=
            attributes.apply(&made, found.kind).map_err(|errno| blocked(place.clone(), "set the attributes of", errno))?;
        if found.status.st_nlink > 1 {
            self.links.insert(inode, (found.place.clone(), found.name.to_owned()));
        }
        Ok(())
    }

    fn copy_file(&mut self, found: &Found<'_>, to: &Directory) -> Result<OwnedFd, JailError> {
        let (source, target) = (found.parent.path_of(found.name), to.path_of(found.name));
        let read = |errno| blocked(source.clone(), "read", errno);
        let write = |errno| blocked(target.clone(), "write", errno);
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        let from = found.parent.open_in_mount(found.name, flags, Mode::empty()).map_err(read)?;
        let status = fstat(&from).map_err(read)?;
        // Replaced since it was looked at: only in a tree that something changes meanwhile.
        if kind(&status) != SFlag::S_IFREG || status.st_ino != found.status.st_ino {
            return Err(read(Errno::ESTALE));
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let made = to.open_in_mount(found.name, flags, Mode::S_IRUSR | Mode::S_IWUSR).map_err(write)?;
        if self.can_share && status.st_size > 0 {
            match system::share_blocks(made.as_fd(), from.as_fd()) {
                Ok(()) => {
                    self.tally.shared_files += 1;
                    self.tally.bytes += status.st_size.unsigned_abs();
                    return Ok(made);
                }
                Err(Errno::EOPNOTSUPP) => self.can_share = false,
                Err(errno) => return Err(write(errno)),
            }
        }
        let mut made = File::from(made);
        self.copy_bytes(&mut File::from(from), &mut made, status.st_size, &read, &write)?;
        Ok(made.into())
    }

    /// Holes stay holes.
    fn copy_bytes(
        &mut self,
        from: &mut File,
        to: &mut File,
        size: i64,
        read: &dyn Fn(Errno) -> JailError,
        write: &dyn Fn(Errno) -> JailError,
    ) -> Result<(), JailError> {
        let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
        let mut at = 0;
        while at < size {
            at = match system::next_data(from.as_fd(), at) {
                Ok(at) => at,
                // Nothing but a hole up to the end.
                Err(Errno::ENXIO) => break,
                Err(errno) => return Err(read(errno)),
            };
            let end = system::next_hole(from.as_fd(), at).map_err(read)?.min(size);
            from.seek(SeekFrom::Start(at.unsigned_abs())).map_err(|error| read(errno(error)))?;
            to.seek(SeekFrom::Start(at.unsigned_abs())).map_err(|error| write(errno(error)))?;
            while at < end {
                let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(BUFFER);
                let got = from.read(&mut self.buffer[..wanted]).map_err(|error| read(errno(error)))?;
                if got == 0 {
                    break;
                }
                to.write_all(&self.buffer[..got]).map_err(|error| write(errno(error)))?;
                at += got as i64;
                self.tally.bytes += got as u64;
                (self.watch)(&self.tally);
            }
            if at < end {
                break;
            }
        }
        to.set_len(size.unsigned_abs()).map_err(|error| write(errno(error)))
    }

    fn finish(mut self) -> Result<Tally, JailError> {
        for (place, attributes) in self.directories.iter().rev() {
            let made = place.open(self.to)?;
            self.tally.lost_attributes += attributes
                .apply_to(made.fd(), SFlag::S_IFDIR)
                .map_err(|errno| blocked(made.path().to_owned(), "set the attributes of", errno))?;
        }
        Ok(self.tally)
    }
}

/// What was just made, whatever it is.
fn handle(to: &Directory, found: &Found<'_>) -> Result<Handle, JailError> {
    Handle::at(to.fd(), Path::new(found.name)).map_err(|errno| blocked(to.path_of(found.name), "open", errno))
}
