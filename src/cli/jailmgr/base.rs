//! `jailmgr base`: imports, lists and removes base layers.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::progress::{Progress, size};
use crate::cli::site::Site;
use crate::jail::base::{self, ImportRequest};
use crate::jail::{self, Digest, Label, Limits, Origin, Pin};
use crate::telemetry;

/// Import, list and remove bases: the programs of jails that do not run the
/// host's own.
///
/// Example: jailmgr base import --name debian dir:/srv/debian
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 65 the archive is damaged or
/// hostile, 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, disable_help_subcommand = true)]
pub struct Base {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Import(Import),
    List(List),
    Remove(Remove),
}

/// Import a version of a base from a directory or a tar archive.
///
/// An archive may be plain or compressed with gzip or zstd (for others:
/// xz -dc FILE | jailmgr base import --name NAME tar:-). Without --sha256 its sum is
/// printed, and setuid bits and capabilities of its programs are dropped.
///
/// Example: jailmgr base import --sha256 SUM tar:/srv/debian.tar.gz
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 65 the archive is damaged or
/// hostile, 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct Import {
    /// Name of the base [default: after the file]
    #[arg(long)]
    name: Option<Label>,
    /// Name of the version [default: the first digits of the sum]
    #[arg(long)]
    version: Option<Label>,
    /// The archive must have this sum, as sha256sum prints it
    #[arg(long, value_name = "SUM")]
    sha256: Option<Digest>,
    /// Take device nodes, which are refused otherwise (outside of /dev)
    #[arg(long)]
    allow_devices: bool,
    /// dir:PATH, tar:PATH, or tar:- for standard input
    source: Source,
}

/// List the versions of bases that are here.
///
/// Example: jailmgr base list -v
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct List {
    /// Add sum and source
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    shape: Shape,
}

/// Remove a version of a base that no jail needs.
///
/// Example: jailmgr base remove debian@12.4
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct Remove {
    /// NAME@VERSION
    #[arg(value_name = "BASE")]
    pin: Pin,
}

/// Where a base comes from.
#[derive(Debug, Clone)]
struct Source(PathBuf, bool);

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("dir", path)) if !path.is_empty() => Ok(Source(path.into(), true)),
            Some(("tar", path)) if !path.is_empty() => Ok(Source(path.into(), false)),
            _ => Err("use dir:PATH, tar:PATH or tar:-".into()),
        }
    }
}

impl Base {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        match self.verb {
            Verb::Import(verb) => verb.run(&site),
            Verb::List(verb) => {
                let bases = base::list(&site.config)?;
                verb.shape.print(&telemetry::bases(&bases), verb.verbose, "no bases but the host's own")?;
                Ok(Exit::DONE)
            }
            Verb::Remove(Remove { pin }) => {
                let bytes = base::remove(&site, &pin)?;
                output::say(format_args!("Removed base {pin}: {}", size(bytes)))?;
                Ok(Exit::DONE)
            }
        }
    }
}

impl Import {
    fn run(self, site: &Site) -> Outcome {
        let Import { name, version, sha256, allow_devices: devices, source: Source(path, directory) } = self;
        let origin = if directory { Origin::Directory(path) } else { Origin::Archive(path) };
        let request = ImportRequest { origin, name, version, sha256, devices, limits: Limits::default() };
        let mut progress = Progress::new("importing");
        let imported = base::import(&site.config, &request, &mut |tally| progress.show(tally))?;
        drop(progress);
        say_imported(&imported)?;
        Ok(Exit::DONE)
    }
}

/// What became of an import, for whoever asked for it.
pub fn say_imported(imported: &jail::Import) -> Result<(), crate::cli::failure::Failure> {
    let (pin, tally) = (&imported.pin, &imported.tally);
    match imported.new {
        true => output::say(format_args!("Imported base {pin}: {} files, {}", tally.entries, size(tally.bytes)))?,
        false => output::say(format_args!("Base {pin} is here already"))?,
    }
    output::say(format_args!("  sha256 {}", imported.sha256))?;
    if tally.dropped_privileges > 0 {
        let count = tally.dropped_privileges;
        output::say(format_args!("  dropped {count} setuid bits and capabilities; give --sha256 to keep them"))?;
    }
    if tally.lost_attributes > 0 {
        let count = tally.lost_attributes;
        output::say(format_args!("  lost {count} extended attributes, which this file system cannot hold"))?;
    }
    Ok(())
}
