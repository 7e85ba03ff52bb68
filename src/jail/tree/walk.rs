//! Walking a tree: every directory right before what is in it, names in order, so that two walks of equal trees see the
//! same.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use nix::sys::stat::{FileStat, SFlag};

use super::attributes::{Attributes, kind};
use super::place::{Place, blocked};
use crate::jail::JailError;
use crate::jail::store::Directory;
use crate::kernel::system::Handle;

/// Entries of one directory, at most: its names are held in memory.
const MAX_NAMES: usize = 4_000_000;

/// Sees a tree.
pub trait Visitor {
    /// A directory is begun, the top first, or come back to.
    fn enter(&mut self, place: &Place) -> Result<(), JailError>;

    /// An entry of the directory entered last. For a directory: whether to go into it.
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
    pub fn handle(&self) -> Result<Handle, JailError> {
        Handle::at(self.parent.fd(), Path::new(self.name)).map_err(|errno| blocked(self.parent.path_of(self.name), "open", errno))
    }

    pub fn attributes(&self) -> Result<Attributes, JailError> {
        let look = |errno| blocked(self.parent.path_of(self.name), "look at", errno);
        Attributes::read(&self.handle()?, &self.status).map_err(look)
    }

    /// Where a symlink leads.
    pub fn target(&self) -> Result<std::ffi::OsString, JailError> {
        nix::fcntl::readlinkat(self.parent.fd(), self.name)
            .map_err(|errno| blocked(self.parent.path_of(self.name), "read the link", errno))
    }
}

/// Walks everything below `top`. Neither follows a link nor enters a mount; refuses what it cannot see whole.
pub fn walk(top: &Directory, visitor: &mut impl Visitor) -> Result<(), JailError> {
    let mut frames = Vec::new();
    let mut next = Some(Place::default());
    loop {
        let parent = match next.take() {
            Some(place) => {
                let parent = place.open(top)?;
                frames.push((place, sorted_names(&parent)?.into_iter()));
                parent
            }
            // However deep the tree, one directory is open at a time; its parent is opened again.
            None => match frames.last() {
                Some((place, _)) => place.open(top)?,
                None => return Ok(()),
            },
        };
        let (place, names) = frames.last_mut().expect("the one whose directory is open");
        visitor.enter(place)?;
        for name in names {
            // Gone since it was listed: only in a tree that something changes meanwhile.
            let Some(status) = parent.status(Path::new(&name))? else { continue };
            let kind = kind(&status);
            let found = Found { parent: &parent, place, name: &name, status, kind };
            if visitor.entry(&found)? && kind == SFlag::S_IFDIR {
                next = Some(place.below(&name));
                break;
            }
        }
        if next.is_none() {
            frames.pop();
        }
    }
}

fn sorted_names(directory: &Directory) -> Result<Vec<OsString>, JailError> {
    let mut names = directory.names(MAX_NAMES)?;
    if names.len() >= MAX_NAMES {
        let why = format!("holds more than {MAX_NAMES} entries");
        return Err(JailError::Path { path: directory.path().to_owned(), why, remedy: "spread them over directories".into() });
    }
    names.sort_unstable();
    Ok(names)
}
