//! Copying from the host's /etc into a new data layer.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{fsync, symlinkat};

use crate::jail::JailError;
use crate::jail::store::{Directory, read_regular};
use crate::kernel::system::begin_to_disk;

/// A file of the host larger than this is not copied.
const FILE_LIMIT: usize = 4 << 20;
/// Entries of a directory beyond this are not copied.
const ENTRY_LIMIT: usize = 10_000;

/// Copies, and remembers what is to be on disk before the layer appears.
pub struct Seeder {
    etc: PathBuf,
    written: Vec<OwnedFd>,
}

impl Seeder {
    pub fn new(host_etc: &Path) -> Seeder {
        Seeder { etc: host_etc.to_owned(), written: Vec::new() }
    }

    pub fn write(&mut self, directory: &Directory, name: &str, bytes: &[u8]) -> Result<(), JailError> {
        self.written.push(directory.write_new(name, 0o644, bytes)?);
        Ok(())
    }

    /// A directory whose entries are to be on disk, too.
    pub fn made(&mut self, directory: Directory) {
        self.written.push(directory.into());
    }

    pub fn link(&self, directory: &Directory, name: &str, target: &str) -> Result<(), JailError> {
        symlinkat(target, directory.fd(), name).map_err(JailError::system(format!("link {}", directory.path_of(name).display())))
    }

    /// The content of a file, through whatever links the host has it behind.
    pub fn contents(&mut self, etc: &Directory, name: &str) -> Result<(), JailError> {
        let path = self.etc.join(name);
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => self.file(&path, etc, name, 0),
            _ => Ok(()),
        }
    }

    /// A file, a link or a directory of such. `name` may lead into a directory of `etc` that exists.
    pub fn entry(&mut self, etc: &Directory, name: &str) -> Result<(), JailError> {
        let source = self.etc.join(name);
        match name.rsplit_once('/') {
            Some((parent, last)) => self.copy(&source, &etc.sub(parent)?, last),
            None => self.copy(&source, etc, name),
        }
    }

    fn copy(&mut self, source: &Path, target: &Directory, name: &str) -> Result<(), JailError> {
        let Ok(found) = source.symlink_metadata() else { return Ok(()) };
        if found.is_symlink() {
            return copy_link(source, target, name);
        }
        if found.is_file() {
            return self.file(source, target, name, libc::O_NOFOLLOW);
        }
        if !found.is_dir() || found.mode() & 0o005 != 0o005 {
            return Ok(());
        }
        let made = target.make(name, 0o755)?;
        let entries = std::fs::read_dir(source).map_err(JailError::io(format!("list {}", source.display())))?;
        for entry in entries.take(ENTRY_LIMIT) {
            let entry = entry.map_err(JailError::io(format!("list {}", source.display())))?;
            let file_name = entry.file_name();
            let Some(name) = file_name.to_str() else { continue };
            // Nearly all are links: the list says so, which spares a look at each of some 700.
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => copy_link(&entry.path(), &made, name)?,
                _ => self.copy(&entry.path(), &made, name)?,
            }
        }
        self.made(made);
        Ok(())
    }

    fn file(&mut self, source: &Path, target: &Directory, name: &str, flags: i32) -> Result<(), JailError> {
        let doing = || format!("read {}", source.display());
        let opened = File::options().read(true).custom_flags(flags | libc::O_NONBLOCK | libc::O_NOCTTY).open(source);
        let file = match opened {
            Err(error) if error.raw_os_error() == Some(Errno::ENOENT as i32) => return Ok(()),
            other => other.map_err(JailError::io(doing()))?,
        };
        let found = file.metadata().map_err(JailError::io(doing()))?;
        if found.mode() & 0o004 == 0 || found.len() > FILE_LIMIT as u64 {
            return Ok(());
        }
        let bytes = read_regular(file.into(), source, FILE_LIMIT)?;
        self.write(target, name, &bytes)
    }

    /// Waits until everything written is on disk. The writing of all is begun first: so the first wait commits the blocks
    /// of every file, where else each would have a commit of its own.
    pub fn to_disk(&self) -> Result<(), JailError> {
        for file in &self.written {
            begin_to_disk(file.as_fd());
        }
        self.written.iter().try_for_each(|file| fsync(file).map_err(JailError::system("write the data layer to disk")))
    }
}

/// A link of the same target, unless that is a page of a manual. One that went meanwhile is passed over.
fn copy_link(source: &Path, target: &Directory, name: &str) -> Result<(), JailError> {
    let to = match std::fs::read_link(source) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(JailError::io(format!("read the link {}", source.display())))?,
    };
    if is_manual(&to) {
        return Ok(());
    }
    symlinkat(&to, target.fd(), name).map_err(JailError::system(format!("link {}", target.path_of(name).display())))
}

/// Does a link lead to a page of a manual? Of the host's alternatives most do, and no program needs them.
fn is_manual(target: &Path) -> bool {
    target.starts_with("/usr/share") && target.components().any(|part| part.as_os_str() == "man")
}
