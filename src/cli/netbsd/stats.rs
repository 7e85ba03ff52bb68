//! `jailctl stats`: a snapshot of all jails.

use clap::{ArgAction, Args};

use super::failure::{Exit, Failure};
use super::host::{self, Target};
use super::output::{self, Shape};
use super::{Outcome, request};
use crate::kernel::{JailStats, Kernel};
use crate::supervise;
use crate::telemetry::{self, Build, Measure};

/// Show a snapshot of all jails, or of one.
///
/// Ticks of CPU time of the last second and of the last ten, processes,
/// references and virtual memory.
///
/// Example: jailctl stats -P -h     (from inetd, as a metrics endpoint)
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, disable_help_flag = true)]
pub struct Stats {
    /// Add the root and the number of denials
    #[arg(short, long, conflicts_with_all = ["prometheus", "output", "json", "tsv"])]
    verbose: bool,
    /// Print Prometheus text
    #[arg(short = 'P', long, conflicts_with_all = ["output", "json", "tsv", "no_header"])]
    prometheus: bool,
    /// Put an HTTP head before the Prometheus text
    #[arg(short = 'h', long = "http", requires = "prometheus")]
    http: bool,
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
    pub fn run(self) -> Outcome {
        let kernel = host::kernel()?;
        let jid = self.jail.map(|jail| jail.resolve(&kernel)).transpose()?.map(|jail| jail.jid);
        let stats = kernel.stats(jid)?;
        if self.prometheus {
            if self.http {
                request::read();
            }
            let measures = stats.into_iter().map(|stats| measure(&kernel, stats)).collect::<Result<Vec<_>, _>>()?;
            let build = Build { version: env!("CARGO_PKG_VERSION"), body: kernel.body() };
            let head = if self.http { HTTP_HEAD } else { "" };
            output::print(&format!("{head}{}", telemetry::exposition(&measures, &build)))?;
        } else {
            self.shape.print(&telemetry::stats(&stats, |_| None), self.verbose, "no jails")?;
        }
        Ok(Exit::DONE)
    }
}

/// Nobody counts restarts here, or notes when a jail was made.
fn measure(kernel: &dyn Kernel, stats: JailStats) -> Result<Measure, Failure> {
    Ok(Measure {
        usage: kernel.usage(stats.jid)?,
        limits: kernel.limits(stats.jid)?,
        supervised: supervise::supervisor(&stats.name)?.is_some(),
        restarts: None,
        started_ms: None,
        stats,
    })
}
