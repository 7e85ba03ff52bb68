//! A text in the administrator's editor, until it is right.

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use super::failure::{Exit, Failure};
use super::site::Scratch;

/// The editor, split into words as a shell would, but run without one.
fn command() -> Result<Vec<String>, Failure> {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|key| std::env::var(key).ok().filter(|text| !text.trim().is_empty()));
    let text = named.unwrap_or_else(|| "vi".into());
    let wrong = || Failure::new(Exit::USAGE, format!("{text:?} in VISUAL or EDITOR is no command; close its quotes"));
    shlex::split(&text).filter(|words| !words.is_empty()).ok_or_else(wrong)
}

/// Lets `text` be edited in a private file called `name` and hands the result to `take`. What `take` refuses can be
/// edited again by who sits at a terminal.
pub fn edit<T>(text: &str, name: &str, take: impl Fn(&str) -> Result<T, Failure>) -> Result<T, Failure> {
    let scratch = Scratch::new()?;
    let file = scratch.path().join(name);
    let failed = |doing: &str, error: std::io::Error| Failure::new(Exit::FAILED, format!("{doing} {}: {error}", file.display()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    made.and_then(|mut made| made.write_all(text.as_bytes())).map_err(|error| failed("cannot write", error))?;
    let words = command()?;
    loop {
        let mut editor = Command::new(&words[0]);
        let status = editor.args(words[1..].iter().map(OsString::from)).arg(&file).status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                return Err(Failure::new(Exit::FAILED, format!("{} ended with {status}; nothing was changed", words[0])));
            }
            Err(error) => {
                return Err(Failure::new(Exit::FAILED, format!("cannot run {}: {error}; set VISUAL or EDITOR", words[0])));
            }
        }
        let edited = std::fs::read_to_string(&file).map_err(|error| failed("cannot read", error))?;
        match take(&edited) {
            Err(failure) if wants_another_try(&failure) => {}
            taken => return taken,
        }
    }
}

fn wants_another_try(failure: &Failure) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    failure.report("jailmgr");
    let mut answer = String::new();
    let asked = write!(std::io::stderr(), "edit again? [Y/n] ").and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    asked.is_ok_and(|length| length > 0) && !answer.trim().eq_ignore_ascii_case("n")
}
