//! Trees of files that a jail filled: walked, copied, measured and told apart, without following a link or entering a
//! mount. Touches the two directories it is given, nothing else.

mod attributes;
mod copy;
mod digest;
mod place;
mod walk;

use nix::sys::stat::SFlag;

pub use attributes::{Attributes, CAPABILITY, XATTR_LIMIT, is_kept};
pub use copy::copy;
pub use digest::{Content, Record, Recorder, digest, hexadecimal};
pub use place::{MAX_DEPTH, Place, blocked};
pub use walk::{Found, Visitor, walk};

use super::JailError;
use super::store::Directory;
use crate::kernel::system::sync_file_system;

/// What was worked through so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    pub entries: u64,
    pub bytes: u64,
    /// Files that share their blocks with the original.
    pub shared_files: u64,
    /// Extended attributes that the file system could not take.
    pub lost_attributes: u64,
    /// Setuid bits, setgid bits and capabilities of files that were dropped.
    pub dropped_privileges: u64,
    /// Entries that were not taken: sockets and device nodes, and what a jail gets from elsewhere.
    pub left_out: u64,
}

/// Told how work goes on; called often, so it must be quick.
pub type Watch<'a> = &'a mut dyn FnMut(&Tally);

/// Entries and bytes in a tree; files with several names are counted once.
pub fn measure(top: &Directory) -> Result<Tally, JailError> {
    #[derive(Default)]
    struct Measure {
        tally: Tally,
        seen: std::collections::HashSet<(u64, u64)>,
    }
    impl Visitor for Measure {
        fn enter(&mut self, _place: &Place) -> Result<(), JailError> {
            Ok(())
        }

        fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
            self.tally.entries += 1;
            let first = found.status.st_nlink < 2 || self.seen.insert((found.status.st_dev, found.status.st_ino));
            if found.kind == SFlag::S_IFREG && first {
                // What it takes, not how long it claims to be: stat(2) counts in 512 bytes.
                self.tally.bytes += found.status.st_blocks.unsigned_abs() * 512;
            }
            Ok(true)
        }
    }
    let mut measure = Measure::default();
    walk(top, &mut measure)?;
    Ok(measure.tally)
}

/// Brings everything written to the file system of this directory to disk, at the price of one wait for all of it.
pub fn to_disk(directory: &Directory) -> Result<(), JailError> {
    sync_file_system(directory.fd()).map_err(JailError::system(format!("write {} to disk", directory.path().display())))
}

#[cfg(test)]
mod tests;
