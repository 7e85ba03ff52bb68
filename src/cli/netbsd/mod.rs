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
mod stats;
mod supervise;
mod update;
#[path = "../usage.rs"]
mod usage;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use failure::{Exit, Failure};

/// What a verb ends with.
type Outcome = Result<Exit, Failure>;

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
    let outcome = match tool {
        "jailsh" | "jailmgr" => refused::tool(tool),
        _ => Jailctl::try_parse()
            .map_err(|error| usage::failure(&Jailctl::command(), std::env::args().skip(1), &error))
            .and_then(|jailctl| jailctl.verb.run()),
    };
    let exit = outcome.unwrap_or_else(|failure| {
        failure.report(tool);
        failure.exit
    });
    exit.into()
}
