//! `jailmgr export`: a jail as one archive.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::progress::{Progress, size};
use crate::cli::site::Site;
use crate::jail::{self, Compression, ExportRequest, Label};
use crate::kernel::JailName;

/// Write a jail to one archive: its settings, its data, and their sums.
///
/// The file's name says how it is compressed: .tar, .tar.gz or .tar.zst. It
/// appears when it is whole, and never over another file. Sockets and device
/// nodes are left out. The jail must be down, or frozen meanwhile with --live,
/// or one of its snapshots is written.
///
/// Example: jailmgr export web web.tar.zst
/// Example: jailmgr export web - | ssh other jailmgr import -
///
/// Exit status: 0 done, 1 failed or running, 64 wrong use, 69 the kernel cannot
/// do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Export {
    /// Write this snapshot
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "live")]
    snapshot: Option<Label>,
    /// Freeze the jail if it runs, and write it as it is
    #[arg(long)]
    live: bool,
    /// Name of the jail
    name: JailName,
    /// The archive, or - for standard output, compressed with gzip [default: NAME.tar.gz]
    file: Option<PathBuf>,
}

impl Export {
    pub fn run(self, common: &Common) -> Outcome {
        let file = self.file.unwrap_or_else(|| format!("{}.tar.gz", self.name).into());
        let to_stdout = file == Path::new("-");
        let compression = match Compression::of_name(&file) {
            Some(compression) => compression,
            None if to_stdout && !std::io::stdout().is_terminal() => Compression::Gzip,
            None if to_stdout => {
                return Err(Failure::new(Exit::USAGE, "standard output is a terminal; redirect it or name a file"));
            }
            None => {
                let why = format!("{} does not say what it is; end it with .tar, .tar.gz or .tar.zst", file.display());
                return Err(Failure::new(Exit::USAGE, why));
            }
        };
        let site = Site::open(common)?;
        let request = ExportRequest { name: self.name, snapshot: self.snapshot, live: self.live, compression };
        let mut progress = Progress::new("exporting");
        let watch = &mut |tally: &jail::Tally| progress.show(tally);
        if to_stdout {
            jail::export(&site, &request, &mut std::io::stdout().lock(), "standard output", watch)?;
            return Ok(Exit::DONE);
        }
        let exported = jail::export_file(&site, &request, &file, watch)?;
        drop(progress);
        let tally = exported.tally;
        let (name, bytes) = (&request.name, size(tally.bytes));
        output::say(format_args!("Exported jail {name} to {}: {} files, {bytes}", file.display(), tally.entries))?;
        if tally.left_out > 0 {
            output::say(format_args!("  left out: {} sockets or device nodes", tally.left_out))?;
        }
        Ok(Exit::DONE)
    }
}
