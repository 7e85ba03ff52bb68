//! replay: a script against what was recorded of a run, as part of a test.

use rhai::{Engine, EvalAltResult, NativeCallContext};

use super::{Shared, assert, at};
use crate::script::testing::{self, Verdict};
use crate::script::{Fault, Kind, Limits, Script};
use crate::simulate::tape::Replay;

type Thrown = Result<(), Box<EvalAltResult>>;

pub fn register(engine: &mut Engine, trial: &Shared) {
    let shared = trial.clone();
    engine.register_fn("replay", move |context: NativeCallContext, recording: &str| -> Thrown {
        replay(&context, &shared, recording, None)
    });
    let shared = trial.clone();
    engine.register_fn("replay", move |context: NativeCallContext, recording: &str, script: &str| -> Thrown {
        replay(&context, &shared, recording, Some(script))
    });
}

fn replay(context: &NativeCallContext, trial: &Shared, recording: &str, script: Option<&str>) -> Thrown {
    let (script, tape) = open(trial, recording, script).map_err(|fault| at(context, "replay", fault))?;
    let name = script.name.clone();
    let outcome = testing::replay(script, tape, Limits::default());
    assert::check(context, trial, "replay", outcome.verdict == Verdict::Passed, || {
        (format!("{name} does not do what {recording} says"), outcome.report.lines().map(str::to_owned).collect())
    })
}

/// Both lie beside the test; the script is by default the one that was recorded.
fn open(trial: &Shared, recording: &str, script: Option<&str>) -> Result<(Script, Replay), Fault> {
    let path = trial.path(recording);
    let text = std::fs::read_to_string(&path).map_err(|error| Fault::file(&path, &error))?;
    let wrong = |why: String| Fault::new(Kind::Value, format!("{recording}: {why}"));
    let tape = Replay::parse(&text).map_err(|error| wrong(error.to_string()))?;
    let recorded = std::path::Path::new(&tape.script).file_name().and_then(|name| name.to_str());
    let script = script.or(recorded).ok_or_else(|| wrong("it names no script; give the script's name, too".into()))?;
    let script = trial.script(script, tape.arguments.clone())?;
    Ok((script, tape))
}
