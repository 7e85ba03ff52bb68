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
use super::late::Late;
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
    Bootstrap(Late<bootstrap::Bootstrap>),
    Create(Late<Box<create::Create>>),
    Apply(Late<apply::Apply>),
    Start(Late<start::Start>),
    Stop(Late<stop::Stop>),
    Restart(Late<restart::Restart>),
    Config(Late<config::Config>),
    List(Late<list::List>),
    Status(Late<status::Status>),
    Destroy(Late<destroy::Destroy>),
    Clone(Late<clone::Clone>),
    Rename(Late<rename::Rename>),
    Snapshot(Late<snapshot::Snapshot>),
    Rollback(Late<rollback::Rollback>),
    Export(Late<export::Export>),
    Import(Late<import::Import>),
    Base(Late<base::Base>),
    UpgradeBase(Late<upgrade_base::UpgradeBase>),
    Gc(Late<gc::Gc>),
}

pub fn run(arguments: Jailmgr) -> Outcome {
    let common = arguments.common;
    match arguments.verb {
        Verb::Bootstrap(Late(verb)) => verb.run(&common),
        Verb::Create(Late(verb)) => verb.run(&common),
        Verb::Apply(Late(verb)) => verb.run(&common),
        Verb::Start(Late(verb)) => verb.run(&common),
        Verb::Stop(Late(verb)) => verb.run(&common),
        Verb::Restart(Late(verb)) => verb.run(&common),
        Verb::Config(Late(verb)) => verb.run(&common),
        Verb::List(Late(verb)) => verb.run(&common),
        Verb::Status(Late(verb)) => verb.run(&common),
        Verb::Destroy(Late(verb)) => verb.run(&common),
        Verb::Clone(Late(verb)) => verb.run(&common),
        Verb::Rename(Late(verb)) => verb.run(&common),
        Verb::Snapshot(Late(verb)) => verb.run(&common),
        Verb::Rollback(Late(verb)) => verb.run(&common),
        Verb::Export(Late(verb)) => verb.run(&common),
        Verb::Import(Late(verb)) => verb.run(&common),
        Verb::Base(Late(verb)) => verb.run(&common),
        Verb::UpgradeBase(Late(verb)) => verb.run(&common),
        Verb::Gc(Late(verb)) => verb.run(&common),
    }
}
