//! `jailsh kmod`: the kernel module by hand.

use clap::{Args, Subcommand};

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Shape};
use crate::kernel::lsm::Lsm;
use crate::kernel::{Kernel, KernelError};
use crate::telemetry::{self, Format};

/// Load, unload or look at the kernel module secmodel_jail.
///
/// The verbs that need it load it themselves.
///
/// Example: jailsh kmod status
///
/// Exit status: 0 done, 1 failed (unload: a jail exists; status: not loaded),
/// 69 the kernel refuses it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Kmod {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Load the module, or replace a loaded one without a gap
    Load,
    /// Remove the module; refused while a jail exists
    Unload,
    /// Show what is loaded, and which right is enforced by what
    Status {
        #[command(flatten)]
        shape: Shape,
    },
}

impl Kmod {
    pub fn run(self) -> Outcome {
        if !nix::unistd::geteuid().is_root() {
            return Err(KernelError::NotPermitted.into());
        }
        match self.act {
            Act::Load => {
                Lsm::load()?;
                output::say("Loaded secmodel_jail")?;
                Ok(Exit::DONE)
            }
            Act::Unload => {
                Lsm::unload()?;
                output::say("Unloaded secmodel_jail")?;
                Ok(Exit::DONE)
            }
            Act::Status { shape } => status(shape),
        }
    }
}

fn status(shape: Shape) -> Outcome {
    let json = shape.format() == Format::Json;
    let lsm = match Lsm::open() {
        Ok(lsm) => lsm,
        Err(KernelError::NotLoaded) => {
            if json {
                output::json(&serde_json::json!({ "loaded": false, "module": null, "description": null }))?;
            } else {
                output::say("secmodel_jail is not loaded")?;
            }
            return Ok(Exit::FAILED);
        }
        Err(error) => return Err(Failure::from(error)),
    };
    let (status, description) = (Lsm::status()?, lsm.describe());
    if json {
        output::json(&serde_json::json!({ "loaded": true, "module": status, "description": description }))?;
        return Ok(Exit::DONE);
    }
    let rights = telemetry::rights(&description, None);
    if shape.format() != Format::Text {
        shape.print(&rights, false, "")?;
        return Ok(Exit::DONE);
    }
    output::say(format_args!(
        "secmodel_jail is loaded: ABI {}, {} programs, pinned in {}, kernel {}, {} jails with {} members",
        status.abi, status.programs, status.directory, description.kernel, status.jails, status.members
    ))?;
    for note in &description.notes {
        output::say(format_args!("note: {note}"))?;
    }
    output::say("")?;
    shape.print(&rights, false, "")?;
    Ok(Exit::DONE)
}
