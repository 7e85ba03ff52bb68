//! `jailmgr restart`: stops jails and starts them again.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::Outcome;
use crate::cli::fleet::{self, Report, Told};
use crate::cli::options::Common;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::fleet::{End, Said, restarting};
use crate::jail::observe;
use crate::kernel::JailName;
use crate::supervise::{self, Stopped};

/// Stop jails and start them again, with their specs as they are now, several
/// at a time: each is stopped after those of them that depend on it, and
/// started after those of its depends_on.
///
/// A jail that is down is started, and so is what it needs. One whose spec is
/// wrong is left as it is, and so are those that need it.
///
/// Examples: jailmgr restart web
///           jailmgr restart 'web-*'
///
/// Exit status: 0 all run, 1 one failed or was skipped, 64 wrong use, 69 the
/// kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Restart {
    /// All jails that are up
    #[arg(long, conflicts_with = "names", required_unless_present = "names")]
    all: bool,
    #[command(flatten)]
    report: Report,
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl Restart {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut jails = fleet::Jails::of(&site)?;
        let up = jails.up();
        let chosen: BTreeSet<JailName> = match self.all {
            true => up.clone(),
            false => selection::names(&site, &self.names)?.into_iter().collect(),
        };
        for name in &chosen {
            let Some(jail) = jails.known.get_mut(name) else {
                observe(&site, name)?;
                continue;
            };
            // Found out before anything is stopped.
            if let (Ok(_), Err(error)) = (&jail.needs, supervise::check(&site, name)) {
                jail.needs = Err(error.to_string());
            }
        }
        let mut again = restarting(&jails.known, chosen, &up);
        let mut told = Told::new(self.report);
        let stop = |name: &JailName| match supervise::stop(&site, name) {
            Ok(Stopped::Stopped) => Said::Stopped,
            Ok(Stopped::WasDown) => Said::WasDown,
            Err(error) => Said::Failed(error.to_string()),
        };
        told.run(again.stop, false, &stop, &|end| matches!(end, End::Failed(_)))?;
        again.start.without(&told.failed());
        let start = |name: &JailName| match fleet::start(&site, name) {
            Said::Started | Said::Recovered if up.contains(name) => Said::Restarted,
            said => said,
        };
        told.run(again.start, true, &start, &|_| true)?;
        told.finish()
    }
}
