//! Text from files and standard input, bounded.

use std::io::{IsTerminal, Read};
use std::path::Path;

use super::failure::{Exit, Failure};
use crate::script::Fault;

/// Longest script, in bytes.
const MAX: u64 = 16 << 20;

/// Reads `path`, or standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bad = |error: std::io::Error| Failure::new(Exit::NO_INPUT, Fault::file(path, &error).to_string());
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(MAX + 1).read_to_end(&mut bytes).map_err(bad)?;
    } else {
        let file = std::fs::File::open(path).map_err(bad)?;
        file.take(MAX + 1).read_to_end(&mut bytes).map_err(bad)?;
    }
    if bytes.len() as u64 > MAX {
        return Err(Failure::new(Exit::DATA, format!("{}: longer than {} MiB", path.display(), MAX >> 20)));
    }
    Ok(bytes)
}

/// Reads UTF-8.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(Exit::DATA, format!("{}: not UTF-8 text (byte {at}); is it a script?", path.display()))
    })
}

pub fn is_piped() -> bool {
    !std::io::stdin().is_terminal()
}
