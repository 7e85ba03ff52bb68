//! Finding the tests of a file, and running one.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::trial::Trial;
use crate::script::api::TEST_NAMES;
use crate::script::engine::Stand;
use crate::script::{Limits, Script, interrupt};
use crate::telemetry::printable;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed,
    /// It made no assertion, so that it could not fail by one.
    Vacuous,
}

impl Verdict {
    /// As listings show it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "ok",
            Verdict::Failed => "FAILED",
            Verdict::Vacuous => "VACUOUS",
        }
    }
}

/// A test that was run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub verdict: Verdict,
    /// Of what went wrong: place, line and caret, difference, what was printed and done before.
    pub report: String,
    pub took: Duration,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Its tests, in order.
    pub tests: Vec<String>,
    pub has_setup: bool,
    pub has_teardown: bool,
}

/// The call that runs a test; no script can spell it.
const DRIVER: &str = "_run";
pub(super) const SETUP: &str = "setup";
pub(super) const TEARDOWN: &str = "teardown";

/// Looks a file through.
///
/// # Errors
/// The report of what is wrong with it.
pub fn discover(script: &Script, limits: Limits) -> Result<Plan, String> {
    interrupt::install();
    let trial = Rc::new(Trial::default());
    let stand = Stand::new(&trial.session(), limits, script.clone(), trial.sources.clone());
    let ast = stand.parse(TEST_NAMES).map_err(|error| stand.report(&error).text)?;
    let takes_nothing = |name: &str| ast.iter_functions().any(|function| function.name == name && function.params.is_empty());
    let defined = stand.guard.defined();
    let mut plan = Plan { has_setup: takes_nothing(SETUP), has_teardown: takes_nothing(TEARDOWN), ..Plan::default() };
    for (name, position) in defined {
        if !name.starts_with("test_") {
            continue;
        }
        if !takes_nothing(&name) {
            let place = stand.source.place(position);
            let excerpt = stand.source.excerpt(position).unwrap_or_default();
            return Err(format!("{place}: error: a test takes no parameters\n{excerpt}\nhint: call it from one that has none\n"));
        }
        plan.tests.push(name);
    }
    Ok(plan)
}

/// Runs one test of a file.
pub fn run(script: &Script, plan: &Plan, test: &str, limits: Limits) -> Outcome {
    let begun = Instant::now();
    let directory = script.file.as_deref().and_then(|file| file.parent()).map(PathBuf::from).unwrap_or_default();
    let trial = Rc::new(Trial::new(directory, script.module_path.clone()));
    let session = trial.session();
    let mut stand = Stand::new(&session, limits, script.clone(), trial.sources.clone());
    let (plan, name) = (plan.clone(), test.to_owned());
    stand.engine.register_fn(DRIVER, move |context: NativeCallContext| drive(&context, &plan, &name));
    let ended = stand.parse(TEST_NAMES).and_then(|ast| {
        let mut ast = ast.merge(&stand.engine.compile(format!("{DRIVER}()"))?);
        ast.set_source(&stand.source.name);
        stand.evaluate(&ast)
    });
    let (verdict, mut report) = judge(&trial, &stand, ended.err());
    if verdict != Verdict::Passed {
        report += &history(&trial);
    }
    Outcome { verdict, report, took: begun.elapsed() }
}

/// The first error counts; what was set up is torn down in any case.
fn drive(context: &NativeCallContext, plan: &Plan, test: &str) -> Result<(), Box<EvalAltResult>> {
    let call = |name: &str| {
        let called = context.call_fn::<Dynamic>(name, ());
        called.map(drop).map_err(|error| match *error {
            EvalAltResult::ErrorInFunctionCall(of, _, inner, _) if of == name => inner,
            other => other.into(),
        })
    };
    let tested = if plan.has_setup { call(SETUP) } else { Ok(()) }.and_then(|()| call(test));
    let torn_down = if plan.has_teardown { call(TEARDOWN) } else { Ok(()) };
    tested.and(torn_down)
}

fn judge(trial: &Trial, stand: &Stand, error: Option<Box<EvalAltResult>>) -> (Verdict, String) {
    let failures = trial.failures();
    let difference = |mut report: String| {
        let lines = failures.last().map(|failure| failure.difference.as_slice()).unwrap_or_default();
        report.extend(lines.iter().map(|line| format!("  {}\n", printable(line))));
        report
    };
    if let Some(error) = error {
        return (Verdict::Failed, difference(stand.report(&error).text));
    }
    if let Some(status) = stand.exit() {
        return (Verdict::Failed, format!("the test called exit({status})\n"));
    }
    if let Some(failure) = failures.first() {
        let report = format!("an assertion did not hold, and its error was caught: {}\n", failure.message);
        return (Verdict::Failed, difference(report));
    }
    if trial.assertions() == 0 {
        return (Verdict::Vacuous, "it asserts nothing, so it cannot fail; add an assert or an expect\n".into());
    }
    (Verdict::Passed, String::new())
}

/// Lines of what was printed, and of what was done, that are shown.
const SHOWN: usize = 40;

fn history(trial: &Trial) -> String {
    let mut text = String::new();
    let said = trial.said();
    let mut part = |heading: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        text += &format!("{heading}:\n");
        let hidden = lines.len().saturating_sub(SHOWN);
        if hidden > 0 {
            text += &format!("  ... {hidden} lines before\n");
        }
        text.extend(lines[hidden..].iter().map(|line| format!("  {}\n", printable(line))));
    };
    part("printed until then", said.lines().map(str::to_owned).collect());
    let deed = |deed: &crate::simulate::Deed| {
        let failed = deed.failed.as_ref().map_or(String::new(), |why| format!(" FAILED: {why}"));
        format!("{}: {}{failed}", deed.action.jail, deed.action.step)
    };
    part("done until then", trial.world.deeds().iter().map(deed).collect());
    text
}
