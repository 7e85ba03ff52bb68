//! `jailsh doctor`: can this machine hold jails, by which body, and what is missing?

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::output::{self, Shape};
use crate::kernel::checkup::{Checkup, Finding, check_up};
use crate::telemetry::{Column, Format, Table, Value};

/// Say whether this machine can hold jails, by what, and what is missing.
///
/// It finds out by loading a trivial program, by asking the module if it is
/// loaded already, and by asking the kernel for its Landlock.
///
/// Example: jailsh doctor --quiet && echo ready
///
/// Exit status: 0 jails can be held, 69 they cannot.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Doctor {
    /// Print nothing
    #[arg(short, long, conflicts_with_all = ["output", "json", "tsv"])]
    quiet: bool,
    #[command(flatten)]
    shape: Shape,
}

fn result(finding: &Finding) -> &'static str {
    match finding.good {
        Some(true) => "ok",
        Some(false) => "MISSING",
        None => "note",
    }
}

fn row(finding: &Finding) -> Vec<Value> {
    vec![
        Value::text(finding.name),
        Value::State(result(finding).into()),
        Value::text(&finding.found),
        Value::maybe(finding.remedy.as_ref()),
    ]
}

fn text(finding: &Finding) -> String {
    const INDENT: usize = 18;
    let remedy = finding.remedy.as_ref().map_or(String::new(), |remedy| wrapped(&format!("-> {remedy}"), INDENT));
    let found = wrapped(&finding.found, INDENT);
    format!("{:<9} {:<7} {}{remedy}", finding.name, result(finding), &found[INDENT..])
}

/// Lines of at most 98 columns, indented, each ended. A word that is longer stays whole.
fn wrapped(text: &str, indent: usize) -> String {
    const WIDTH: usize = 98;
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && indent + line.len() + 1 + word.len() > WIDTH {
            lines += &format!("{:indent$}{line}\n", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines.push_str(&format!("{:indent$}{line}\n", ""));
    lines
}

const COLUMNS: [Column; 4] =
    [Column::new("CHECK", 8), Column::new("RESULT", 0), Column::new("FOUND", 0), Column::new("REMEDY", 0)];

impl Doctor {
    pub fn run(self) -> Outcome {
        let Checkup { body, findings, weaker } = check_up();
        let ready = body.is_some();
        if self.quiet {
            return Ok(verdict(ready));
        }
        let table = || Table::new(&COLUMNS, findings.iter().map(row).collect());
        match self.shape.format() {
            Format::Json => output::json(&serde_json::json!({ "ready": ready, "body": body, "checks": table() }))?,
            Format::Text => {
                output::print(&findings.iter().map(text).collect::<String>())?;
                output::print(&format!("\n{}", conclusion(body, &weaker)))?;
            }
            _ => self.shape.print(&table(), false, "")?,
        }
        Ok(verdict(ready))
    }
}

fn conclusion(body: Option<&str>, weaker: &[&str]) -> String {
    let weaker = match weaker {
        [] => String::new(),
        names => {
            format!(" Weaker there: {}. `jailctl info NAME` and docs/enforcement.md tell it right by right.", names.join(", "))
        }
    };
    match body {
        Some("landlock") => wrapped(
            &format!(
                "This machine can hold jails, by the landlock body: without the module there is no live change of policy, no audit \
                 mode and no count of denials.{weaker}"
            ),
            0,
        ),
        Some(body) => wrapped(&format!("This machine can hold jails, by the {body} body: the module.{weaker}"), 0),
        None => "This machine cannot hold jails as it runs now.\n".to_owned(),
    }
}

fn verdict(ready: bool) -> Exit {
    if ready { Exit::DONE } else { Exit::UNAVAILABLE }
}
