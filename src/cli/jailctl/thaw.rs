//! `jailctl thaw`: lets a frozen jail run on.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::cli::target::Target;

/// Let the processes of a frozen jail run on.
///
/// Example: jailctl thaw web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Thaw {
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Thaw {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jail = self.jail.resolve(&site)?;
        site.kernel.thaw(jail.jid)?;
        output::say(format_args!("Thawed jail {}", jail.name))?;
        Ok(Exit::DONE)
    }
}
