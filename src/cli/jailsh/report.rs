//! `jailsh report`: the state and the past of all jails as a page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::cli::{Outcome, output, past};
use crate::live::Glance;
use crate::telemetry::past::{Head, Past, Reported, page};
use crate::telemetry::{Observation, measure};

/// Write a page about all jails for browsers: how they are, and their CPU, memory,
/// processes and denials over the last hours.
///
/// The page is one file that loads nothing and needs no server. It is replaced in
/// one step, so that cron can write it where a web server reads it; whoever reads
/// it learns what runs here. The past is what supervisors kept: every five seconds
/// for an hour, every two minutes for a day, of the jail's present run.
///
/// Examples: jailsh report jails.html
///           jailsh report --since 24h /var/www/html/jails.html web mail
///           jailsh report - > jails.html
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 73 the
/// file cannot be written, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Report {
    /// How far back, up to 24h [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = past::since)]
    since: Option<Duration>,
    /// Where it is written: a name in .html; of a directory its jails.html; - prints it
    #[arg(value_name = "FILE|DIR|-")]
    file: PathBuf,
    /// Names or jids [default: all]
    #[arg(value_name = "NAME|JID")]
    jails: Vec<Target>,
}

impl Report {
    pub fn run(self, common: &Common) -> Outcome {
        let file = self.page()?;
        let site = Site::open(common)?;
        let wanted = self.jails.into_iter().map(|jail| Ok(jail.resolve(&site)?.jid)).collect::<Result<Vec<_>, Failure>>()?;
        let span = past::span(self.since);
        let mut jails = Vec::new();
        for now in measure(&site, None)? {
            if !wanted.is_empty() && !wanted.contains(&now.stats.jid) {
                continue;
            }
            let name = now.stats.name.clone();
            let seen = Observation::one(&site, &name).ok();
            let status = seen.as_ref().and_then(|seen| seen.supervisor.as_ref().or(seen.last.as_ref()));
            jails.push(Reported {
                past: Past::new(name.clone(), now.stats.jid, crate::supervise::history(&site, &name), span),
                state: seen.as_ref().map_or("up", |seen| seen.state()).to_owned(),
                since: status.map(|status| status.since),
                now,
            });
        }
        let known = Glance::new(site.host.clone()).head();
        let head = Head { host: host(), body: known.body, kernel: known.kernel, span };
        let text = page(&head, &jails);
        match file {
            Some(file) => {
                output::replace(&file, &text)?;
                output::say(file.display())?;
            }
            None => output::print(&text)?,
        }
        Ok(Exit::DONE)
    }

    /// The file to write; `None` for standard output. A jail's name in its place, which is easily written there, makes no file.
    fn page(&self) -> Result<Option<PathBuf>, Failure> {
        let file = &self.file;
        let is_page = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"));
        match () {
            () if file == Path::new("-") => Ok(None),
            () if file.is_dir() => Ok(Some(file.join("jails.html"))),
            () if is_page => Ok(Some(file.clone())),
            () => {
                let what = format!(
                    "{} is no directory and no name of a page; put a file in .html, a directory or - before the names of jails",
                    file.display()
                );
                Err(Failure::new(Exit::USAGE, what))
            }
        }
    }
}

fn host() -> String {
    nix::unistd::gethostname().map_or("this host".to_owned(), |name| name.to_string_lossy().into_owned())
}
