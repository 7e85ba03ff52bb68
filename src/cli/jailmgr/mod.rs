//! jailmgr: the jails of the data directory.

mod apply;
mod base;
mod boot;
mod bootstrap;
mod clone;
mod config;
mod create;
mod destroy;
mod export;
mod gc;
mod import;
mod list;
mod rename;
mod restart;
mod rollback;
mod snapshot;
mod start;
mod status;
mod stop;
mod upgrade_base;

use clap::{Parser, Subcommand};

use super::Outcome;
use super::options::Common;

/// Manages the jails of this host: make them, provision them, start and stop
/// them.
///
/// Example: jailmgr create -a -x '/usr/bin/busybox httpd -f -p 8080' -l medium -r 8080 web && jailmgr start web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root; apply: the script's.
#[derive(Debug, Parser)]
#[command(name = "jailmgr", version, verbatim_doc_comment, disable_help_subcommand = true)]
pub struct Jailmgr {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Bootstrap(bootstrap::Bootstrap),
    Create(Box<create::Create>),
    Apply(apply::Apply),
    Start(start::Start),
    Stop(stop::Stop),
    Restart(restart::Restart),
    Config(config::Config),
    List(list::List),
    Status(status::Status),
    Destroy(destroy::Destroy),
    Clone(clone::Clone),
    Rename(rename::Rename),
    Snapshot(snapshot::Snapshot),
    Rollback(rollback::Rollback),
    Export(export::Export),
    Import(import::Import),
    Base(base::Base),
    UpgradeBase(upgrade_base::UpgradeBase),
    Gc(gc::Gc),
}

pub fn run(arguments: Jailmgr) -> Outcome {
    let common = arguments.common;
    match arguments.verb {
        Verb::Bootstrap(verb) => verb.run(&common),
        Verb::Create(verb) => verb.run(&common),
        Verb::Apply(verb) => verb.run(&common),
        Verb::Start(verb) => verb.run(&common),
        Verb::Stop(verb) => verb.run(&common),
        Verb::Restart(verb) => verb.run(&common),
        Verb::Config(verb) => verb.run(&common),
        Verb::List(verb) => verb.run(&common),
        Verb::Status(verb) => verb.run(&common),
        Verb::Destroy(verb) => verb.run(&common),
        Verb::Clone(verb) => verb.run(&common),
        Verb::Rename(verb) => verb.run(&common),
        Verb::Snapshot(verb) => verb.run(&common),
        Verb::Rollback(verb) => verb.run(&common),
        Verb::Export(verb) => verb.run(&common),
        Verb::Import(verb) => verb.run(&common),
        Verb::Base(verb) => verb.run(&common),
        Verb::UpgradeBase(verb) => verb.run(&common),
        Verb::Gc(verb) => verb.run(&common),
    }
}
