//! Walking a tree: every directory before what is in it, names in order, so that two walks of equal trees see the same.

use std::ffi::OsStr;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::attributes::{Attributes, kind};
use super::place::{Place, blocked};
use crate::jail::JailError;
use crate::jail::store::Directory;

/// Entries of one directory, at most: its names are held in memory.
const MAX_NAMES: usize = 4_000_000;

/// Sees a tree.
pub trait Visitor {
    /// A directory is begun, the top first.
    fn enter(&mut self, place: &Place) -> Result<(), JailError>;

    /// An entry of the directory begun last. For a directory: whether to go into it, later.
    fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError>;
}

/// An entry of a directory.
pub struct Found<'a> {
    pub parent: &'a Directory,
    /// Of the parent.
    pub place: &'a Place,
    pub name: &'a OsStr,
    pub status: FileStat,
    pub kind: SFlag,
}

impl Found<'_> {
    /// From the tree's top.
    pub fn path(&self) -> std::path::PathBuf {
        self.place.path().join(self.name)
    }

    /// The entry itself, opened for nothing but looking at it.
    pub fn handle(&self) -> Result<std::os::fd::OwnedFd, JailError> {
        let open = self.parent.open_in_mount(self.name, OFlag::O_PATH | OFlag::O_NOFOLLOW, Mode::empty());
        open.map_err(|errno| blocked(self.parent.path_of(self.name), "open", errno))
    }

    pub fn attributes(&self) -> Result<Attributes, JailError> {
        use std::os::fd::AsFd;
        let look = |errno| blocked(self.parent.path_of(self.name), "look at", errno);
        Attributes::read(self.handle()?.as_fd(), &self.status).map_err(look)
    }

    /// Where a symlink leads.
    pub fn target(&self) -> Result<std::ffi::OsString, JailError> {
        nix::fcntl::readlinkat(self.parent.fd(), self.name)
            .map_err(|errno| blocked(self.parent.path_of(self.name), "read the link", errno))
    }
}

/// Walks everything below `top`. Neither follows a link nor enters a mount; refuses what it cannot see whole.
pub fn walk(top: &Directory, visitor: &mut impl Visitor) -> Result<(), JailError> {
    let mut pending = vec![Place::default()];
    while let Some(place) = pending.pop() {
        let parent = place.open(top)?;
        visitor.enter(&place)?;
        let mut names = parent.names(MAX_NAMES)?;
        if names.len() >= MAX_NAMES {
            let why = format!("holds more than {MAX_NAMES} entries");
            return Err(JailError::Path { path: parent.path().to_owned(), why, remedy: "spread them over directories".into() });
        }
        names.sort_unstable();
        let before = pending.len();
        for name in &names {
            // Gone since it was listed: only in a tree that something changes meanwhile.
            let Some(status) = parent.status(Path::new(name))? else { continue };
            let kind = kind(&status);
            let found = Found { parent: &parent, place: &place, name, status, kind };
            if visitor.entry(&found)? && kind == SFlag::S_IFDIR {
                pending.push(place.below(name));
            }
        }
        pending[before..].reverse();
    }
    Ok(())
}
