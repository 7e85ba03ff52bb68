//! `:load`

use std::io::Read;
use std::path::Path;

use super::{Answer, Command};
use crate::repl::evaluate;
use crate::repl::shell::Shell;
use crate::script::Fault;

/// Longest script, in bytes.
const MAX: u64 = 16 << 20;

pub const COMMAND: Command = Command { name: "load", arguments: "FILE", help: "run a script as if it were typed here", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    if argument.is_empty() {
        return Err("no file is named; use :load FILE".into());
    }
    let file = Path::new(argument);
    let text = read(file)?;
    Ok(evaluate::file(shell, file, &text))
}

/// A script's text.
pub fn read(file: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| Fault::file(file, &error).to_string();
    // A pipe could keep us waiting for ever.
    if file.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(format!("{} is no file; name a script", file.display()));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file).map_err(failed)?.take(MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX {
        return Err(format!("{}: longer than {} MiB", file.display(), MAX >> 20));
    }
    String::from_utf8(bytes).map_err(|_| format!("{}: not UTF-8 text; is it a script?", file.display()))
}
