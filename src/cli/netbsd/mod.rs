//! jailctl on NetBSD: one verb a file. A verb parses its arguments into types, calls [`crate::kernel`], [`crate::jail`] or
//! [`crate::supervise`], and prints through [`output`]. The verbs that Linux has besides say what there is instead.

mod create;
mod destroy;
mod exec;
#[path = "../failure.rs"]
mod failure;
mod host;
mod info;
mod kill;
mod list;
// Verbs of Linux use more of it.
#[allow(dead_code)]
#[path = "../output.rs"]
mod output;
mod policy;
mod refused;
#[path = "../request.rs"]
mod request;
mod stats;
mod supervise;
mod update;
#[path = "../usage.rs"]
mod usage;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use failure::{Exit, Failure};

/// What a verb ends with.
pub type Outcome = Result<Exit, Failure>;

/// Works on the jails in the kernel: make them, run commands in them, keep
/// services running, watch them, remove them.
///
/// A jail is given by name or by number; a number is always a jid. The module
/// is loaded with modload(8).
///
/// Example: jailctl create -n web -l medium -r 8080 /jails/web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root; exec: the command's.
#[derive(Debug, Parser)]
#[command(name = "jailctl", version, verbatim_doc_comment, disable_help_subcommand = true)]
struct Jailctl {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(create::Create),
    Exec(exec::Exec),
    Stats(stats::Stats),
    Supervise(supervise::Supervise),
    Kill(kill::Kill),
    Update(update::Update),
    List(list::List),
    Info(info::Info),
    Destroy(destroy::Destroy),
    #[command(external_subcommand)]
    Other(Vec<String>),
}

impl Verb {
    fn run(self) -> Outcome {
        match self {
            Verb::Create(verb) => verb.run(),
            Verb::Exec(verb) => verb.run(),
            Verb::Stats(verb) => verb.run(),
            Verb::Supervise(verb) => verb.run(),
            Verb::Kill(verb) => verb.run(),
            Verb::Update(verb) => verb.run(),
            Verb::List(verb) => verb.run(),
            Verb::Info(verb) => verb.run(),
            Verb::Destroy(verb) => verb.run(),
            Verb::Other(words) => refused::verb(words.first().map_or("", String::as_str)),
        }
    }
}

/// Entry point; `title` is argv[0].
pub fn main(title: &OsStr) -> ExitCode {
    let tool = Path::new(title).file_name().and_then(OsStr::to_str).unwrap_or("jailctl");
    let exit = run(tool, std::env::args_os().collect()).unwrap_or_else(|failure| {
        failure.report(tool);
        failure.exit
    });
    exit.into()
}

/// One call of a tool; the first word is its name.
pub fn run(tool: &str, words: Vec<OsString>) -> Outcome {
    if matches!(tool, "jailsh" | "jailmgr") {
        return refused::tool(tool);
    }
    let told: Vec<String> = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let parsed = Jailctl::try_parse_from(words).map_err(|error| usage::failure(&command(), told.into_iter(), &error))?;
    parsed.verb.run()
}

/// All that the command line takes.
pub fn command() -> clap::Command {
    Jailctl::command()
}
