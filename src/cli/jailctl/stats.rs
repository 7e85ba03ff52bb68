//! `jailctl stats`: a snapshot of all jails.

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::request;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::cli::{Outcome, past, screen};
use crate::live;
use crate::telemetry::past::{Past, graph};
use crate::telemetry::{self, Format, uptimes};

/// Show a snapshot of all jails, or of one: CPU time of the last second and of the last
/// ten (in 1/100 s), processes, references and virtual memory.
///
/// With --graph the past of each: CPU, memory, processes and denials as its
/// supervisor saw them, every five seconds for an hour and every two minutes for
/// a day.
///
/// Examples: jailctl stats -v
///           jailctl stats --graph --since 6h web
///           jailctl stats -P -h     (from inetd, as a metrics endpoint)
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, disable_help_flag = true)]
pub struct Stats {
    /// Add the root, the number of denials and the uptime
    #[arg(short, long, conflicts_with_all = ["prometheus", "output", "json", "tsv"])]
    verbose: bool,
    /// Print Prometheus text
    #[arg(short = 'P', long, conflicts_with_all = ["output", "json", "tsv", "no_header"])]
    prometheus: bool,
    /// Put an HTTP head before the Prometheus text
    #[arg(short = 'h', long = "http", requires = "prometheus")]
    http: bool,
    /// Draw the past; with -o json its points
    #[arg(short, long, conflicts_with_all = ["verbose", "prometheus", "tsv", "no_header"])]
    graph: bool,
    /// How far back, up to 24h [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = past::since, requires = "graph")]
    since: Option<Duration>,
    #[command(flatten)]
    shape: Shape,
    /// Name or jid [default: all]
    #[arg(value_name = "NAME|JID")]
    jail: Option<Target>,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

const HTTP_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

impl Stats {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jid = self.jail.map(|jail| jail.resolve(&site)).transpose()?.map(|jail| jail.jid);
        if self.graph {
            let span = past::span(self.since);
            let seen: Vec<Past> = past::of(&site, &site.kernel.stats(jid)?, span);
            match self.shape.format() {
                Format::Json => output::json(&seen.iter().map(Past::json).collect::<Vec<_>>())?,
                Format::Text if seen.is_empty() => output::say("no jails")?,
                Format::Text => output::print(&graph(&seen, span, screen::size().1, live::is_unicode()))?,
                Format::Tsv | Format::Names => {
                    return Err(Failure::new(Exit::USAGE, "a graph is drawn, or printed with -o json; leave -o out"));
                }
            }
        } else if self.prometheus {
            if self.http {
                request::read();
            }
            let head = if self.http { HTTP_HEAD } else { "" };
            let build = telemetry::Build { version: env!("CARGO_PKG_VERSION"), body: site.kernel.body() };
            output::print(&format!("{head}{}", telemetry::exposition(&telemetry::measure(&site, jid)?, &build)))?;
        } else {
            let stats = site.kernel.stats(jid)?;
            self.shape.print(&telemetry::stats(&stats, uptimes(&site)), self.verbose, "no jails")?;
        }
        Ok(Exit::DONE)
    }
}
