//! `jailsh test`: runs the tests of scripts.

mod find;
mod junit;
mod proof;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::script::{self, Settings};
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::{Outcome, input, output};
use crate::jail::spec::Profile;
use crate::script::Script;
use crate::script::testing::{self, Verdict};
use crate::simulate::tape::Replay;

/// Run the tests of scripts, without root and without touching anything.
///
/// A test is a function test_NAME without parameters, in a file named *_test.rhai
/// or test_*.rhai, or in any file that is named. Each runs in an engine of its
/// own, after setup() and before teardown() if the file has them, over a host in
/// memory: jails, files and services behave as on a real one, commands and pages
/// answer as the test says with on_exec and on_http. See `jailsh doc given`.
///
/// Functions without parameters that give a profile with must_allow or must_deny
/// are tests too: the kernel module's policy judges the examples, and with --real
/// each is tried in a jail that is thrown away.
///
/// Without a PATH, the current directory is searched with all below it. With
/// --replay, PATH is one script and its arguments: it is run against what
/// `jailsh run --record` wrote, and has to do what was done then.
///
/// Examples: jailsh test
///           jailsh test --filter restart --junit report.xml tests/
///           jailsh test --replay site.recording site.rhai
///
/// Exit status: 0 all passed, 1 one failed or asserts nothing, 64 wrong use, 65 a
/// file is wrong, 66 no test was found.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Test {
    /// Only tests whose FILE: NAME contains this [may be repeated]
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// List the tests and run none
    #[arg(long)]
    list: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a report as JUnit does
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Try the examples of profiles in jails as well
    #[arg(long)]
    real: bool,
    /// Run a script against this recording
    #[arg(long, value_name = "FILE", requires = "paths", conflicts_with_all = ["filter", "list", "real"])]
    replay: Option<PathBuf>,
    /// Files, and directories to search
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// A test that was run.
#[derive(Debug, Serialize)]
struct Case {
    file: String,
    name: String,
    #[serde(serialize_with = "word")]
    verdict: Verdict,
    seconds: f64,
    #[serde(skip_serializing_if = "String::is_empty")]
    report: String,
}

fn word<S: serde::Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&verdict.word().to_ascii_lowercase())
}

/// All tests, in order.
#[derive(Debug, Default, Serialize)]
struct Summary {
    passed: usize,
    failed: usize,
    /// Files that are none.
    wrong: Vec<String>,
    tests: Vec<Case>,
}

struct File {
    script: Script,
    plan: testing::Plan,
    profiles: Vec<(String, Profile)>,
}

/// How the examples of a profile are named among tests.
fn proof_of(name: &str) -> String {
    format!("profile {name}")
}

impl Test {
    pub fn run(mut self, common: &Common, settings: Settings) -> Outcome {
        let limits = settings.limits();
        let mut summary = Summary::default();
        if let Some(recording) = self.replay.take() {
            self.replay(&recording, &settings, &mut summary)?;
            return self.sum_up(&summary);
        }
        let mut files = Vec::new();
        for path in find::files(&self.paths)? {
            let script = Script { module_path: settings.modules(), ..script::from_file(vec![OsString::from(&path)])? };
            match testing::discover(&script, limits) {
                Ok(plan) => files.push(File { profiles: testing::profiles(&script, limits), script, plan }),
                Err(report) => {
                    output::complain(&report);
                    summary.wrong.push(script.name);
                }
            }
        }
        let chosen = |script: &Script, test: &str| {
            let name = format!("{}: {test}", script.name);
            self.filter.is_empty() || self.filter.iter().any(|text| name.contains(text.as_str()))
        };
        for file in &mut files {
            let script = &file.script;
            file.plan.tests.retain(|test| chosen(script, test));
            file.profiles.retain(|(name, _)| chosen(script, &proof_of(name)));
        }
        if files.iter().all(|file| file.plan.tests.is_empty() && file.profiles.is_empty()) && summary.wrong.is_empty() {
            return Err(Failure::new(Exit::NO_INPUT, "no test was found; name files of functions test_NAME, or drop --filter"));
        }
        if self.list {
            for file in &files {
                let proofs = file.profiles.iter().map(|(name, _)| proof_of(name));
                let mut all = file.plan.tests.iter().cloned().chain(proofs);
                all.try_for_each(|test| output::say(format_args!("{}: {test}", file.script.name)))?;
            }
            return Ok(if summary.wrong.is_empty() { Exit::DONE } else { Exit::DATA });
        }
        let site = if self.real { Some(Site::open(common)?) } else { None };
        for file in &files {
            for test in &file.plan.tests {
                let outcome = testing::run(&file.script, &file.plan, test, limits);
                self.tell(&file.script.name, test, outcome, &mut summary)?;
            }
            for (name, profile) in &file.profiles {
                self.tell(&file.script.name, &proof_of(name), proof::prove(profile, site.as_ref())?, &mut summary)?;
            }
        }
        self.sum_up(&summary)
    }

    fn replay(&self, recording: &Path, settings: &Settings, summary: &mut Summary) -> Result<(), Failure> {
        let text = input::read_text(recording)?;
        let replay =
            Replay::parse(&text).map_err(|error| Failure::new(Exit::DATA, format!("{}: {error}", recording.display())))?;
        let words = self.paths.iter().map(|path| path.clone().into_os_string()).collect();
        let script = script::from_file(words)?;
        let arguments = if script.arguments.is_empty() { replay.arguments.clone() } else { script.arguments };
        let script = Script { arguments, module_path: settings.modules(), ..script };
        let (name, test) = (script.name.clone(), format!("replay of {}", recording.display()));
        self.tell(&name, &test, testing::replay(script, replay, settings.limits()), summary)
    }

    fn tell(&self, file: &str, test: &str, outcome: testing::Outcome, summary: &mut Summary) -> Result<(), Failure> {
        if outcome.verdict == Verdict::Passed {
            summary.passed += 1;
        } else {
            summary.failed += 1;
        }
        let case = Case {
            file: file.to_owned(),
            name: test.to_owned(),
            verdict: outcome.verdict,
            seconds: outcome.took.as_secs_f64(),
            report: outcome.report,
        };
        if !self.json {
            output::say(format_args!("{:<8} {}: {}", case.verdict.word(), case.file, case.name))?;
            output::print(&case.report.lines().map(|line| format!("    {line}\n")).collect::<String>())?;
        }
        summary.tests.push(case);
        Ok(())
    }

    fn sum_up(&self, summary: &Summary) -> Outcome {
        if let Some(path) = &self.junit {
            let written = junit::report(summary).and_then(|text| std::fs::write(path, text));
            written.map_err(|error| Failure::new(Exit::FAILED, format!("cannot write {}: {error}", path.display())))?;
        }
        if self.json {
            output::json(summary)?;
        } else {
            let wrong = match summary.wrong.len() {
                0 => String::new(),
                1 => ", 1 file is wrong".into(),
                count => format!(", {count} files are wrong"),
            };
            output::say(format_args!("test: {} passed, {} failed{wrong}", summary.passed, summary.failed))?;
        }
        Ok(match (summary.wrong.is_empty(), summary.failed) {
            (false, _) => Exit::DATA,
            (true, 0) => Exit::DONE,
            (true, _) => Exit::FAILED,
        })
    }
}
