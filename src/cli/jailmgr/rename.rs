//! `jailmgr rename`: gives a jail another name.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::jail;
use crate::kernel::JailName;

/// Give a jail that is down another name. Its snapshots go with it.
///
/// Example: jailmgr rename web www
///
/// Exit status: 0 done, 1 failed or running, 64 wrong use, 69 the kernel cannot
/// do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Rename {
    /// Name of the jail
    from: JailName,
    /// Its new name
    to: JailName,
}

impl Rename {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        jail::rename(&site, &self.from, &self.to)?;
        output::say(format_args!("Renamed jail {} to {}", self.from, self.to))?;
        Ok(Exit::DONE)
    }
}
