//! Running a script: from a file, an expression or standard input.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Plan;
use crate::cli::{Outcome, input};
use crate::script::{self, Fault, Limits, Mode, Script, Session};

/// `FILE ARGS...`; `-` is standard input.
pub fn from_file(words: Vec<OsString>) -> Result<Script, Failure> {
    let mut words = words.into_iter();
    let file = words.next().unwrap_or_default();
    let arguments = words.map(text).collect::<Result<_, _>>()?;
    let path = PathBuf::from(&file);
    let text = input::read_text(&path)?;
    let file = (path != Path::new("-")).then_some(path);
    Ok(Script { name: name(file.as_deref()), file, text, arguments, echo: false, module_path: Vec::new() })
}

/// `-e EXPR ARGS...`
pub fn from_expression(words: Vec<String>) -> Script {
    let mut words = words.into_iter();
    let text = words.next().unwrap_or_default();
    Script { name: "-e".into(), file: None, text, arguments: words.collect(), echo: true, module_path: Vec::new() }
}

/// Nothing was named: a pipe is a script, a terminal is somebody who needs a hint.
pub fn from_pipe() -> Result<Script, Failure> {
    if input::is_piped() {
        return from_file(vec!["-".into()]);
    }
    Err(Failure::new(Exit::USAGE, "no script; use jailsh FILE, jailsh -e EXPR, or see jailsh --help"))
}

/// The directories that `import` searches, as `PATH` is written.
const MODULE_PATH: &str = "JAILSH_MODULE_PATH";

/// Directories from the command line, and after them those of the environment.
pub fn module_path(mut given: Vec<PathBuf>) -> Vec<PathBuf> {
    given.extend(std::env::var_os(MODULE_PATH).iter().flat_map(std::env::split_paths));
    given
}

/// What the options say about running scripts.
pub struct Settings {
    pub max_operations: Option<u64>,
    /// In MiB.
    pub max_memory: Option<u64>,
    pub deadline: Option<Duration>,
    pub module_path: Vec<PathBuf>,
}

impl Settings {
    /// Where scripts import from besides their own directory.
    pub fn modules(&self) -> Vec<PathBuf> {
        module_path(self.module_path.clone())
    }

    pub fn limits(&self) -> Limits {
        let limits = Limits::default();
        Limits {
            operations: self.max_operations.unwrap_or(limits.operations),
            memory: self.max_memory.map_or(limits.memory, |mib| mib << 20),
            deadline: self.deadline,
            ..limits
        }
    }
}

/// Runs a script, at once and to its end.
pub fn run(common: &Common, settings: Settings, script: Script) -> Outcome {
    let session = session(common, Mode::Act)?;
    Ok(evaluate(&session, settings, script))
}

/// Runs a script over a session.
pub fn evaluate(session: &Rc<Session>, settings: Settings, mut script: Script) -> Exit {
    script.module_path = settings.modules();
    Exit(script::run(session, settings.limits(), script))
}

/// A session over the host that the options name.
pub fn session(common: &Common, mode: Mode) -> Result<Rc<Session>, Failure> {
    let plan = Plan::new(common)?;
    // The simulation's directory lives as long as the script's session.
    let scratch = RefCell::new(None);
    Ok(Rc::new(Session::new(mode, move || {
        let site = plan.open().map_err(Fault::from)?;
        *scratch.borrow_mut() = site.scratch;
        Ok(site.host)
    })))
}

fn text(word: OsString) -> Result<String, Failure> {
    word.into_string().map_err(|word| Failure::new(Exit::USAGE, format!("argument {word:?} is not UTF-8")))
}

fn name(file: Option<&Path>) -> String {
    file.map_or_else(|| "-".into(), |file| file.to_string_lossy().into_owned())
}
