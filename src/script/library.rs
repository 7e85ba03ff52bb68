//! Where modules come from: the standard library, the directory of the importing file, and the directories of the module
//! path. Reads files, never any outside of those directories.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::Uid;

use super::{Fault, Kind, stdlib};
use crate::kernel::system::{Bounds, TO_GO_THROUGH, open_below};

/// Searched after all others.
pub const DEFAULT: &str = "/etc/jailsh/lib";
/// Before the name of a module of the standard library.
const STANDARD: &str = "std/";
/// Longest module, in bytes.
const MAX: u64 = 1 << 20;

/// What `import` names, without anything that could lead out of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleName {
    /// `std/NAME`, without the `std/`.
    Standard(String),
    /// `lib/x` for the file `lib/x.rhai`.
    File(String),
}

impl ModuleName {
    /// # Errors
    /// An absolute path, `.` or `..`, empty parts, control characters.
    pub fn parse(text: &str) -> Result<ModuleName, Fault> {
        let bad = |why: &str| Err(Fault::new(Kind::Module, format!("{text:?} is no name of a module: {why}")));
        if let Some(name) = text.strip_prefix(STANDARD) {
            return Ok(ModuleName::Standard(name.to_owned()));
        }
        if text.starts_with('/') {
            return bad("it begins at /; name it below this file's directory, or below one of --module-path");
        }
        if text.len() > 255 || text.chars().any(char::is_control) {
            return bad("it is longer than 255 bytes or holds control characters; use a name such as \"lib/web\"");
        }
        for part in text.split('/') {
            match part {
                "" => return bad("a part is empty; use a name such as \"lib/web\""),
                "." | ".." => {
                    return bad("it holds . or ..; modules lie beside or below the importing file, or on --module-path");
                }
                _ => {}
            }
        }
        if text.ends_with(".rhai") {
            return bad("it ends in .rhai, which is added anyway; leave it out");
        }
        Ok(ModuleName::File(text.to_owned()))
    }
}

/// One and the same module, by whatever name it was reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    Standard(String),
    /// Device and inode.
    File(u64, u64),
}

/// From where a file imports: the directory that it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    directory: PathBuf,
    /// Its owner is trusted with what it imports, as with itself.
    owner: u32,
}

impl Place {
    /// Of a script that was named on a command line.
    pub fn of_script(path: &Path) -> Option<(Identity, Place)> {
        let found = path.metadata().ok()?;
        Some((Identity::File(found.dev(), found.ino()), Place::beside(path, found.uid())))
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn beside(file: &Path, owner: u32) -> Place {
        Place { directory: named(file.parent().unwrap_or(file)).to_owned(), owner }
    }
}

/// A directory as system calls want it.
fn named(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}

/// A module that was found, not yet read.
#[derive(Debug)]
pub struct Found {
    pub identity: Identity,
    /// `std/NAME`, or the file's path as messages show it.
    pub name: String,
    /// The same from /, for the ledger.
    pub path: String,
    pub place: Option<Place>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Embedded(&'static str),
    File(File),
}

impl Found {
    /// # Errors
    /// Longer than 1 MiB, no UTF-8, or unreadable.
    pub fn read(self) -> Result<String, Fault> {
        let file = match self.content {
            Content::Embedded(text) => return Ok(text.to_owned()),
            Content::File(file) => file,
        };
        let mut bytes = Vec::new();
        file.take(MAX + 1).read_to_end(&mut bytes).map_err(|error| Fault::file(Path::new(&self.name), &error))?;
        if bytes.len() as u64 > MAX {
            return Err(Fault::new(Kind::Module, format!("{} is longer than {} MiB; divide it", self.name, MAX >> 20)));
        }
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Fault::new(Kind::Module, format!("{} is not UTF-8 text (byte {at}); is it a script?", self.name))
        })
    }
}

/// The directories of the module path.
#[derive(Debug, Clone)]
pub struct Library {
    roots: Vec<PathBuf>,
    /// As root, whoever can write a module owns the machine.
    strict: bool,
}

impl Library {
    /// `roots` in the order they are searched; [`DEFAULT`] comes after them.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Library {
        let roots = roots.into_iter().chain([PathBuf::from(DEFAULT)]).collect();
        Library { roots, strict: Uid::effective().is_root() }
    }

    /// Looks for a module: in the importing file's directory, then on the module path.
    ///
    /// # Errors
    /// [`Kind::Module`]: none of that name; [`Kind::NotPermitted`]: somebody else could have written it.
    pub fn find(&self, importer: Option<&Place>, name: &str) -> Result<Found, Fault> {
        let file = match ModuleName::parse(name)? {
            ModuleName::Standard(name) => return standard(&name),
            ModuleName::File(file) => format!("{file}.rhai"),
        };
        let beside = importer.map(|place| (place.directory.as_path(), Some(place.owner)));
        for (directory, owner) in beside.into_iter().chain(self.roots.iter().map(|root| (root.as_path(), None))) {
            if let Some(found) = self.open(directory, owner, &file)? {
                return Ok(found);
            }
        }
        let directories = importer.map(|place| &place.directory).into_iter().chain(&self.roots);
        let directories: Vec<String> = directories.map(|directory| directory.display().to_string()).collect();
        Err(Fault::new(Kind::Module, format!("no module {name:?}; looked for {file} in {}", directories.join(", "))))
    }

    fn open(&self, directory: &Path, owner: Option<u32>, file: &str) -> Result<Option<Found>, Fault> {
        let path = if directory == Path::new(".") { PathBuf::from(file) } else { directory.join(file) };
        let failed = |errno: Errno| match errno {
            Errno::EXDEV => Fault::new(
                Kind::Module,
                format!("{} leads out of {}; put the file itself there", path.display(), directory.display()),
            ),
            errno => Fault::file(&path, &errno.into()),
        };
        let root = match nix::fcntl::open(directory, TO_GO_THROUGH, Mode::empty()) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            other => other.map_err(failed)?,
        };
        // O_NONBLOCK: a FIFO is refused below instead of waited for.
        let fd = match beneath(root.as_fd(), OsStr::new(file), OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            other => other.map_err(failed)?,
        };
        let stat = fstat(&fd).map_err(failed)?;
        if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
            return Err(Fault::new(Kind::Module, format!("{} is no regular file", path.display())));
        }
        let parent = named(Path::new(file).parent().unwrap_or(directory));
        if self.strict {
            let holder = beneath(root.as_fd(), parent.as_os_str(), TO_GO_THROUGH).map_err(failed)?;
            self.trust(&fstat(&holder).map_err(failed)?, owner, path.parent().unwrap_or(directory))?;
            self.trust(&stat, owner, &path)?;
        }
        Ok(Some(Found {
            identity: Identity::File(stat.st_dev, stat.st_ino),
            name: path.display().to_string(),
            path: std::path::absolute(&path).unwrap_or_else(|_| path.clone()).display().to_string(),
            place: Some(Place::beside(&path, stat.st_uid)),
            content: Content::File(fd.into()),
        }))
    }

    /// Only root, and the owner of the file that imports, can have written it. In a sticky directory nobody replaces
    /// another's file.
    fn trust(&self, stat: &FileStat, owner: Option<u32>, path: &Path) -> Result<(), Fault> {
        let mode = Mode::from_bits_truncate(stat.st_mode);
        let directory = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        let refuse = |why: String| Err(Fault::new(Kind::NotPermitted, format!("{} {why}", path.display())));
        if stat.st_uid != 0 && Some(stat.st_uid) != owner {
            return refuse(format!("belongs to uid {}, who could put anything there; have root own it", stat.st_uid));
        }
        if mode.intersects(Mode::S_IWGRP | Mode::S_IWOTH) && !(directory && mode.contains(Mode::S_ISVTX)) {
            return refuse("can be written by others than its owner; take that away with chmod go-w".into());
        }
        Ok(())
    }
}

fn standard(name: &str) -> Result<Found, Fault> {
    let full = format!("{STANDARD}{name}");
    let Some(text) = stdlib::text(name) else {
        let known = || stdlib::MODULES.iter().map(|(known, _)| *known);
        let hint = match crate::jail::spec::nearest(name, known()) {
            Some(near) => format!("did you mean \"{STANDARD}{near}\"?"),
            None => format!("it has {}", known().collect::<Vec<_>>().join(", ")),
        };
        return Err(Fault::new(Kind::Module, format!("the standard library has no module {full:?}; {hint}")));
    };
    Ok(Found {
        identity: Identity::Standard(name.to_owned()),
        path: full.clone(),
        name: full,
        place: None,
        content: Content::Embedded(text),
    })
}

/// Symlinks may be followed as long as they stay inside.
fn beneath(root: BorrowedFd<'_>, path: &OsStr, flags: OFlag) -> nix::Result<OwnedFd> {
    open_below(root, Path::new(path), flags, Mode::empty(), Bounds::Inside)
}

#[cfg(test)]
mod tests;
