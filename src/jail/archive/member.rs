//! Reading an archive, one member after the other. Pure but for the reader it is given.

use std::ffi::CString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use tar::{EntryType, Header};

use super::error::ArchiveError;
use super::{name, pax};
use crate::jail::tree::{Attributes, XATTR_LIMIT, is_kept};

const BLOCK: usize = 512;
/// A GNU long name, or a path in a pax header.
const MAX_PATH: u64 = 64 << 10;
/// What may follow an archive's end: padding of its writer's blocks.
const MAX_PADDING: u64 = 64 << 20;
const XATTR_KEY: &[u8] = b"SCHILY.xattr.";

/// What an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub entries: u64,
    /// Of all files together, decompressed.
    pub bytes: u64,
}

impl Default for Limits {
    /// More than any root has, less than fills a machine for hours.
    fn default() -> Self {
        Limits { entries: 8_000_000, bytes: 256 << 30 }
    }
}

/// A member, as its header says. Nothing of it was checked against the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub path: Vec<u8>,
    pub kind: MemberKind,
    pub attributes: Attributes,
    /// Bytes that follow in [`Members::content`].
    pub size: u64,
}

impl Member {
    /// The same without the first `count` names of its path and of what it links to; `None` if it has no more.
    pub fn stripped(mut self, count: u32) -> Result<Option<Member>, ArchiveError> {
        let rest = |path: &[u8]| -> Result<Vec<u8>, ArchiveError> {
            let parts = name::parts(path)?;
            let rest: Vec<&[u8]> = parts.iter().skip(count as usize).map(|part| part.as_bytes()).collect();
            Ok(rest.join(&b'/'))
        };
        self.path = rest(&self.path)?;
        if self.path.is_empty() {
            return Ok(None);
        }
        if let MemberKind::Link(target) = &mut self.kind {
            *target = rest(target)?;
            if target.is_empty() {
                return Err(ArchiveError::entry(&self.path, "is a hard link to what was stripped away"));
            }
        }
        Ok(Some(self))
    }

    /// The same seen from inside a directory, which must hold it and what it links to.
    pub fn below(mut self, prefix: &[u8]) -> Result<Member, ArchiveError> {
        let inside = |path: &[u8], why| match path.strip_prefix(prefix) {
            Some(rest) => Ok(rest.to_vec()),
            None => Err(ArchiveError::entry(path, why)),
        };
        if let MemberKind::Link(target) = &mut self.kind {
            *target = inside(target, "is linked to, but lies outside")?;
        }
        self.path = inside(&self.path, "lies outside")?;
        Ok(self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    File,
    Directory,
    Symlink(Vec<u8>),
    /// Another name of a member that came before.
    Link(Vec<u8>),
    Fifo,
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
}

/// The members of an archive.
pub struct Members<R> {
    input: R,
    limits: Limits,
    block: u64,
    entries: u64,
    bytes: u64,
    /// Of the current member's content, not yet read.
    left: u64,
    padding: u64,
}

/// What extended headers said of the next member.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<(i64, u32)>,
    xattrs: Vec<(CString, Vec<u8>)>,
}

impl<R: Read> Members<R> {
    pub fn new(input: R, limits: Limits) -> Members<R> {
        Members { input, limits, block: 0, entries: 0, bytes: 0, left: 0, padding: 0 }
    }

    /// The next member; what was not read of the last one is passed over. `None` at the archive's own end.
    pub fn advance(&mut self) -> Result<Option<Member>, ArchiveError> {
        self.skip(self.left + self.padding)?;
        (self.left, self.padding) = (0, 0);
        let mut extension = Extension::default();
        loop {
            let mut block = [0; BLOCK];
            self.fill(&mut block)?;
            if block.iter().all(|byte| *byte == 0) {
                // What follows is padding; read to its end, so that a compressed stream is checked to its own.
                return self.rest().map(|()| None);
            }
            let header = Header::from_byte_slice(&block);
            self.check(header, &block)?;
            let size = header.entry_size().map_err(|_| self.bad("its size is no number"))?;
            match header.entry_type() {
                EntryType::XHeader => {
                    let bytes = self.whole(size, pax::MAX)?;
                    extension.read(&bytes)?;
                }
                EntryType::XGlobalHeader => drop(self.whole(size, pax::MAX)?),
                EntryType::GNULongName => extension.path = Some(terminated(self.whole(size, MAX_PATH)?)),
                EntryType::GNULongLink => extension.link = Some(terminated(self.whole(size, MAX_PATH)?)),
                kind => return self.member(header, kind, size, extension).map(Some),
            }
            self.count()?;
        }
    }

    /// What the members were read from.
    pub fn into_input(self) -> R {
        self.input
    }

    /// What is left of the current member's content.
    pub fn content(&mut self) -> impl Read {
        Content(self)
    }

    fn member(&mut self, header: &Header, kind: EntryType, size: u64, extension: Extension) -> Result<Member, ArchiveError> {
        self.count()?;
        let path = extension.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let refuse = |why: &str| ArchiveError::entry(&path, why);
        let link = || -> Result<Vec<u8>, ArchiveError> {
            let link = extension.link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
            link.filter(|link| !link.is_empty()).ok_or_else(|| refuse("is a link to nowhere"))
        };
        let device = || -> Option<(u32, u32)> { header.device_major().ok()?.zip(header.device_minor().ok()?) };
        let kind = match kind {
            // A file whose name ends with a slash was a directory before ustar.
            EntryType::Regular if path.ends_with(b"/") => MemberKind::Directory,
            EntryType::Regular | EntryType::Continuous => MemberKind::File,
            EntryType::Directory => MemberKind::Directory,
            EntryType::Symlink => MemberKind::Symlink(link()?),
            EntryType::Link => MemberKind::Link(link()?),
            EntryType::Fifo => MemberKind::Fifo,
            EntryType::Char | EntryType::Block => {
                let (major, minor) = device().ok_or_else(|| refuse("is a device node without a number"))?;
                if header.entry_type() == EntryType::Char {
                    MemberKind::CharDevice(major, minor)
                } else {
                    MemberKind::BlockDevice(major, minor)
                }
            }
            EntryType::GNUSparse => return Err(refuse("is a sparse file, which is not taken; pack it without --sparse")),
            _ => return Err(refuse("is of an unknown kind")),
        };
        let size = extension.size.unwrap_or(size);
        let id = |number: Option<u64>, field: std::io::Result<u64>| -> Result<u32, ArchiveError> {
            let number = number.or(field.ok()).and_then(|number| u32::try_from(number).ok());
            // The largest means "unchanged" to chown(2).
            number.filter(|number| *number != u32::MAX).ok_or_else(|| refuse("has an owner that is no user or group number"))
        };
        let mtime = match (extension.mtime, header.mtime()) {
            (Some(mtime), _) => mtime,
            // GNU tar writes times before the epoch as the two's complement.
            (None, Ok(seconds)) => (seconds.cast_signed(), 0),
            (None, Err(_)) => return Err(refuse("has a time that is no number")),
        };
        let attributes = Attributes {
            mode: header.mode().map_err(|_| refuse("has a mode that is no number"))? & 0o7777,
            uid: id(extension.uid, header.uid())?,
            gid: id(extension.gid, header.gid())?,
            mtime,
            xattrs: extension.xattrs,
        };
        // A link may repeat its file's size; only pax writers of old let the bytes follow.
        let size = if kind == MemberKind::File { size } else { 0 };
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.limits.bytes {
            return Err(ArchiveError::TooMuch { what: "bytes", limit: self.limits.bytes });
        }
        self.left = size;
        self.padding = padding(size);
        Ok(Member { path, kind, attributes, size })
    }

    fn count(&mut self) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(ArchiveError::TooMuch { what: "entries", limit: self.limits.entries });
        }
        Ok(())
    }

    fn bad(&self, why: &'static str) -> ArchiveError {
        ArchiveError::Header { block: self.block, why }
    }

    fn check(&self, header: &Header, block: &[u8; BLOCK]) -> Result<(), ArchiveError> {
        // ustar: the sum of all bytes, its own eight counted as blanks.
        let sum: u32 =
            block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
        match header.cksum() {
            Ok(told) if told == sum => Ok(()),
            _ => Err(self.bad("its checksum is wrong")),
        }
    }

    /// Reads content that is kept in memory.
    fn whole(&mut self, size: u64, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        if size > limit {
            return Err(ArchiveError::TooMuch { what: "bytes in one header", limit });
        }
        let mut bytes = vec![0; size as usize];
        self.fill(&mut bytes)?;
        self.skip(padding(size))?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ArchiveError> {
        self.input.read_exact(bytes).map_err(|error| ArchiveError::reading(&error))?;
        self.block += bytes.len().div_ceil(BLOCK) as u64;
        Ok(())
    }

    fn skip(&mut self, mut count: u64) -> Result<(), ArchiveError> {
        let mut buffer = [0; 8192];
        while count > 0 {
            let part = count.min(buffer.len() as u64);
            self.fill(&mut buffer[..part as usize])?;
            count -= part;
        }
        Ok(())
    }

    fn rest(&mut self) -> Result<(), ArchiveError> {
        let read = std::io::copy(&mut (&mut self.input).take(MAX_PADDING + 1), &mut std::io::sink());
        match read.map_err(|error| ArchiveError::reading(&error))? {
            length if length > MAX_PADDING => Err(ArchiveError::TooMuch { what: "bytes after its end", limit: MAX_PADDING }),
            _ => Ok(()),
        }
    }
}

struct Content<'a, R>(&'a mut Members<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let wanted = usize::try_from(self.0.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let got = self.0.input.read(&mut buffer[..wanted])?;
        if got == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.0.left -= got as u64;
        Ok(got)
    }
}

impl Extension {
    fn read(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let path = self.path.clone().unwrap_or_else(|| b"?".to_vec());
        let refuse = |why: &str| ArchiveError::entry(&path, why);
        let bad = || refuse("has a malformed extended header");
        let number = |value: &[u8]| std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(bad);
        let mut room = XATTR_LIMIT;
        for (key, value) in pax::parse(bytes).ok_or_else(bad)? {
            match key {
                b"path" | b"linkpath" if value.len() as u64 > MAX_PATH => return Err(refuse("has a path that is too long")),
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number(value)?),
                b"uid" => self.uid = Some(number(value)?),
                b"gid" => self.gid = Some(number(value)?),
                b"mtime" => self.mtime = Some(pax::time(value).ok_or_else(bad)?),
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(refuse("is a sparse file, which is not taken; pack it without --sparse"));
                }
                key if key.starts_with(XATTR_KEY) => {
                    let name = CString::new(&key[XATTR_KEY.len()..]).map_err(|_| bad())?;
                    if is_kept(&name) {
                        let size = name.as_bytes().len() + value.len();
                        room = room.checked_sub(size).ok_or_else(|| refuse("has too many extended attributes"))?;
                        self.xattrs.push((name, value.to_vec()));
                    }
                }
                _ => {}
            }
        }
        self.xattrs.sort();
        Ok(())
    }
}

fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// A GNU long name ends with a NUL byte.
fn terminated(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

#[cfg(test)]
mod tests;
