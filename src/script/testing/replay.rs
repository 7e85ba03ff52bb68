//! Running a script against a recording: does it still do the same?

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use super::run::{Outcome, Verdict};
use super::trial::Trial;
use crate::script::engine::Stand;
use crate::script::{Limits, Script, interrupt};
use crate::simulate::tape::Replay;
use crate::telemetry::printable;

/// Runs the script. It has to come to its end, and to do what the recording says.
pub fn replay(script: Script, replay: Replay, limits: Limits) -> Outcome {
    interrupt::install();
    let begun = Instant::now();
    let directory = script.file.as_deref().and_then(|file| file.parent()).map(PathBuf::from).unwrap_or_default();
    let trial = Rc::new(Trial::over(replay, directory, script.module_path.clone()));
    let mut stand = Stand::new(&trial.session(), limits, script, trial.sources.clone());
    let ended = stand.parse(&[]).and_then(|ast| stand.evaluate(&ast));
    let mut report = ended.err().map_or(String::new(), |error| stand.report(&error).text);
    let difference = trial.replay().map(Replay::difference).unwrap_or_default();
    if !difference.is_empty() {
        report += "other actions are done than then: - then, + now\n";
        report.extend(difference.iter().map(|line| format!("  {}\n", printable(line))));
    }
    let verdict = if report.is_empty() { Verdict::Passed } else { Verdict::Failed };
    Outcome { verdict, report, took: begun.elapsed() }
}
