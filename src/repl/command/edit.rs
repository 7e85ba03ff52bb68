//! `:edit`

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;

use super::{Answer, Command};
use crate::repl::shell::Shell;

pub const COMMAND: Command =
    Command { name: "edit", arguments: "", help: "change the last line in your editor, and evaluate it", run };

fn run(shell: &mut Shell, _: &str) -> Result<Answer, String> {
    let text = edited(&shell.typed)?;
    let text = text.trim_end();
    if text.is_empty() { Ok(Answer::Done) } else { Ok(Answer::Typed(text.to_owned())) }
}

/// A private directory that vanishes with its value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Only a temporary directory: what cannot be removed harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A text as the editor leaves it. The editor is split into words as a shell would, but run without one.
fn edited(text: &str) -> Result<String, String> {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|key| std::env::var(key).ok().filter(|text| !text.trim().is_empty()));
    let editor = named.unwrap_or_else(|| "vi".into());
    let words = shlex::split(&editor).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| format!("{editor:?} in VISUAL or EDITOR is no command; close its quotes"))?;
    let made = nix::unistd::mkdtemp(&std::env::temp_dir().join("jailsh-XXXXXX"));
    let scratch = Scratch(made.map_err(|errno| format!("cannot make a temporary directory: {errno}"))?);
    let file = scratch.0.join("line.rhai");
    let failed = |doing: &str, error: std::io::Error| format!("cannot {doing} {}: {error}", file.display());
    let open = |path: &Path| std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    open(&file).and_then(|mut made| writeln!(made, "{text}")).map_err(|error| failed("write", error))?;
    let status = process::Command::new(&words[0]).args(words[1..].iter().map(OsString::from)).arg(&file).status();
    match status {
        Ok(status) if status.success() => std::fs::read_to_string(&file).map_err(|error| failed("read", error)),
        Ok(status) => Err(format!("{} ended with {status}; nothing is evaluated", words[0])),
        Err(error) => Err(format!("cannot run {}: {error}; set VISUAL or EDITOR", words[0])),
    }
}
