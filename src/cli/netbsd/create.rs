//! `jailctl create`: a jail in the kernel, on a root of its own.

use std::path::PathBuf;

use clap::Args;

use super::failure::Exit;
use super::policy::PolicyOptions;
use super::{Outcome, host, output};
use crate::jail::{compose, take_down};
use crate::kernel::{JailDef, JailName, Kernel, Level, Policy};

/// Make a jail: compose its root, and put it into the kernel.
///
/// Nothing is started.
///
/// The base's programs are null mounts that nobody can write, /dev has what a
/// jail may open, /tmp is a tmpfs; all else is what the directory holds. Of a
/// jail with --base none the directory brings the programs too. The directory
/// and all above it belong to root.
///
/// Example: jailctl create -n web -l medium -r 8080 /jails/web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Create {
    /// Name of the jail
    #[arg(short, long)]
    name: JailName,
    #[command(flatten)]
    policy: PolicyOptions,
    /// Where the programs are from, or none [default: /, the host's]
    #[arg(long, value_name = "DIR", default_value = "/", hide_default_value = true)]
    base: PathBuf,
    /// The jail's root
    root: PathBuf,
}

impl Create {
    pub fn run(self) -> Outcome {
        let level = self.policy.level.unwrap_or(Level::High);
        let policy = self.policy.policy(Policy::new(level.rights(), Vec::new()));
        let kernel = host::kernel()?;
        // Before anything is mounted: what the kernel would refuse, it refuses now.
        kernel.admits(&policy)?;
        let root = self.root.to_str().ok_or_else(|| super::Failure::new(Exit::USAGE, "the root's path is no text"))?.to_owned();
        let base = (self.base.as_os_str() != "none").then_some(self.base.as_path());
        compose(&self.root, base)?;
        let def = JailDef { name: self.name, root, profile: level.name().into(), policy };
        let made = kernel.create(&def);
        if made.is_err() {
            // The first error is the one to tell.
            let _ = take_down(&self.root);
        }
        output::say(format_args!("jail {}", made?))?;
        Ok(Exit::DONE)
    }
}
