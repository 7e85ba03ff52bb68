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
use super::late::Late;
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
    Create(Late<create::Create>),
    Exec(Late<exec::Exec>),
    Stats(Late<stats::Stats>),
    Metrics(Late<metrics::Metrics>),
    Top(Late<top::Top>),
    Supervise(Late<supervise::Supervise>),
    Status(Late<status::Status>),
    Logs(Late<logs::Logs>),
    Denials(Late<denials::Denials>),
    Wait(Late<wait::Wait>),
    Kill(Late<kill::Kill>),
    Freeze(Late<freeze::Freeze>),
    Thaw(Late<thaw::Thaw>),
    Update(Late<Box<update::Update>>),
    List(Late<list::List>),
    Info(Late<info::Info>),
    Destroy(Late<destroy::Destroy>),
}

pub fn run(arguments: Jailctl) -> Outcome {
    let common = arguments.common;
    match arguments.verb {
        Verb::Create(Late(verb)) => verb.run(&common),
        Verb::Exec(Late(verb)) => verb.run(&common),
        Verb::Stats(Late(verb)) => verb.run(&common),
        Verb::Metrics(Late(verb)) => verb.run(&common),
        Verb::Top(Late(verb)) => verb.run(&common),
        Verb::Supervise(Late(verb)) => verb.run(&common),
        Verb::Status(Late(verb)) => verb.run(&common),
        Verb::Logs(Late(verb)) => verb.run(&common),
        Verb::Denials(Late(verb)) => verb.run(&common),
        Verb::Wait(Late(verb)) => verb.run(&common),
        Verb::Kill(Late(verb)) => verb.run(&common),
        Verb::Freeze(Late(verb)) => verb.run(&common),
        Verb::Thaw(Late(verb)) => verb.run(&common),
        Verb::Update(Late(verb)) => verb.run(&common),
        Verb::List(Late(verb)) => verb.run(&common),
        Verb::Info(Late(verb)) => verb.run(&common),
        Verb::Destroy(Late(verb)) => verb.run(&common),
    }
}
