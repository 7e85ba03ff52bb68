//! Running a script: from a file, an expression or standard input.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Plan;
use crate::cli::{Outcome, input};
use crate::script::{self, Fault, Limits, Script, Session};

/// `FILE ARGS...`; `-` is standard input.
pub fn from_file(words: Vec<OsString>) -> Result<Script, Failure> {
    let mut words = words.into_iter();
    let file = words.next().unwrap_or_default();
    let arguments = words.map(text).collect::<Result<_, _>>()?;
    Ok(Script { text: without_shebang(input::read_text(Path::new(&file))?), name: name(&file), arguments, echo: false })
}

/// `-e EXPR ARGS...`
pub fn from_expression(words: Vec<String>) -> Script {
    let mut words = words.into_iter();
    Script { name: "-e".into(), text: words.next().unwrap_or_default(), arguments: words.collect(), echo: true }
}

/// Nothing was named: a pipe is a script, a terminal is somebody who needs a hint.
pub fn from_pipe() -> Result<Script, Failure> {
    if input::is_piped() {
        return from_file(vec!["-".into()]);
    }
    Err(Failure::new(Exit::USAGE, "no script; use jailsh FILE, jailsh -e EXPR, or see jailsh --help"))
}

pub fn run(common: &Common, max_operations: Option<u64>, script: Script) -> Outcome {
    let plan = Plan::new(common)?;
    // The simulation's directory lives as long as the script's session.
    let scratch = RefCell::new(None);
    let session = Session::new(move || {
        let site = plan.open().map_err(Fault::from)?;
        *scratch.borrow_mut() = site.scratch;
        Ok(site.host)
    });
    let mut limits = Limits::default();
    limits.operations = max_operations.unwrap_or(limits.operations);
    Ok(Exit(script::run(session, limits, script)))
}

fn text(word: OsString) -> Result<String, Failure> {
    word.into_string().map_err(|word| Failure::new(Exit::USAGE, format!("argument {word:?} is not UTF-8")))
}

fn name(file: &OsString) -> String {
    file.to_string_lossy().into_owned()
}

/// Empties a `#!` line, so that the lines below keep their numbers.
fn without_shebang(text: String) -> String {
    match text.strip_prefix("#!") {
        Some(rest) => rest.find('\n').map_or(String::new(), |end| rest[end..].to_owned()),
        None => text,
    }
}
