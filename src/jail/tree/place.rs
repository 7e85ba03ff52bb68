//! A directory inside a tree, named from the tree's top. However deep a jail digs, a place costs one name, and opening it
//! one descriptor at a time.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::jail::JailError;
use crate::jail::store::Directory;

/// Directories inside each other, at most: keeps work and memory of a hostile tree small.
pub const MAX_DEPTH: usize = 4096;
/// Bytes of a path handed to the kernel at once; PATH_MAX is 4096.
const CHUNK: usize = 3800;

/// The top, or a directory below it.
#[derive(Debug, Clone, Default)]
pub struct Place(Option<Rc<Step>>);

#[derive(Debug)]
struct Step {
    above: Place,
    name: OsString,
    depth: usize,
}

impl Place {
    pub fn below(&self, name: &OsStr) -> Place {
        Place(Some(Rc::new(Step { above: self.clone(), name: name.to_owned(), depth: self.depth() + 1 })))
    }

    /// A place by its names from the top.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a OsStr>) -> Place {
        names.into_iter().fold(Place::default(), |place, name| place.below(name))
    }

    pub fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |step| step.depth)
    }

    /// The names from the top.
    pub fn names(&self) -> Vec<&OsStr> {
        let mut names = Vec::with_capacity(self.depth());
        let mut at = &self.0;
        while let Some(step) = at {
            names.push(step.name.as_os_str());
            at = &step.above.0;
        }
        names.reverse();
        names
    }

    /// From the top, for messages and archives; empty for the top itself.
    pub fn path(&self) -> PathBuf {
        self.names().iter().collect()
    }

    /// Opens the directory: through no link, into no other mount, never out of `top`.
    pub fn open(&self, top: &Directory) -> Result<Directory, JailError> {
        let path = top.path().join(self.path());
        if self.depth() > MAX_DEPTH {
            return Err(JailError::Path {
                path: path.iter().take(32).collect(),
                why: format!("holds directories more than {MAX_DEPTH} deep"),
                remedy: "remove or flatten them".into(),
            });
        }
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY;
        let refuse = |errno| blocked(path.clone(), "open", errno);
        let mut at = top.open_in_mount(".", flags, Mode::empty()).map_err(refuse)?;
        let mut chunk = PathBuf::new();
        let mut names = self.names().into_iter().peekable();
        while let Some(name) = names.next() {
            chunk.push(name);
            let next = names.peek().map_or(usize::MAX, |next| next.len());
            if chunk.as_os_str().as_bytes().len().saturating_add(next) >= CHUNK {
                let from = Directory::from_parts(at, path.clone());
                at = from.open_in_mount(&chunk, flags, Mode::empty()).map_err(refuse)?;
                chunk = PathBuf::new();
            }
        }
        Ok(Directory::from_parts(at, path))
    }
}

/// One clear error for what stands in the way inside a tree.
pub fn blocked(path: PathBuf, doing: &str, errno: Errno) -> JailError {
    match errno {
        Errno::EXDEV => {
            JailError::Path { path, why: "something is mounted there".into(), remedy: "unmount it, then try again".into() }
        }
        Errno::ELOOP => {
            JailError::Path { path, why: "leads through a symlink".into(), remedy: "stop what changes the tree meanwhile".into() }
        }
        errno => JailError::System { doing: format!("{doing} {}", path.display()), errno },
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        // Iteratively: a chain of thousands would otherwise nest as many calls.
        let mut above = self.above.0.take();
        while let Some(step) = above {
            above = Rc::into_inner(step).and_then(|mut step| step.above.0.take());
        }
    }
}
