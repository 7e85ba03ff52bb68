//! `jailctl freeze`: stops all processes of a jail where they are.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::cli::target::Target;

/// Stop every process of a jail where it is, until jailctl thaw.
///
/// Nothing in it notices, but for the time that is missing. New processes of
/// jailctl exec wait too, over the landlock body for ten seconds.
///
/// Example: jailctl freeze web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Freeze {
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
}

impl Freeze {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jail = self.jail.resolve(&site)?;
        site.kernel.freeze(jail.jid)?;
        output::say(format_args!("Froze jail {}", jail.name))?;
        Ok(Exit::DONE)
    }
}
