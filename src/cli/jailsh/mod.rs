//! jailsh: runs scripts, and looks after the kernel module.

mod alone;
mod check;
mod definitions;
mod doc;
mod doctor;
mod explain;
mod generate;
mod kmod;
mod learn;
mod lsp;
mod plan;
mod probe;
mod profile;
mod record;
mod repl;
mod report;
mod run;
mod score;
mod script;
mod tell;
mod test;
mod why;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use super::Outcome;
use super::late::Late;
use super::options::Common;
use crate::script::duration;

/// Jails that the kernel enforces, driven by scripts.
///
///   jailsh FILE [ARGS]      runs a script
///   jailsh -e EXPR [ARGS]   runs the text EXPR and prints its value
///   jailsh -                runs standard input, as does a pipe
///   jailsh                  opens the REPL on a terminal; :help tells more
///
/// A FILE named like a command below is run as ./FILE.
///
/// Example: jailsh -e 'exec("web", ["ps", "ax"])'
///
/// Exit status: 0 done, 1 failed, the script's own with exit(N), 64 wrong use,
/// 65 not a script or a wrong spec, 66 no such file, 69 the kernel cannot do
/// it, 75 another run holds the lock, 77 not root, 124 out of time, 130
/// interrupted.
#[derive(Debug, Parser)]
#[command(name = "jailsh", version, verbatim_doc_comment, disable_help_subcommand = true)]
#[command(
    override_usage = "jailsh [OPTIONS] FILE [ARGS]\n       jailsh [OPTIONS] -e EXPR [ARGS]\n       jailsh [OPTIONS] [COMMAND]"
)]
pub struct Jailsh {
    /// Run EXPR and print its value; ARGS are its `args`
    #[arg(short = 'e', value_names = ["EXPR", "ARGS"], num_args = 1.., allow_hyphen_values = true)]
    expression: Option<Vec<String>>,
    /// Operations after which a script is ended, 0 for no limit
    #[arg(long, value_name = "N")]
    max_operations: Option<u64>,
    /// Memory that a script may hold, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    max_memory: Option<u64>,
    /// Time after which a script is ended, such as 30s or 10m; its exit status is then 124
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    deadline: Option<Duration>,
    /// A directory that scripts import from, besides their own; then come
    /// those of JAILSH_MODULE_PATH and /etc/jailsh/lib [may be repeated]
    #[arg(long, value_name = "DIR")]
    module_path: Vec<PathBuf>,
    #[command(flatten)]
    alone: alone::Alone,
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Plan(Late<plan::Plan>),
    Run(Late<run::Run>),
    Test(Late<test::Test>),
    Check(Late<check::Check>),
    Explain(Late<explain::Explain>),
    Doc(Late<doc::Doc>),
    Definitions(Late<definitions::Definitions>),
    Lsp(Late<lsp::Lsp>),
    Doctor(Late<doctor::Doctor>),
    Kmod(Late<kmod::Kmod>),
    Profile(Late<profile::Profile>),
    Score(Late<score::Judge>),
    Why(Late<why::Why>),
    Learn(Late<learn::Learn>),
    Probe(Late<probe::Probe>),
    Report(Late<report::Report>),
    Generate(Late<generate::Generate>),
    #[command(external_subcommand)]
    Script(Vec<OsString>),
}

pub fn run(arguments: Jailsh) -> Outcome {
    let Jailsh { common, expression, max_operations, max_memory, deadline, module_path, alone, verb } = arguments;
    let settings = script::Settings { max_operations, max_memory, deadline, module_path };
    let _turn = alone.begin(&common)?;
    let source = match (expression, verb) {
        (None, Some(Verb::Check(Late(check)))) => return check.run(settings.module_path),
        (None, Some(Verb::Explain(Late(explain)))) => return explain.run(),
        (None, Some(Verb::Doc(Late(doc)))) => return doc.run(),
        (None, Some(Verb::Definitions(Late(definitions)))) => return definitions.run(),
        (None, Some(Verb::Lsp(Late(lsp)))) => return lsp.run(settings.module_path),
        (None, Some(Verb::Doctor(Late(doctor)))) => return doctor.run(),
        (None, Some(Verb::Kmod(Late(kmod)))) => return kmod.run(),
        (None, Some(Verb::Profile(Late(profile)))) => return profile.run(&common),
        (None, Some(Verb::Score(Late(score)))) => return score.run(&common),
        (None, Some(Verb::Why(Late(why)))) => return why.run(&common),
        (None, Some(Verb::Learn(Late(learn)))) => return learn.run(&common),
        (None, Some(Verb::Probe(Late(probe)))) => return probe.run(&common),
        (None, Some(Verb::Report(Late(report)))) => return report.run(&common),
        (None, Some(Verb::Generate(Late(generate)))) => return generate.run(),
        (None, Some(Verb::Plan(Late(plan)))) => return plan.run(&common, settings),
        (None, Some(Verb::Run(Late(run)))) => return run.run(&common, settings),
        (None, Some(Verb::Test(Late(test)))) => return test.run(&common, settings),
        (None, Some(Verb::Script(words))) => script::from_file(words)?,
        (None, None) if repl::is_wanted() => return repl::run(&common, settings),
        (None, None) => script::from_pipe()?,
        (Some(words), _) => script::from_expression(words),
    };
    script::run(&common, settings, source)
}
