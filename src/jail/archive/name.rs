//! Names inside an archive. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::ArchiveError;
use crate::jail::tree::MAX_DEPTH;

/// Bytes of one name between slashes; what every Linux file system takes.
const MAX_NAME: usize = 255;

/// The parts of a member's path. None for the archive's own top, `./`.
///
/// # Errors
/// An absolute path, `..`, a NUL byte, a name or a depth that no file system would hold.
pub fn parts(path: &[u8]) -> Result<Vec<&OsStr>, ArchiveError> {
    let refuse = |why: &str| Err(ArchiveError::entry(path, why));
    if path.is_empty() {
        return refuse("has no name");
    }
    if path[0] == b'/' {
        return refuse("has an absolute path");
    }
    if path.contains(&0) {
        return refuse("has a NUL byte in its name");
    }
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.contains(&b"..".as_slice()) {
        return refuse("leads upwards with \"..\"");
    }
    if parts.iter().any(|part| part.len() > MAX_NAME) {
        return refuse("has a name longer than 255 bytes");
    }
    if parts.len() > MAX_DEPTH {
        return refuse("lies too deep");
    }
    Ok(parts.into_iter().map(OsStr::from_bytes).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_that_stay_below_are_taken() {
        let parts_of = |path: &str| parts(path.as_bytes()).map(|parts| parts.join(OsStr::new("|")).into_string().unwrap());
        assert_eq!(parts_of("./usr//bin/./sh").unwrap(), "usr|bin|sh");
        assert_eq!(parts_of("./").unwrap(), "");
        assert_eq!(parts_of("usr/bin/").unwrap(), "usr|bin");
        assert_eq!(parts_of("..a/b..").unwrap(), "..a|b..");
        for path in ["", "/", "/etc/passwd", "..", "a/..", "a/../b", "./../x", "a\0b", &"x".repeat(256), &"a/".repeat(5000)] {
            assert!(parts(path.as_bytes()).is_err(), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn no_part_is_ever_a_step_outside(path in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(parts) = parts(&path) {
                for part in parts {
                    let bytes = part.as_bytes();
                    prop_assert!(!bytes.is_empty() && bytes != b"." && bytes != b".." && !bytes.contains(&b'/') && !bytes.contains(&0));
                }
            }
        }
    }
}
