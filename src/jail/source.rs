//! Files of the host that go into a jail, as the administrator named them: opened, listed, never a pipe or a device.
//! Reads only. The path itself may lead through links; inside of a directory none is followed.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::SFlag;
use sha2::Digest as _;

use super::JailError;
use super::store::Directory;
use super::tree::{Found, Place, Visitor, hexadecimal, walk};

/// Entries of one tree.
const MAX_ENTRIES: usize = 100_000;

/// What is at a place of a tree. Modes are permission bits without those that raise privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    Directory { mode: u32 },
    File { path: PathBuf, mode: u32 },
    Link { target: String },
}

fn wrong(path: &Path, why: impl Into<String>, remedy: &str) -> JailError {
    JailError::Path { path: path.to_owned(), why: why.into(), remedy: remedy.into() }
}

/// A plain file, opened to read.
pub fn open_file(path: &Path) -> Result<File, JailError> {
    // A pipe without a writer would keep us waiting.
    let open = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = open.map_err(JailError::io(format!("read {}", path.display())))?;
    let status = file.metadata().map_err(JailError::io(format!("look at {}", path.display())))?;
    if !status.is_file() {
        return Err(wrong(path, "is no plain file", "name one"));
    }
    Ok(file)
}

/// A file, or a directory with all that is in it: paths from the top, the top itself being "", each directory before what
/// is in it.
///
/// # Errors
/// A device, pipe or socket in it; a name that is no text; more than 100 000 entries.
pub fn list(path: &Path) -> Result<Vec<(String, Listed)>, JailError> {
    let real = std::fs::canonicalize(path).map_err(JailError::io(format!("read {}", path.display())))?;
    let status = std::fs::metadata(&real).map_err(JailError::io(format!("look at {}", path.display())))?;
    let mode = std::os::unix::fs::MetadataExt::mode(&status) & 0o777;
    if status.is_file() {
        return Ok(vec![(String::new(), Listed::File { path: real, mode })]);
    }
    if !status.is_dir() {
        return Err(wrong(path, "is no file or directory", "name one"));
    }
    let mut lister = Lister { top: real.clone(), found: vec![(String::new(), Listed::Directory { mode })] };
    walk(&Directory::open(&real)?, &mut lister)?;
    Ok(lister.found)
}

struct Lister {
    top: PathBuf,
    found: Vec<(String, Listed)>,
}

impl Visitor for Lister {
    fn enter(&mut self, _place: &Place) -> Result<(), JailError> {
        Ok(())
    }

    fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
        let below = found.path();
        let path = self.top.join(&below);
        let name = below.to_str().ok_or_else(|| wrong(&path, "has a name that is no text", "rename it, or use unpack"))?;
        let mode = found.status.st_mode & 0o777;
        let entry = match found.kind {
            SFlag::S_IFDIR => Listed::Directory { mode },
            SFlag::S_IFREG => Listed::File { path: path.clone(), mode },
            SFlag::S_IFLNK => {
                let target = found.target()?.into_string();
                Listed::Link {
                    target: target.map_err(|_| wrong(&path, "is a link to what is no text", "remove it, or use unpack"))?,
                }
            }
            _ => return Err(wrong(&path, "is a device, pipe or socket", "take it out of what is copied")),
        };
        self.found.push((name.to_owned(), entry));
        if self.found.len() > MAX_ENTRIES {
            let why = format!("holds more than {MAX_ENTRIES} entries");
            return Err(wrong(&self.top, why, "use unpack with an archive, or a base"));
        }
        Ok(found.kind == SFlag::S_IFDIR)
    }
}

/// The SHA-256 of the names in a directory, in hexadecimal: another one once something was added or taken away.
pub fn names_digest(path: &Path) -> Result<String, JailError> {
    let mut names = Directory::open(path)?.names(MAX_ENTRIES)?;
    names.sort_unstable();
    let mut sum = sha2::Sha256::new();
    for name in names {
        sum.update(name.as_bytes());
        sum.update([0]);
    }
    Ok(hexadecimal(&sum.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_listed_as_it_lies_there_and_its_links_are_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().join("site");
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::write(top.join("a/x"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", top.join("a/etc")).unwrap();
        std::os::unix::fs::symlink(&top, place.path().join("link")).unwrap();
        let found = list(&place.path().join("link")).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["", "a", "a/b", "a/etc", "a/x"]);
        assert_eq!(found[3].1, Listed::Link { target: "/etc".into() });
        let before = names_digest(&top).unwrap();
        std::fs::write(top.join("y"), "").unwrap();
        assert_ne!(names_digest(&top).unwrap(), before);
    }

    #[test]
    fn pipes_are_neither_copied_nor_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for refused in [open_file(&pipe).map(drop), list(&pipe).map(drop), list(place.path()).map(drop)] {
            assert!(matches!(refused, Err(JailError::Path { .. })), "{refused:?}");
        }
    }
}
