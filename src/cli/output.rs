//! Standard output.

use std::io::{ErrorKind, Write};

use clap::Args;

use super::failure::{Exit, Failure};
use crate::telemetry::{Format, Table};

/// Prints text as it is. A reader that went away ends the tool quietly.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::silent(Exit::PIPE),
        _ => Failure::new(Exit::FAILED, format!("cannot write to standard output: {error}")),
    })
}

/// Prints one line.
pub fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    print(&format!("{line}\n"))
}

/// How listings are printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct Shape {
    /// Print JSON
    #[arg(long, conflicts_with = "tsv")]
    pub json: bool,
    /// Print tab-separated values with a heading
    #[arg(short = 'T', long)]
    pub tsv: bool,
}

impl Shape {
    pub fn format(self) -> Format {
        match (self.json, self.tsv) {
            (true, _) => Format::Json,
            (_, true) => Format::Tsv,
            _ => Format::Text,
        }
    }

    /// Prints a listing; `nothing` stands for an empty one in text.
    pub fn print(self, table: &Table, verbose: bool, nothing: &str) -> Result<(), Failure> {
        match self.format() {
            Format::Text if table.is_empty() => say(nothing),
            format => print(&table.render(format, verbose)),
        }
    }
}

/// Prints any value as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::FAILED, error.to_string()))?;
    say(text)
}
