//! Standard output.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::failure::{Exit, Failure};
use crate::telemetry::{Format, Look, Table, printable_json};

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

/// Writes a file that others read meanwhile: whoever opens it finds the old text or the new one, whole.
pub fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let written = file.file_name().ok_or_else(|| std::io::Error::from(ErrorKind::IsADirectory)).and_then(|name| {
        // Hidden, should a crash leave it: collectors and listings pass it over.
        let draft = file.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        fill(made, text).and_then(|()| fs::rename(&draft, file)).inspect_err(|_| {
            let _ = fs::remove_file(&draft);
        })
    });
    written.map_err(|error| Failure::new(Exit::CANNOT_CREATE, format!("write {}: {error}", file.display())))
}

fn fill(mut made: fs::File, text: &str) -> std::io::Result<()> {
    made.write_all(text.as_bytes())?;
    made.set_permissions(fs::Permissions::from_mode(0o644))?;
    made.sync_all()
}

/// Prints text on standard error.
pub fn complain(text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Is standard output a terminal that can be painted on?
pub fn is_screen() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Does a person type on the terminal that is painted on?
pub fn has_keys() -> bool {
    is_screen() && std::io::stdin().is_terminal()
}

/// Colours are for terminals, and not for who sets NO_COLOR (no-color.org).
pub fn colour() -> bool {
    is_screen() && std::env::var_os("NO_COLOR").as_deref().is_none_or(|value| value == OsStr::new(""))
}

/// How listings are printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct Shape {
    /// Print a table, TSV, JSON or the names alone [default: table]
    #[arg(short, long, value_name = "FORMAT", value_parser = format(), hide_possible_values = true, conflicts_with_all = ["json", "tsv"])]
    output: Option<Format>,
    /// Print JSON, as -o json
    #[arg(long, conflicts_with = "tsv")]
    json: bool,
    /// Print tab-separated values, as -o tsv
    #[arg(short = 'T', long)]
    tsv: bool,
    /// Leave the headings out
    #[arg(short = 'H', long)]
    no_header: bool,
}

const FORMATS: [(&str, Format); 4] =
    [("table", Format::Text), ("tsv", Format::Tsv), ("json", Format::Json), ("name", Format::Names)];

fn format() -> impl TypedValueParser<Value = Format> {
    let known = PossibleValuesParser::new(FORMATS.map(|(name, _)| name));
    known.map(|name| FORMATS.into_iter().find(|(known, _)| *known == name).map_or(Format::Text, |(_, format)| format))
}

impl Shape {
    pub fn format(self) -> Format {
        match (self.output, self.json, self.tsv) {
            (Some(format), ..) => format,
            (None, true, _) => Format::Json,
            (None, _, true) => Format::Tsv,
            _ => Format::Text,
        }
    }

    pub fn headings(self) -> bool {
        !self.no_header
    }

    pub fn look(self, verbose: bool) -> Look {
        Look { verbose, headless: self.no_header, colour: colour() }
    }

    /// Prints a listing; `nothing` stands for an empty one in text.
    pub fn print(self, table: &Table, verbose: bool, nothing: &str) -> Result<(), Failure> {
        match self.format() {
            Format::Text if table.is_empty() => say(nothing),
            format => print(&table.show(format, self.look(verbose))),
        }
    }
}

/// Prints any value as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::FAILED, error.to_string()))?;
    say(printable_json(text))
}
