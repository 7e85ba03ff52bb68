//! `jailmgr upgrade-base`: moves a jail to another version of its base.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::selection::{self, Pattern};
use crate::cli::site::Site;
use crate::jail::{self, Base, Host, Label, Move, Observed};
use crate::kernel::JailName;
use crate::supervise;

/// Move jails to the newest version of their base, or to one you name.
///
/// What a jail may write (/etc, /var and so on) stays as it is. The version it
/// had is remembered: --rollback goes back to it. A jail must be down; with
/// --restart its service is stopped and started again, under the old version if
/// it does not start under the new one.
///
/// Examples: jailmgr upgrade-base --restart --all
///           jailmgr upgrade-base --rollback web
///
/// Exit status: 0 done, 1 one failed or is running, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct UpgradeBase {
    /// To this version
    #[arg(long, value_name = "VERSION", conflicts_with = "rollback")]
    to: Option<Label>,
    /// To the version it had before
    #[arg(long)]
    rollback: bool,
    /// Stop the jail's service before, and start it after
    #[arg(long)]
    restart: bool,
    /// All jails whose base is not the host's own programs
    #[arg(long, conflicts_with = "names", required_unless_present = "names")]
    all: bool,
    /// Names of jails, or patterns
    #[arg(value_name = "NAME")]
    names: Vec<Pattern>,
}

impl UpgradeBase {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let to = match (self.to, self.rollback) {
            (Some(version), _) => Move::To(version),
            (None, true) => Move::Back,
            (None, false) => Move::Newest,
        };
        let names = match self.all {
            true => jail::observe_all(&site)?.into_iter().filter(has_own_base).map(|seen| seen.name).collect(),
            false => selection::names(&site, &self.names)?,
        };
        selection::each(&names, |name| upgrade(&site, name, &to, self.restart))
    }
}

/// One whose spec cannot be read may have one, too: moving it says what is wrong.
fn has_own_base(seen: &Observed) -> bool {
    seen.spec.as_ref().map_or(true, |spec| spec.base != Base::Host)
}

fn upgrade(site: &Host, name: &JailName, to: &Move, restart: bool) -> Outcome {
    let runs = restart && supervise::status(site, name).is_some();
    if runs {
        supervise::stop(site, name)?;
    }
    let moved = jail::upgrade(site, name, to);
    let started = if runs { supervise::start(site, name).map(drop) } else { Ok(()) };
    let upgrade = moved?;
    if let Err(error) = started {
        Failure::from(error).report("jailmgr");
        if upgrade.moved() {
            jail::upgrade(site, name, &Move::Back)?;
            supervise::start(site, name)?;
            output::say(format_args!("Jail {name} runs on base {} again", upgrade.from))?;
        }
        return Ok(Exit::FAILED);
    }
    match upgrade.moved() {
        true => output::say(format_args!("Moved jail {name} from base {} to {}", upgrade.from, upgrade.to))?,
        false => output::say(format_args!("Jail {name} is on base {} already", upgrade.to))?,
    }
    Ok(Exit::DONE)
}
