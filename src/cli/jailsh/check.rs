//! `jailsh check`: what is wrong with scripts, without running them.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::Exit;
use crate::cli::{Outcome, input, output};
use crate::script::check::{Checker, Finding};
use crate::telemetry::printable;

/// Say what is wrong with scripts, without running them.
///
/// Each FILE is parsed, with the modules that it imports, and every call is held
/// against what can be called: unknown functions, wrong arguments, unknown keys
/// and wrong values of specs and options as far as they are written out, modules
/// and functions of modules that are not there. `jailsh explain CODE` tells more
/// of an error.
///
/// Example: jailsh check /etc/jailsh/*.rhai
///
/// Exit status: 0 nothing found, 64 wrong use, 65 something found, 66 no such
/// file.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Check {
    /// Print JSON: a list with a map for each finding
    #[arg(long)]
    json: bool,
    /// Scripts; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub fn run(self, module_path: Vec<PathBuf>) -> Outcome {
        let mut checker = Checker::new(module_path);
        let count = self.files.len();
        for file in self.files {
            let text = input::read_text(&file)?;
            let lies = (file != Path::new("-")).then_some(file.as_path());
            checker.script(&file.to_string_lossy(), lies, text);
        }
        let findings = checker.finish();
        let exit = if findings.is_empty() { Exit::DONE } else { Exit::DATA };
        if self.json {
            output::json(&findings)?;
            return Ok(exit);
        }
        output::print(&findings.iter().map(told).collect::<String>())?;
        let of = match count {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        };
        output::say(match findings.len() {
            0 => format!("check: nothing found in {of}"),
            1 => format!("check: 1 error in {of}"),
            errors => format!("check: {errors} errors in {of}"),
        })?;
        Ok(exit)
    }
}

/// As a script that runs into it would end.
fn told(finding: &Finding) -> String {
    let mut place = printable(&finding.file).into_owned();
    for number in finding.line.iter().chain(&finding.column) {
        place += &format!(":{number}");
    }
    let mut text = format!("{place}: error[{}]: {}\n", finding.code, printable(&finding.message));
    text.extend(finding.excerpt.iter().map(|excerpt| format!("{excerpt}\n")));
    text.extend(finding.hint.iter().map(|hint| format!("hint: {}\n", printable(hint))));
    text
}
