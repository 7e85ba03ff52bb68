//! What changes in directories, told by a descriptor: a kqueue(2) with EVFILT_VNODE, which does not say which entry it was.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::Result;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use nix::sys::stat::Mode;

use crate::kernel::system::Change;

/// Events taken at a time.
const EVENTS: usize = 32;

/// A directory that is watched: the number of its descriptor.
pub type Place = i32;

/// Readable when something changed.
pub struct Changes {
    queue: Kqueue,
    directories: BTreeMap<PathBuf, OwnedFd>,
}

impl Changes {
    pub fn new() -> Result<Changes> {
        Ok(Changes { queue: Kqueue::new()?, directories: BTreeMap::new() })
    }

    /// Watches a directory, which is the same as before if it is watched already.
    pub fn watch(&mut self, directory: &Path) -> Result<Place> {
        if let Some(known) = self.directories.get(directory) {
            return Ok(known.as_raw_fd());
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = open(directory, flags, Mode::empty())?;
        let place = opened.as_raw_fd();
        let notes = FilterFlag::NOTE_WRITE | FilterFlag::NOTE_DELETE | FilterFlag::NOTE_REVOKE;
        let how = EvFlags::EV_ADD | EvFlags::EV_CLEAR;
        let event = KEvent::new(place as usize, EventFilter::EVFILT_VNODE, how, notes, 0, 0);
        self.ask(&[event], &mut [])?;
        self.directories.insert(directory.to_owned(), opened);
        Ok(place)
    }

    /// What was told since the last call.
    pub fn take(&mut self) -> Vec<Change> {
        let blank = KEvent::new(0, EventFilter::EVFILT_READ, EvFlags::empty(), FilterFlag::empty(), 0, 0);
        let mut events = [blank; EVENTS];
        let mut taken = Vec::new();
        while let Ok(count @ 1..) = self.ask(&[], &mut events) {
            for event in &events[..count] {
                let place = event.ident() as i32;
                if event.fflags().intersects(FilterFlag::NOTE_DELETE | FilterFlag::NOTE_REVOKE) {
                    self.directories.retain(|_, directory| directory.as_raw_fd() != place);
                    taken.push(Change::Gone(place));
                } else {
                    taken.push(Change::Entry(place, None));
                }
            }
        }
        taken
    }

    fn ask(&self, changes: &[KEvent], events: &mut [KEvent]) -> std::result::Result<usize, Errno> {
        let at_once = Some(libc::timespec { tv_sec: 0, tv_nsec: 0 });
        self.queue.kevent(changes, events, at_once)
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
