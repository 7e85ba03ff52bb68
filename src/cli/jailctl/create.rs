//! `jailctl create`: a jail in the kernel, without its service.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::jail::{self, JailError, Spec};
use crate::kernel::{JailName, Reservation};

/// Bring a jail up without its service: put it into the kernel, with its mounts.
///
/// A jail that has no files yet gets them first, with the policy of the options;
/// jailmgr config changes that of one that has. Commands run in it with jailctl
/// exec, and jailctl supervise keeps one running.
///
/// Example: jailctl create -n web -l medium -r 8080
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Create {
    /// Name of the jail
    #[arg(short, long)]
    name: JailName,
    /// Profile of a new jail: low, medium or high; also -p [default: high]
    #[arg(short, long = "profile", short_alias = 'p')]
    level: Option<String>,
    /// Ports that only a new jail may bind, as 8080, 53/udp, 127.0.0.2:53, 5000-5010; repeatable
    #[arg(short, long, value_name = "PORT[,PORT..]", value_delimiter = ',')]
    reserve: Vec<Reservation>,
    /// The jail's root, which is where --data-dir has it
    root: Option<PathBuf>,
}

impl Create {
    pub fn run(self, common: &Common) -> Outcome {
        let spec = Spec::parse(&self.name, &json!({ "profile": self.level, "ports": self.reserve }))
            .map_err(|error| Failure::new(Exit::USAGE, error.to_string()))?;
        let site = Site::open(common)?;
        let (name, root) = (&self.name, site.config.root_dir(&self.name));
        if self.root.is_some_and(|given| given != root) {
            let why = format!("the root of jail {name} is {}; leave it out, or choose another --data-dir", root.display());
            return Err(Failure::new(Exit::USAGE, why));
        }
        let is_new = match jail::observe(&site, name) {
            Ok(seen) if seen.kernel.is_some() => {
                return Err(Failure::new(Exit::FAILED, format!("jail {name} is in the kernel already; see jailctl list")));
            }
            Ok(_) if self.level.is_some() || !self.reserve.is_empty() => {
                let why = format!("jail {name} has a policy already; leave -l and -r out, or use jailmgr config {name}");
                return Err(Failure::new(Exit::FAILED, why));
            }
            Ok(_) => false,
            Err(JailError::NoSuchJail { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        if is_new {
            jail::create(&site, name, &spec)?;
        }
        let up = jail::bring_up(&site, name);
        if is_new && up.is_err() {
            // The first error is the one to tell.
            let _ = jail::destroy(&site, name);
        }
        output::say(format_args!("jail {}", up?.jid))?;
        Ok(Exit::DONE)
    }
}
