//! `jailctl update`: a new policy and limits for a live jail.

use clap::Args;
use serde_json::Value;

use crate::cli::Outcome;
use crate::cli::destinations::Destinations;
use crate::cli::failure::{Exit, Failure};
use crate::cli::limits::LimitOptions;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::{self, Wanted};
use crate::kernel::Reservation;

/// Change the policy and limits of a jail that is up, at once and for all its
/// processes.
///
/// What is not named stays as it is. The change lasts until the jail is taken
/// down; jailmgr config makes one that stays. A use of an audited right is let
/// through and told (jailctl denials), but not refused. A limit none is lifted.
///
/// Examples: jailctl update -l medium web
///           jailctl update -r 80,443 web
///           jailctl update --audit ping,chroot web
///           jailctl update --enforce all web
///           jailctl update --connect 10.0.0.0/8:5432/tcp,any:53/udp web
///           jailctl update --memory 512M --cpu none web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Update {
    /// Profile: low, medium or high; also -p
    #[arg(short, long = "profile", short_alias = 'p')]
    level: Option<String>,
    /// Ports that only this jail may bind, as 8080, 53/udp, 127.0.0.2:53, 5000-5010, instead of those it has; repeatable
    #[arg(short, long, value_name = "PORT[,PORT..]", value_delimiter = ',')]
    reserve: Vec<Reservation>,
    /// Let these rights through, and tell of each use; `all` for all that it does not hold but those of which one use can end
    /// the host or the walls
    #[arg(long, value_name = "RIGHT[,RIGHT..]", value_delimiter = ',')]
    audit: Vec<String>,
    /// Deny these rights again that were audited; `all` for all of them
    #[arg(long, value_name = "RIGHT[,RIGHT..]", value_delimiter = ',')]
    enforce: Vec<String>,
    #[command(flatten)]
    destinations: Destinations,
    /// Give up all ports
    #[arg(long, conflicts_with = "reserve")]
    no_ports: bool,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
    #[command(flatten)]
    limits: LimitOptions,
}

impl Update {
    pub fn run(self, common: &Common) -> Outcome {
        let switches = !self.audit.is_empty() || !self.enforce.is_empty();
        let limits = self.limits.tree();
        let connect = self.destinations.tree();
        let policy = self.level.is_some() || !self.reserve.is_empty() || self.no_ports || switches || !connect.is_null();
        if !policy && limits.is_empty() {
            let why = "nothing to change; use -l LEVEL, --audit RIGHT, --enforce RIGHT, -r PORT, --no-ports, --connect or a limit as --memory";
            return Err(Failure::new(Exit::USAGE, why));
        }
        let ports = (self.no_ports || !self.reserve.is_empty()).then_some(self.reserve.as_slice());
        let wanted = Wanted::connecting(self.level.as_deref(), ports, &connect)
            .and_then(|wanted| wanted.switching(&self.audit, &self.enforce))
            .and_then(|wanted| wanted.limiting(&Value::Object(limits)));
        let wanted = wanted.map_err(|error| Failure::new(Exit::USAGE, error.to_string()))?;
        let site = Site::open(common)?;
        let jail = self.jail.resolve(&site)?;
        let lines = jail::update(&site, &jail, &wanted)?.lines();
        let verb = if lines.is_empty() { "Unchanged" } else { "Changed" };
        output::say(format_args!("{verb} jail {}", jail.name))?;
        for line in lines {
            output::say(format_args!("  {line}"))?;
        }
        Ok(Exit::DONE)
    }
}
