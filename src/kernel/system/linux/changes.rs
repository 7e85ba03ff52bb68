//! What changes in directories, told by a descriptor: inotify(7).

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::Result;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use crate::kernel::system::Change;

/// A directory that is watched.
pub type Place = WatchDescriptor;

/// Readable when something changed.
pub struct Changes(Inotify);

impl Changes {
    pub fn new() -> Result<Changes> {
        Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map(Changes)
    }

    /// Watches a directory, which is the same as before if it is watched already.
    pub fn watch(&mut self, directory: &Path) -> Result<Place> {
        let entries = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE;
        self.0.add_watch(directory, entries | AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_ONLYDIR)
    }

    /// What was told since the last call.
    pub fn take(&mut self) -> Vec<Change> {
        let mut taken = Vec::new();
        while let Ok(events) = self.0.read_events() {
            taken.extend(events.into_iter().map(|event| {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    Change::Lost
                } else if event.mask.intersects(AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_DELETE_SELF) {
                    Change::Gone(event.wd)
                } else {
                    Change::Entry(event.wd, event.name)
                }
            }));
        }
        taken
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
