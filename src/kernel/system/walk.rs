//! Going along a path without openat2(2): one part at a time, each opened in the one before with O_NOFOLLOW, so that a link
//! leads where its text is read to lead, and nowhere else. What NetBSD's program opens files with; it runs, and is tested,
//! on Linux too.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fstat};

use super::Bounds;

/// Links followed on one path, as the kernels have it (MAXSYMLINKS of NetBSD is 32, Linux's limit is 40).
const MOST_LINKS: usize = 32;
/// Directories that are held open on one way, so that `..` leads back to them.
const MOST_DEPTH: usize = 128;

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Opens what `path` names below `top`, as [`super::open_below`] does.
///
/// # Errors
/// `ELOOP` for a link where none may be, or too many; `EXDEV` for a way out of `top`, or into what is mounted below.
pub fn open(top: BorrowedFd<'_>, path: &Path, flags: OFlag, mode: Mode, bounds: Bounds) -> nix::Result<OwnedFd> {
    let device = fstat(top)?.st_dev;
    let mut way = Way { stack: vec![top.try_clone_to_owned().map_err(|_| Errno::EMFILE)?], bounds };
    let mut ahead: VecDeque<OsString> = VecDeque::new();
    way.plan(path, &mut ahead)?;
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        match name.as_bytes() {
            b"." => continue,
            b".." => {
                way.up()?;
                continue;
            }
            _ => {}
        }
        let is_last = ahead.is_empty();
        match way.open(&name, if is_last { flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC } else { DIRECTORY }, mode) {
            Ok(opened) => {
                if matches!(bounds, Bounds::SameMount | Bounds::InRoot) && fstat(&opened)?.st_dev != device {
                    return Err(Errno::EXDEV);
                }
                if is_last {
                    return Ok(opened);
                }
                if way.stack.len() >= MOST_DEPTH {
                    return Err(Errno::ENAMETOOLONG);
                }
                way.stack.push(opened);
            }
            Err(Errno::ELOOP) => {
                let follows = matches!(bounds, Bounds::InRoot | Bounds::Inside);
                links += 1;
                if !follows || links > MOST_LINKS || (is_last && flags.contains(OFlag::O_NOFOLLOW)) {
                    return Err(Errno::ELOOP);
                }
                let target = readlinkat(way.here(), name.as_os_str())?;
                way.plan(Path::new(&target), &mut ahead)?;
            }
            Err(errno) => return Err(errno),
        }
    }
    // Nothing but `.`, `..` and links to them.
    openat(way.here(), ".", flags | OFlag::O_CLOEXEC, mode)
}

/// The directories gone through, the first the top.
struct Way {
    stack: Vec<OwnedFd>,
    bounds: Bounds,
}

impl Way {
    fn here(&self) -> BorrowedFd<'_> {
        self.stack.last().expect("the top is never left").as_fd()
    }

    /// Puts the parts of a path before what is ahead.
    fn plan(&mut self, path: &Path, ahead: &mut VecDeque<OsString>) -> nix::Result<()> {
        if path.as_os_str().is_empty() {
            return Err(Errno::ENOENT);
        }
        // Not by its components, which leave out that `f/.` wants a directory.
        let bytes = path.as_os_str().as_bytes();
        if bytes.starts_with(b"/") {
            match self.bounds {
                Bounds::InRoot => self.stack.truncate(1),
                _ => return Err(Errno::EXDEV),
            }
        }
        for part in bytes.split(|byte| *byte == b'/').rev() {
            // What ends with a slash is a directory too.
            let part = if part.is_empty() && ahead.is_empty() { b"." } else { part };
            if !part.is_empty() {
                ahead.push_front(OsStr::from_bytes(part).to_owned());
            }
        }
        Ok(())
    }

    fn up(&mut self) -> nix::Result<()> {
        if self.stack.len() > 1 {
            self.stack.pop();
            return Ok(());
        }
        if self.bounds == Bounds::InRoot { Ok(()) } else { Err(Errno::EXDEV) }
    }

    /// `ELOOP` for a link, whatever the system's own word is for it.
    fn open(&self, name: &OsStr, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        match openat(self.here(), name, flags, mode) {
            // ENOTDIR on Linux for a link that is asked to be a directory, EFTYPE on NetBSD for any.
            Err(errno) if !matches!(errno, Errno::ENOENT | Errno::EEXIST) && self.is_link(name) => Err(Errno::ELOOP),
            opened => opened,
        }
    }

    fn is_link(&self, name: &OsStr) -> bool {
        readlinkat(self.here(), name).is_ok()
    }
}

/// Opens a directory by its path from `/`, none of whose parts is a link, or can be changed by anybody but root. For calls
/// that take paths: what was seen once stays so.
///
/// # Errors
/// `EINVAL` for a path that is not whole, `ELOOP` for a link, `EPERM` for a part that others may change.
pub fn vetted(path: &Path) -> nix::Result<OwnedFd> {
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return Err(Errno::EINVAL);
    }
    let mut way = Way { stack: vec![nix::fcntl::open("/", DIRECTORY, Mode::empty())?], bounds: Bounds::Beneath };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Err(Errno::EINVAL) };
        let below = way.open(name, DIRECTORY, Mode::empty())?;
        let status = fstat(&below)?;
        // One on the way may be writable for all if it is sticky, as /tmp is: what is below it belongs to root.
        let sticky = parts.peek().is_some() && status.st_mode & 0o1000 != 0;
        if status.st_uid != 0 || (status.st_mode & 0o022 != 0 && !sticky) {
            return Err(Errno::EPERM);
        }
        way.stack = vec![below];
    }
    way.stack.pop().ok_or(Errno::EINVAL)
}

#[cfg(test)]
mod tests;
