//! One test: its host, and what it did and found so far.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use rhai::EvalAltResult;
use serde::Serialize;
use serde_json::Value;

use crate::plan::{Action, Content, Part};
use crate::script::engine::Stand;
use crate::script::source::Sources;
use crate::script::{Fault, Kind, Limits, Mode, Script, Session};
use crate::simulate::World;
use crate::simulate::tape::Replay;

/// An assertion that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    /// What was expected and what is, for people.
    pub difference: Vec<String>,
}

/// Shared by all scripts of one test.
#[derive(Default)]
pub struct Trial {
    pub world: World,
    /// Where paths of scripts begin.
    directory: PathBuf,
    module_path: Vec<PathBuf>,
    pub(super) sources: Sources,
    assertions: Cell<usize>,
    failures: RefCell<Vec<Failure>>,
    /// What was printed.
    said: RefCell<String>,
    /// What answers in place of the simulated host.
    replay: Option<Replay>,
}

const NOT_RECORDED: &str = "a recording does not hold what this says; ask with a guard, or test it with jailsh test";

/// Bytes of what a test printed that are kept.
const SAID: usize = 64 << 10;

impl Trial {
    pub fn new(directory: PathBuf, module_path: Vec<PathBuf>) -> Trial {
        Trial { directory, module_path, ..Trial::default() }
    }

    /// A script that is run against a recording.
    pub fn over(replay: Replay, directory: PathBuf, module_path: Vec<PathBuf>) -> Trial {
        Trial { replay: Some(replay), ..Trial::new(directory, module_path) }
    }

    pub fn replay(&self) -> Option<&Replay> {
        self.replay.as_ref()
    }

    /// The simulated host.
    ///
    /// # Errors
    /// A recording is in its place, which does not hold everything.
    pub fn host(&self) -> Result<&World, Fault> {
        match self.replay {
            None => Ok(&self.world),
            Some(_) => Err(Fault::new(Kind::NoDouble, NOT_RECORDED)),
        }
    }

    /// A session whose verbs act on this test's host.
    pub fn session(self: &Rc<Self>) -> Rc<Session> {
        let trial = self.clone();
        let session = Session::new(Mode::Test(self.clone()), move || Ok(trial.host()?.host()));
        let trial = self.clone();
        session.print_to(Box::new(move |text| {
            trial.hear(text);
            Ok(())
        }));
        Rc::new(session)
    }

    /// Something was printed.
    pub fn hear(&self, line: &str) {
        let mut said = self.said.borrow_mut();
        if said.len() < SAID {
            said.push_str(line);
            said.push('\n');
        }
    }

    pub fn said(&self) -> String {
        self.said.borrow().clone()
    }

    /// An assertion was made.
    pub fn assert(&self) {
        self.assertions.set(self.assertions.get() + 1);
    }

    pub fn assertions(&self) -> usize {
        self.assertions.get()
    }

    /// An assertion did not hold. It counts even if the error is caught.
    pub fn fail(&self, failure: Failure) {
        self.failures.borrow_mut().push(failure);
    }

    pub fn failures(&self) -> Vec<Failure> {
        self.failures.borrow().clone()
    }

    /// Forgets the failures after the first so many: they were expected.
    pub fn forgive(&self, kept: usize) {
        self.failures.borrow_mut().truncate(kept);
    }

    /// Everything that was done, as values.
    pub fn actions(&self, from: usize) -> Vec<Value> {
        self.world.deeds()[from..].iter().map(|deed| told(&deed.action, deed.failed.as_deref())).collect()
    }

    /// A path as a test's file means it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// A script by its path, read.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn script(&self, path: &str, arguments: Vec<String>) -> Result<Script, Fault> {
        let file = self.path(path);
        let text = std::fs::read_to_string(&file).map_err(|error| Fault::file(&file, &error))?;
        let name = file.display().to_string();
        Ok(Script { name, file: Some(file), text, arguments, echo: false, module_path: self.module_path.clone() })
    }

    /// Runs a whole script over this test's host.
    ///
    /// # Errors
    /// What ended the script, if nothing caught it.
    pub fn run(self: &Rc<Self>, path: &str, arguments: Vec<String>, limits: Limits) -> Result<Ran, Box<EvalAltResult>> {
        let script = self.script(path, arguments)?;
        let (done, said) = (self.world.progress(), self.said.borrow().len());
        let session = self.session();
        let mut stand = Stand::new(&session, limits, script, self.sources.clone());
        let evaluated = stand.parse(&[]).and_then(|ast| stand.evaluate(&ast));
        if let Err(error) = evaluated {
            let is_ours = matches!(&*error, EvalAltResult::ErrorRuntime(value, _) if value.is::<Fault>());
            if is_ours || !error.is_catchable() {
                return Err(innermost(error));
            }
            let report = stand.report(&error);
            let mut lines = report.text.lines();
            let first = lines.next().unwrap_or_default().to_owned();
            let rest: Vec<String> = lines.map(str::to_owned).collect();
            self.hear(&report.text);
            return Err(Fault {
                message: first,
                hint: (!rest.is_empty()).then(|| "see what it printed".into()),
                ..Fault::new(Kind::Script, "")
            }
            .into());
        }
        let stdout = self.said.borrow()[said..].to_owned();
        Ok(Ran { status: i64::from(stand.exit().unwrap_or(0)), stdout, actions: self.actions(done) })
    }
}

/// The error that a script's calls are wrapped around: their places are in another text.
fn innermost(mut error: Box<EvalAltResult>) -> Box<EvalAltResult> {
    loop {
        error = match *error {
            EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => inner,
            _ => return error,
        }
    }
}

/// A script that was run to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ran {
    pub status: i64,
    pub stdout: String,
    pub actions: Vec<Value>,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stdout.trim_end_matches('\n'))
    }
}

/// An action as a test sees it: `text` in a few words, then what it consists of. Contents are texts in which secrets and
/// files are named.
pub fn told(action: &Action, failed: Option<&str>) -> Value {
    let mut value = serde_json::to_value(action).unwrap_or_default();
    let Some(map) = value.as_object_mut() else { return value };
    map.remove("place");
    map.remove("detail");
    for content in ["content", "command"] {
        if let Some(found) = map.get_mut(content) {
            flatten(found);
        }
    }
    map.insert("text".into(), format!("{}: {}", action.jail, action.step).into());
    if let Some(why) = failed {
        map.insert("failed".into(), why.into());
    }
    value
}

/// Lists of parts become texts, wherever they are.
fn flatten(value: &mut Value) {
    if let Ok(content) = serde_json::from_value::<Content>(value.clone())
        && !content.0.is_empty()
    {
        *value = text_of(&content).into();
        return;
    }
    if let Some(map) = value.as_object_mut() {
        map.values_mut().for_each(flatten);
    }
}

fn text_of(content: &Content) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Bytes(bytes) => format!("[{} bytes]", bytes.0.len()),
        Part::File { path, .. } => format!("[file {}]", path.display()),
        Part::Secret(name) => format!("[secret {name}]"),
    };
    content.0.iter().map(part).collect()
}
