//! Reading files of /proc, of control groups and of our own: small ones, of which a look at many jails takes thousands.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// More than almost all of them hold.
const ROOM: usize = 4096;

/// As [`std::fs::read`], which asks for the size first and begins with 32 bytes where there is none to tell.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut room = [0; ROOM];
    let mut bytes = Vec::new();
    loop {
        match file.read(&mut room) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(&room[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// As [`std::fs::read_to_string`].
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_short_and_long_are_read_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        for length in [0, 1, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read(&path).unwrap(), bytes);
        }
        assert_eq!(text(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(scratch.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(text("/proc/self/mounts").unwrap(), std::fs::read_to_string("/proc/self/mounts").unwrap());
    }
}
