//! An archive as all that a directory of a jail's holds. It is checked and unpacked where the jail does not reach, in its
//! directory on the host, and comes to its place in one step. Touches that directory and the jail's data layer.

use std::io::Read;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::fchmod;
use nix::unistd::{Gid, Uid, fchown};

use super::archive::{ArchiveError, Limits, MemberKind, Members, Rules, Source, Unpacker};
use super::inside::Inside;
use super::store::{self, remove_tree};
use super::tree::{self, Tally, hexadecimal};
use super::{Host, JailError, Lock, disk, source};
use crate::kernel::JailName;
use crate::kernel::system;

/// In the jail's directory on the host. The jail's lock keeps it to one.
const ASIDE: &str = ".unpack";

/// What is unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    pub archive: &'a Path,
    /// In hexadecimal.
    pub sha256: &'a str,
    pub strip: u32,
    pub uid: u32,
    pub gid: u32,
    /// A file that is put beside: its name, and what it holds.
    pub note: (&'a str, &'a str),
}

/// Puts a directory with what the archive holds, all of it `uid`'s and `gid`'s, in the place of what is at `path`. Setuid
/// bits and file capabilities are dropped and counted. What fails changes nothing. The caller holds the jail's lock.
///
/// # Errors
/// [`JailError::Archive`]: another sum, damaged, or hostile.
pub fn unpack(
    host: &Host,
    name: &JailName,
    _lock: &Lock,
    inside: &Inside,
    path: &str,
    parcel: &Parcel<'_>,
) -> Result<Tally, JailError> {
    check_sum(parcel)?;
    let jail = store::jail(&host.config, name)?;
    // Of one that was killed.
    remove_tree(&jail, ASIDE)?;
    let done = jail.make(ASIDE, 0o700).and_then(|aside| {
        disk::follow(&jail, &aside)?;
        let tally = fill(&aside, parcel)?;
        tree::to_disk(&aside)?;
        let (above, last) = inside.needed(path)?;
        let doing = || format!("put the archive at {}", above.path_of(last).display());
        match system::rename_new(jail.fd(), ASIDE, above.fd(), last) {
            Err(Errno::EEXIST) => system::exchange(jail.fd(), ASIDE, above.fd(), last),
            other => other,
        }
        .map_err(JailError::system(doing()))?;
        above.sync()?;
        jail.sync()?;
        Ok(tally)
    });
    // What was there before, or what came of a failure, which is the error to tell.
    let cleaned = remove_tree(&jail, ASIDE);
    done.and_then(|tally| cleaned.map(|()| tally))
}

/// What an archive makes, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Directory { mode: u32 },
    File { mode: u32, bytes: Vec<u8> },
    Link { target: String },
}

/// What [`unpack`] would make of an archive, by paths, each directory before what is in it. For hosts in memory: at most
/// 64 MiB, and neither pipes nor hard links.
///
/// # Errors
/// As [`unpack`].
pub fn contents(archive: &Path, sha256: &str, strip: u32) -> Result<Vec<(String, Piece)>, JailError> {
    const LIMITS: Limits = Limits { entries: 100_000, bytes: 64 << 20 };
    let parcel = Parcel { archive, sha256, strip, uid: 0, gid: 0, note: ("", "") };
    check_sum(&parcel)?;
    let (source, _) = Source::open(archive)?;
    let mut members = Members::new(source, LIMITS);
    let mut found = std::collections::BTreeMap::new();
    while let Some(member) = members.advance().map_err(|error| bad(&parcel, error))? {
        let Some(member) = member.stripped(strip).map_err(|error| bad(&parcel, error))? else { continue };
        let refuse = |why: &str| bad(&parcel, ArchiveError::entry(&member.path, why));
        let path = String::from_utf8(member.path.clone()).map_err(|_| refuse("has a name that is no text"))?;
        for (at, _) in path.match_indices('/') {
            found.entry(path[..at].to_owned()).or_insert(Piece::Directory { mode: 0o755 });
        }
        let mode = member.attributes.mode & 0o1777;
        let piece = match &member.kind {
            MemberKind::Directory => Piece::Directory { mode },
            MemberKind::File => {
                let mut bytes = Vec::new();
                members.content().read_to_end(&mut bytes).map_err(|error| bad(&parcel, ArchiveError::reading(&error)))?;
                Piece::File { mode, bytes }
            }
            MemberKind::Symlink(target) => Piece::Link { target: String::from_utf8_lossy(target).into_owned() },
            _ => return Err(refuse("is of a kind that a simulated jail does not hold")),
        };
        found.insert(path, piece);
    }
    Ok(found.into_iter().collect())
}

fn bad(parcel: &Parcel<'_>, error: ArchiveError) -> JailError {
    JailError::Archive { archive: parcel.archive.display().to_string(), error }
}

/// Before anything is written.
fn check_sum(parcel: &Parcel<'_>) -> Result<(), JailError> {
    let mut file = source::open_file(parcel.archive)?;
    let mut sum = <sha2::Sha256 as sha2::Digest>::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => sha2::Digest::update(&mut sum, &buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(JailError::io(format!("read {}", parcel.archive.display()))(error)),
        }
    }
    compare(parcel, hexadecimal(&sha2::Digest::finalize(sum)))
}

fn compare(parcel: &Parcel<'_>, found: String) -> Result<(), JailError> {
    if found == parcel.sha256 {
        return Ok(());
    }
    Err(bad(parcel, ArchiveError::Sum { wanted: parcel.sha256.to_owned(), found }))
}

fn fill(aside: &store::Directory, parcel: &Parcel<'_>) -> Result<Tally, JailError> {
    let (source, archive) = Source::open(parcel.archive)?;
    let mut members = Members::new(source, Limits::default());
    let mut watch = |_: &Tally| ();
    let mut unpacker = Unpacker::new(aside, &archive, Rules::default(), &mut watch);
    while let Some(member) = members.advance().map_err(|error| bad(parcel, error))? {
        let Some(mut member) = member.stripped(parcel.strip).map_err(|error| bad(parcel, error))? else { continue };
        (member.attributes.uid, member.attributes.gid) = (parcel.uid, parcel.gid);
        let path = member.path.clone();
        if path == parcel.note.0.as_bytes() {
            return Err(bad(parcel, ArchiveError::entry(&path, "has a name that unpack keeps for itself")));
        }
        unpacker.add(&member, &path, &mut members.content())?;
    }
    let tally = unpacker.finish()?;
    // What was read is what was checked.
    compare(parcel, members.into_input().finish().map_err(|error| bad(parcel, error))?)?;
    aside.write_new(parcel.note.0, 0o644, parcel.note.1.as_bytes())?;
    let doing = || JailError::system(format!("set mode and owner of {}", aside.path().display()));
    fchown(aside.fd(), Some(Uid::from_raw(parcel.uid)), Some(Gid::from_raw(parcel.gid))).map_err(doing())?;
    fchmod(aside.fd(), nix::sys::stat::Mode::from_bits_truncate(0o755)).map_err(doing())?;
    Ok(tally)
}
