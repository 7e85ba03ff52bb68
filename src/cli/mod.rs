//! jailsh, jailctl and jailmgr: a verb a file. A verb parses its arguments into types, calls one function of
//! [`crate::jail`], [`crate::supervise`], [`crate::telemetry`] or [`crate::script`], and prints through [`output`].

mod completion;
mod config;
mod count;
mod destinations;
mod editor;
mod failure;
mod fault;
mod fleet;
mod input;
mod jailctl;
mod jailmgr;
mod jailsh;
mod late;
mod limits;
mod manual;
mod options;
mod output;
mod past;
mod progress;
mod request;
mod screen;
mod selection;
mod site;
mod target;
mod usage;
mod watch;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use failure::{Exit, Failure};

/// What a verb ends with.
type Outcome = Result<Exit, Failure>;

/// Entry point; `title` is argv[0].
pub fn main(title: &OsStr) -> ExitCode {
    match Path::new(title).file_name().and_then(OsStr::to_str) {
        Some("jailctl") => tool("jailctl", jailctl::run),
        Some("jailmgr") => tool("jailmgr", jailmgr::run),
        _ => tool("jailsh", jailsh::run),
    }
}

fn tool<T: Parser>(name: &str, run: fn(T) -> Outcome) -> ExitCode {
    let outcome = late::parse::<T>().map_err(|error| usage::failure::<T>(std::env::args().skip(1), &error)).and_then(run);
    let exit = outcome.unwrap_or_else(|failure| {
        failure.report(name);
        failure.exit
    });
    exit.into()
}
