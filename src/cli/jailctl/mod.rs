//! jailctl: the jails in the kernel.

mod create;
mod denials;
mod destroy;
mod exec;
mod freeze;
mod info;
mod kill;
mod list;
mod logs;
mod metrics;
mod stats;
mod status;
mod supervise;
mod thaw;
mod top;
mod update;
mod wait;

use clap::{Parser, Subcommand};

use super::Outcome;
use super::options::Common;

/// Works on the jails in the kernel: run commands in them, watch them, remove
/// them.
///
/// A jail is given by name or by number; a number is always a jid.
///
/// Example: jailctl exec web ps ax
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root; exec: the command's.
#[derive(Debug, Parser)]
#[command(name = "jailctl", version, verbatim_doc_comment, disable_help_subcommand = true)]
pub struct Jailctl {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(create::Create),
    Exec(exec::Exec),
    Stats(stats::Stats),
    Metrics(metrics::Metrics),
    Top(top::Top),
    Supervise(supervise::Supervise),
    Status(status::Status),
    Logs(logs::Logs),
    Denials(denials::Denials),
    Wait(wait::Wait),
    Kill(kill::Kill),
    Freeze(freeze::Freeze),
    Thaw(thaw::Thaw),
    Update(Box<update::Update>),
    List(list::List),
    Info(info::Info),
    Destroy(destroy::Destroy),
}

pub fn run(arguments: Jailctl) -> Outcome {
    let common = arguments.common;
    match arguments.verb {
        Verb::Create(verb) => verb.run(&common),
        Verb::Exec(verb) => verb.run(&common),
        Verb::Stats(verb) => verb.run(&common),
        Verb::Metrics(verb) => verb.run(&common),
        Verb::Top(verb) => verb.run(&common),
        Verb::Supervise(verb) => verb.run(&common),
        Verb::Status(verb) => verb.run(&common),
        Verb::Logs(verb) => verb.run(&common),
        Verb::Denials(verb) => verb.run(&common),
        Verb::Wait(verb) => verb.run(&common),
        Verb::Kill(verb) => verb.run(&common),
        Verb::Freeze(verb) => verb.run(&common),
        Verb::Thaw(verb) => verb.run(&common),
        Verb::Update(verb) => verb.run(&common),
        Verb::List(verb) => verb.run(&common),
        Verb::Info(verb) => verb.run(&common),
        Verb::Destroy(verb) => verb.run(&common),
    }
}
