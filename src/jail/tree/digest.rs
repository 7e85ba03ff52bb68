//! One number for a whole tree: names, kinds, attributes and contents. Equal trees have equal ones, on any machine.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag};
use sha2::{Digest, Sha256};

use super::attributes::Attributes;
use super::place::{Place, blocked};
use super::walk::{Found, Visitor, walk};
use crate::jail::JailError;
use crate::jail::store::Directory;

/// One entry as the digest sees it.
pub struct Record<'a> {
    pub path: &'a Path,
    pub attributes: &'a Attributes,
    pub content: Content<'a>,
}

/// What an entry is.
pub enum Content<'a> {
    Directory,
    /// The SHA-256 of its bytes.
    File([u8; 32]),
    Symlink(&'a OsStr),
    Fifo,
    /// Another name of a file that came before.
    Link(&'a Path),
}

/// Adds up records, in the order of [`walk`].
#[derive(Default)]
pub struct Recorder(Sha256);

impl Recorder {
    pub fn add(&mut self, record: &Record<'_>) {
        let (kind, rest): (u8, &[u8]) = match &record.content {
            Content::Directory => (b'd', &[]),
            Content::File(digest) => (b'f', digest),
            Content::Symlink(target) => (b'l', target.as_bytes()),
            Content::Fifo => (b'p', &[]),
            Content::Link(first) => (b'h', first.as_os_str().as_bytes()),
        };
        self.0.update([kind]);
        self.text(record.path.as_os_str().as_bytes());
        self.text(rest);
        if kind == b'h' {
            return;
        }
        let Attributes { mode, uid, gid, mtime, xattrs } = record.attributes;
        // A symlink's mode means nothing and cannot be set.
        let mode = if kind == b'l' { 0 } else { *mode };
        for number in [mode, *uid, *gid, mtime.1] {
            self.0.update(number.to_le_bytes());
        }
        self.0.update(mtime.0.to_le_bytes());
        self.0.update((xattrs.len() as u64).to_le_bytes());
        for (name, value) in xattrs {
            self.text(name.to_bytes());
            self.text(value);
        }
    }

    /// With its length before it: no two lists of texts look alike.
    fn text(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of what is in a tree. Sockets and device nodes do not count: no archive of ours carries them.
pub fn digest(top: &Directory) -> Result<String, JailError> {
    let mut walker = Walker { recorder: Recorder::default(), links: HashMap::new(), buffer: vec![0; 128 << 10] };
    walk(top, &mut walker)?;
    Ok(walker.recorder.finish())
}

struct Walker {
    recorder: Recorder,
    links: HashMap<(u64, u64), PathBuf>,
    buffer: Vec<u8>,
}

impl Visitor for Walker {
    fn enter(&mut self, _place: &Place) -> Result<(), JailError> {
        Ok(())
    }

    fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
        let path = found.path();
        let attributes = found.attributes()?;
        let inode = (found.status.st_dev, found.status.st_ino);
        let first = match found.status.st_nlink > 1 && found.kind != SFlag::S_IFDIR {
            true => self.links.get(&inode).cloned(),
            false => None,
        };
        let target;
        let content = match (&first, found.kind) {
            (Some(first), _) => Content::Link(first),
            (None, SFlag::S_IFDIR) => Content::Directory,
            (None, SFlag::S_IFREG) => Content::File(self.content(found)?),
            (None, SFlag::S_IFLNK) => {
                target = found.target()?;
                Content::Symlink(&target)
            }
            (None, SFlag::S_IFIFO) => Content::Fifo,
            (None, _) => return Ok(false),
        };
        self.recorder.add(&Record { path: &path, attributes: &attributes, content });
        if first.is_none() && found.status.st_nlink > 1 && found.kind != SFlag::S_IFDIR {
            self.links.insert(inode, path);
        }
        Ok(true)
    }
}

impl Walker {
    fn content(&mut self, found: &Found<'_>) -> Result<[u8; 32], JailError> {
        let read = |errno| blocked(found.parent.path_of(found.name), "read", errno);
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        let mut file = File::from(found.parent.open_in_mount(found.name, flags, Mode::empty()).map_err(read)?);
        let mut sum = Sha256::new();
        loop {
            let got = file
                .read(&mut self.buffer)
                .map_err(|error| read(Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))))?;
            if got == 0 {
                return Ok(sum.finalize().into());
            }
            sum.update(&self.buffer[..got]);
        }
    }
}
