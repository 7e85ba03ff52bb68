//! `:save`

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Answer, Command};
use crate::repl::shell::{Shell, say};
use crate::script::Fault;

pub const COMMAND: Command = Command { name: "save", arguments: "FILE", help: "write the lines that went well as a script", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let (over, name) = match argument.strip_prefix('!') {
        Some(name) => (true, name.trim()),
        None => (false, argument),
    };
    if name.is_empty() {
        return Err("no file is named; use :save FILE".into());
    }
    if shell.record.is_empty() {
        return Err("no line went well yet; there is nothing to save".into());
    }
    let file = Path::new(name);
    write(file, &shell.record.script(), over)?;
    say(&format!("saved; run it with jailsh {name}"));
    Ok(Answer::Done)
}

/// Writes a file that only its owner can read. What is there is never written through: a link could lead anywhere.
fn write(file: &Path, text: &str, over: bool) -> Result<(), String> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{} is there already; use :save! to write over it", file.display()),
        _ => Fault::file(file, &error).to_string(),
    };
    let new = |path: &Path| std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    if !over {
        return new(file).and_then(|mut made| made.write_all(text.as_bytes())).map_err(failed);
    }
    if file.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return Err(format!("{} is no plain file; name another", file.display()));
    }
    let mut aside = file.as_os_str().to_owned();
    aside.push(format!(".{}.new", std::process::id()));
    let aside = Path::new(&aside);
    let written = new(aside).and_then(|mut made| made.write_all(text.as_bytes())).and_then(|()| std::fs::rename(aside, file));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(aside);
    }
    written.map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_file_is_written_once_privately_and_over_only_when_asked_for() {
        let at = tempfile::tempdir().unwrap();
        let file = at.path().join("a.rhai");
        write(&file, "1", false).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(write(&file, "2", false).unwrap_err().contains("use :save! to write over it"));
        write(&file, "2", true).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "2");
        let link = at.path().join("link");
        std::os::unix::fs::symlink("a.rhai", &link).unwrap();
        assert!(write(&link, "3", false).is_err() && write(&link, "3", true).unwrap_err().contains("is no plain file"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "2");
        assert_eq!(at.path().read_dir().unwrap().count(), 2);
    }
}
