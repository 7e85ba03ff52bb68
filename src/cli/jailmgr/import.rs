//! `jailmgr import`: a jail from an archive.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::progress::{Progress, size};
use crate::cli::site::Site;
use crate::jail::{self, Digest, ImportRequest, Limits};
use crate::kernel::JailName;

/// Make a jail from an archive that jailmgr export wrote.
///
/// Everything is compared with the sums in the archive, and with --sha256 the
/// archive itself with what you were told; the jail appears when it is whole,
/// and never over another one. A base that it pins must be here already.
///
/// Example: jailmgr import --name staging web.tar.zst
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 65 the archive is damaged or no
/// export, 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Import {
    /// Name of the jail instead of the one in the archive
    #[arg(long)]
    name: Option<JailName>,
    /// The archive must have this sum, as sha256sum prints it
    #[arg(long, value_name = "SUM")]
    sha256: Option<Digest>,
    /// The archive, or - for standard input
    file: PathBuf,
}

impl Import {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let mut progress = Progress::new("importing");
        let Import { name, sha256, file: archive } = self;
        let request = ImportRequest { archive, name, sha256, limits: Limits::default() };
        let imported = jail::import(&site, &request, &mut |tally| progress.show(tally))?;
        drop(progress);
        let (tally, spec) = (imported.tally, &imported.spec);
        output::say(format_args!("Imported jail {}: {} files, {}", imported.name, tally.entries, size(tally.bytes)))?;
        let ports: Vec<String> = spec.ports.iter().map(ToString::to_string).collect();
        let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(",") };
        output::say(format_args!("  profile {}, base {}, ports {ports}", spec.profile.label(), spec.base))?;
        if spec.autostart {
            output::say("  started by jailmgr start --all, as where it came from")?;
        }
        output::say(format_args!("  sha256 {}", imported.sha256))?;
        Ok(Exit::DONE)
    }
}
