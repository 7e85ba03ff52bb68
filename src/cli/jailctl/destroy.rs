//! `jailctl destroy`: removes a jail from the kernel.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::{self, JailError};
use crate::supervise;

/// Remove a jail without members from the kernel, with its mounts. Its files
/// stay.
///
/// Refused while a process is in the jail or a supervisor holds it: use jailmgr
/// stop for those.
///
/// Example: jailctl destroy web
///
/// Exit status: 0 done, 1 failed or busy, 64 wrong use, 69 the kernel cannot do
/// it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Destroy {
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Destroy {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jail = match (self.jail.resolve(&site), &self.jail) {
            (Err(_), Target::Name(name)) if jail::observe(&site, name)?.kernel.is_none() => {
                let what = format!("jail {name} is not in the kernel");
                return Err(JailError::Conflict { what, remedy: format!("jailmgr destroy {name} removes its files") }.into());
            }
            (found, _) => found?,
        };
        if let Some(status) = supervise::status(&site, &jail.name) {
            let why = format!("jail {0} is supervised by pid {1}; use jailmgr stop {0}", jail.name, status.pid);
            return Err(Failure::new(Exit::FAILED, why));
        }
        // The kernel decides, in one step, that nobody is inside; only then are the mounts taken away.
        site.kernel.destroy(jail.jid)?;
        jail::tear_down(&site, &jail.name)?;
        Ok(Exit::DONE)
    }
}
