//! `jailmgr destroy`: removes a jail with its files.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::jail;
use crate::kernel::JailName;

/// Remove a jail that is down, with its files.
///
/// Example: jailmgr stop web && jailmgr destroy web
///
/// Exit status: 0 done, 1 failed or running, 64 wrong use, 69 the kernel cannot
/// do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Destroy {
    /// Name of the jail
    name: JailName,
}

impl Destroy {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        jail::destroy(&site, &self.name)?;
        output::say(format_args!("Destroyed jail {}", self.name))?;
        Ok(Exit::DONE)
    }
}
