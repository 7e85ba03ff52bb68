//! `jailsh probe`: does a running jail hold?

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::proof::{self, Report};
use crate::telemetry::{self, Format, Probed};

/// Attack a running jail from inside, harmlessly, and report what held.
///
/// A short-lived member, root in the jail, tries what the jail's policy refuses:
/// nothing is mounted that stays, set, signalled or left behind, and the service
/// runs on. RESULT is held, or open for what got through and must not; granted for
/// what the policy allows, refused where the kernel says no all the same;
/// unenforced for what got through because this body cannot hold it; untried with
/// the reason. The kernel counts the refusals as denials of the jail, and the
/// probe tells how many are its own. Processes and ports of other jails are tried
/// where there are any.
///
/// A jail whose root was taken over could lie to the probe.
///
/// Examples: jailsh probe web
///           jailsh probe -o json web
///
/// Exit status: 0 all held, 1 something got through, or the jail does not run, 64
/// wrong use, 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Probe {
    #[command(flatten)]
    shape: Shape,
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Probe {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let report = proof::probe(&site, &self.jail.name(&site)?)?;
        self.show(&report)?;
        Ok(if report.is_tight() { Exit::DONE } else { Exit::FAILED })
    }

    fn show(&self, report: &Report) -> Result<(), Failure> {
        if self.shape.format() == Format::Json {
            return output::json(&Probed(report));
        }
        self.shape.print(&telemetry::attempts(report), false, "")?;
        if self.shape.format() == Format::Text {
            output::print(&format!("\n{}", telemetry::probing(report)))?;
        }
        Ok(())
    }
}
