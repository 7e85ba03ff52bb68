//! `jailctl update`: a new policy for a live jail.

use clap::Args;

use super::failure::{Exit, Failure};
use super::host::{self, Target};
use super::policy::PolicyOptions;
use super::{Outcome, output};
use crate::kernel::Kernel;

/// Change the policy of a jail, at once and for all its processes.
///
/// What is not named stays as it is. The change lasts until the jail is
/// destroyed.
///
/// Example: jailctl update -l medium web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Update {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Give up all ports
    #[arg(long, conflicts_with = "reserve")]
    no_ports: bool,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Update {
    pub fn run(self) -> Outcome {
        if self.policy.is_empty() && !self.no_ports {
            return Err(Failure::new(
                Exit::USAGE,
                "nothing to change; use -l LEVEL, --grant RIGHT, --deny RIGHT, -r PORT or --no-ports",
            ));
        }
        let kernel = host::kernel()?;
        let jail = self.jail.resolve(&kernel)?;
        let mut policy = self.policy.policy(jail.policy.clone());
        if self.no_ports {
            policy.ports.clear();
        }
        let verb = if policy == jail.policy { "Unchanged" } else { "Changed" };
        kernel.update(jail.jid, &policy)?;
        output::say(format_args!("{verb} jail {}", jail.name))?;
        Ok(Exit::DONE)
    }
}
