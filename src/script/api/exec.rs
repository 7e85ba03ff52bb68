//! exec and apply: commands inside a jail.

use std::fmt;
use std::rc::Rc;

use rhai::{Array, Engine, Map};
use serde::Serialize;

use super::{verb_with, verb_with_options};
use crate::jail::{self, ExecRequest};
use crate::kernel::JailName;
use crate::script::convert::{self, Options};
use crate::script::{Fault, Kind, Session, interrupt};

/// How a command ended. Prints as what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    pub status: i32,
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

impl From<jail::Output> for Output {
    fn from(output: jail::Output) -> Output {
        Output { status: output.status, ok: output.status == 0, stdout: output.stdout, stderr: output.stderr }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stdout.trim_end_matches('\n'))
    }
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Output>(engine, "Output");
    verb_with(engine, session, "exec", |session, name, argv: Array| exec(session, name, argv, &Map::new()));
    verb_with_options(engine, session, "exec", exec);
    verb_with(engine, session, "apply", |session, name, text: String| apply(session, name, text, &Map::new()));
    verb_with_options(engine, session, "apply", apply);
    verb_with(engine, session, "apply_file", |session, name, path: String| apply_file(session, name, path, &Map::new()));
    verb_with_options(engine, session, "apply_file", apply_file);
}

fn exec(session: &Session, name: &JailName, argv: Array, options: &Map) -> Result<Output, Fault> {
    let options = Options::new("exec", options, &["user", "env", "workdir", "input", "timeout", "check"])?;
    let argv = convert::texts("exec", &argv)?;
    if argv.first().is_none_or(String::is_empty) {
        return Err(Fault::new(Kind::Spec, "exec: no command; use exec([\"program\", \"argument\"])"));
    }
    let request = ExecRequest {
        argv,
        env: options.environment("env")?,
        user: options.text("user")?,
        workdir: options.text("workdir")?,
        capture: true,
        input: options.text("input")?.map(String::into_bytes),
        timeout: options.duration("timeout")?,
        pty: None,
    };
    let check = options.flag("check", false)?;
    let output = jail::exec(session.host()?, name, &request)?;
    checked(&request.argv[0], output.into(), check)
}

fn apply(session: &Session, name: &JailName, text: String, options: &Map) -> Result<Output, Fault> {
    let options = Options::new("apply", options, &["ephemeral", "capture", "check"])?;
    let (ephemeral, capture) = (options.flag("ephemeral", false)?, options.flag("capture", true)?);
    let check = options.flag("check", true)?;
    if text.trim().is_empty() {
        return Err(Fault::new(Kind::Spec, "apply: the shell text is empty"));
    }
    let output = jail::apply(session.host()?, name, text.as_bytes(), ephemeral, capture)?;
    checked("the shell text", output.into(), check)
}

fn apply_file(session: &Session, name: &JailName, path: String, options: &Map) -> Result<Output, Fault> {
    let text = std::fs::read_to_string(&path).map_err(|error| Fault::file(path.as_ref(), &error))?;
    apply(session, name, text, options)
}

/// With `check`, a status other than 0 is an error that shows the last line the command complained with.
fn checked(what: &str, output: Output, check: bool) -> Result<Output, Fault> {
    interrupt::follow(output.status);
    if output.ok || !check {
        return Ok(output);
    }
    let complaint = output.stderr.lines().rev().find(|line| !line.trim().is_empty());
    let complaint = complaint.map(|line| format!(": {}", crate::telemetry::printable(line))).unwrap_or_default();
    // Not through Fault::new: the complaint is the command's text, not a message with a remedy.
    let mut fault = Fault::new(Kind::Status, "");
    fault.message = format!("{what} ended with status {}{complaint}", output.status);
    Err(fault)
}
