//! Writing a tree as an archive: pax headers where ustar's fields are too narrow, members in the order of a walk, so equal
//! trees give equal archives.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, fstat};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use super::pax;
use crate::jail::JailError;
use crate::jail::store::Directory;
use crate::jail::tree::{Attributes, Content, Found, Place, Record, Recorder, Tally, Visitor, Watch, blocked, walk};
use crate::kernel::system::Handle;

const BLOCK: usize = 512;
/// ustar's fields.
const NAME_FIELD: usize = 100;
const MAX_ID: u32 = 0o7_777_777;
const MAX_SIZE: u64 = 0o77_777_777_777;

/// An archive that is being written.
pub struct Packer<W: Write> {
    output: W,
    /// As it is named in messages.
    archive: String,
}

impl<W: Write> Packer<W> {
    pub fn new(output: W, archive: &str) -> Packer<W> {
        Packer { output, archive: archive.to_owned() }
    }

    /// A file from memory.
    pub fn add_bytes(&mut self, name: &str, bytes: &[u8], seconds: i64) -> Result<(), JailError> {
        let attributes = Attributes { mode: 0o600, mtime: (seconds, 0), ..Attributes::default() };
        self.header(name.as_bytes(), EntryType::Regular, b"", bytes.len() as u64, &attributes)?;
        self.write(bytes)?;
        self.pad(bytes.len() as u64)
    }

    /// Everything below `top`, under `prefix`. Sockets and device nodes are left out and counted. Returns the tree's
    /// digest, as [`crate::jail::tree::digest`] has it.
    pub fn add_tree(&mut self, top: &Directory, prefix: &str, watch: Watch<'_>) -> Result<(String, Tally), JailError> {
        let status = fstat(top.fd()).map_err(JailError::system(format!("look at {}", top.path().display())))?;
        let own = Handle::of(top.fd())
            .and_then(|handle| Attributes::read(&handle, &status))
            .map_err(|errno| blocked(top.path().to_owned(), "look at", errno))?;
        self.header(format!("{prefix}/").as_bytes(), EntryType::Directory, b"", 0, &own)?;
        let mut walker = Walker {
            packer: self,
            prefix: prefix.into(),
            watch,
            tally: Tally::default(),
            recorder: Recorder::default(),
            links: HashMap::new(),
            buffer: vec![0; 128 << 10],
        };
        walk(top, &mut walker)?;
        let (tally, recorder) = (walker.tally, walker.recorder);
        Ok((recorder.finish(), tally))
    }

    /// The two empty blocks that end an archive.
    pub fn finish(mut self) -> Result<W, JailError> {
        self.write(&[0; 2 * BLOCK])?;
        Ok(self.output)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JailError> {
        self.output.write_all(bytes).map_err(JailError::io(format!("write {}", self.archive)))
    }

    fn pad(&mut self, size: u64) -> Result<(), JailError> {
        let padding = (size.wrapping_neg() % BLOCK as u64) as usize;
        self.write(&[0; BLOCK][..padding])
    }

    fn header(&mut self, path: &[u8], kind: EntryType, link: &[u8], size: u64, attributes: &Attributes) -> Result<(), JailError> {
        let mut extension = Vec::new();
        if path.len() > NAME_FIELD {
            pax::push(&mut extension, b"path", path);
        }
        if link.len() > NAME_FIELD {
            pax::push(&mut extension, b"linkpath", link);
        }
        if size > MAX_SIZE {
            pax::push(&mut extension, b"size", size.to_string().as_bytes());
        }
        for (key, id) in [(b"uid", attributes.uid), (b"gid", attributes.gid)] {
            if id > MAX_ID {
                pax::push(&mut extension, key, id.to_string().as_bytes());
            }
        }
        if attributes.mtime.1 != 0 || attributes.mtime.0 < 0 || attributes.mtime.0.unsigned_abs() > MAX_SIZE {
            pax::push(&mut extension, b"mtime", pax::time_text(attributes.mtime).as_bytes());
        }
        for (name, value) in &attributes.xattrs {
            pax::push(&mut extension, &[b"SCHILY.xattr.", name.to_bytes()].concat(), value);
        }
        if !extension.is_empty() {
            let plain = Attributes { mode: 0o600, ..Attributes::default() };
            self.block(b"pax-header", EntryType::XHeader, b"", extension.len() as u64, &plain)?;
            self.write(&extension)?;
            self.pad(extension.len() as u64)?;
        }
        self.block(path, kind, link, size.min(MAX_SIZE), attributes)
    }

    fn block(&mut self, path: &[u8], kind: EntryType, link: &[u8], size: u64, attributes: &Attributes) -> Result<(), JailError> {
        let mut header = Header::new_ustar();
        let cut = |bytes: &[u8], field: &mut [u8]| {
            let length = bytes.len().min(field.len());
            field[..length].copy_from_slice(&bytes[..length]);
        };
        let fields = header.as_ustar_mut().expect("made as ustar");
        cut(path, &mut fields.name);
        cut(link, &mut fields.linkname);
        header.set_entry_type(kind);
        header.set_mode(attributes.mode);
        header.set_uid(attributes.uid.min(MAX_ID).into());
        header.set_gid(attributes.gid.min(MAX_ID).into());
        header.set_mtime(u64::try_from(attributes.mtime.0).unwrap_or(0).min(MAX_SIZE));
        header.set_size(size);
        header.set_cksum();
        self.write(header.as_bytes())
    }
}

struct Walker<'a, 'w, W: Write> {
    packer: &'a mut Packer<W>,
    prefix: PathBuf,
    watch: Watch<'w>,
    tally: Tally,
    recorder: Recorder,
    links: HashMap<(u64, u64), PathBuf>,
    buffer: Vec<u8>,
}

impl<W: Write> Visitor for Walker<'_, '_, W> {
    fn enter(&mut self, _place: &Place) -> Result<(), JailError> {
        Ok(())
    }

    fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
        let path = found.path();
        let attributes = found.attributes()?;
        let inode = (found.status.st_dev, found.status.st_ino);
        let several = found.status.st_nlink > 1 && found.kind != SFlag::S_IFDIR;
        let first = if several { self.links.get(&inode).cloned() } else { None };
        let name = self.prefix.join(&path);
        let mut plain =
            |kind, link: &OsStr| self.packer.header(name.as_os_str().as_bytes(), kind, link.as_bytes(), 0, &attributes);
        let target;
        let content = match (&first, found.kind) {
            (Some(first), _) => {
                plain(EntryType::Link, self.prefix.join(first).as_os_str())?;
                Content::Link(first)
            }
            (None, SFlag::S_IFDIR) => {
                let slash = [name.as_os_str().as_bytes(), b"/"].concat();
                self.packer.header(&slash, EntryType::Directory, b"", 0, &attributes)?;
                Content::Directory
            }
            (None, SFlag::S_IFREG) => Content::File(self.file(found, &name, &attributes)?),
            (None, SFlag::S_IFLNK) => {
                target = found.target()?;
                plain(EntryType::Symlink, &target)?;
                Content::Symlink(&target)
            }
            (None, SFlag::S_IFIFO) => {
                plain(EntryType::Fifo, OsStr::new(""))?;
                Content::Fifo
            }
            (None, _) => {
                self.tally.left_out += 1;
                return Ok(false);
            }
        };
        self.recorder.add(&Record { path: &path, attributes: &attributes, content });
        if several && first.is_none() {
            self.links.insert(inode, path);
        }
        self.tally.entries += 1;
        (self.watch)(&self.tally);
        Ok(true)
    }
}

impl<W: Write> Walker<'_, '_, W> {
    fn file(&mut self, found: &Found<'_>, name: &Path, attributes: &Attributes) -> Result<[u8; 32], JailError> {
        let source = found.parent.path_of(found.name);
        let read = |errno| blocked(source.clone(), "read", errno);
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        let file = found.parent.open_in_mount(found.name, flags, Mode::empty()).map_err(read)?;
        let status = fstat(&file).map_err(read)?;
        let size = status.st_size.unsigned_abs();
        let mut file = File::from(file).take(size);
        self.packer.header(name.as_os_str().as_bytes(), EntryType::Regular, b"", size, attributes)?;
        let mut sum = Sha256::new();
        let mut done = 0;
        while done < size {
            let got = file.read(&mut self.buffer).map_err(JailError::io(format!("read {}", source.display())))?;
            if got == 0 {
                let why = "became shorter while it was read".into();
                return Err(JailError::Path { path: source, why, remedy: "stop what writes it, then try again".into() });
            }
            sum.update(&self.buffer[..got]);
            self.packer.write(&self.buffer[..got])?;
            done += got as u64;
            self.tally.bytes += got as u64;
            (self.watch)(&self.tally);
        }
        self.packer.pad(size)?;
        Ok(sum.finalize().into())
    }
}
