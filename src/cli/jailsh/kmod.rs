//! `jailsh kmod`: the kernel module by hand.

use clap::{Args, Subcommand};

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::output::{self, Shape};
use crate::kernel::{KernelError, module};
use crate::telemetry::{self, Format};

/// Load, unload or look at the kernel module secmodel_jail.
///
/// The verbs that need it load it themselves.
///
/// Where the kernel refuses it, jails are held by the landlock body, which has
/// nothing to load.
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
                module::load()?;
                output::say("Loaded secmodel_jail")?;
                Ok(Exit::DONE)
            }
            Act::Unload => {
                module::unload()?;
                output::say("Unloaded secmodel_jail")?;
                Ok(Exit::DONE)
            }
            Act::Status { shape } => status(shape),
        }
    }
}

fn status(shape: Shape) -> Outcome {
    let json = shape.format() == Format::Json;
    let Some((status, description)) = module::loaded()? else { return not_loaded(json) };
    if json {
        output::json(&serde_json::json!({ "loaded": true, "refused": null, "module": status, "description": description }))?;
        return Ok(Exit::DONE);
    }
    let rights = telemetry::rights(&description, None, None);
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

/// Not loaded yet, or refused by this kernel: then what holds the jails instead.
fn not_loaded(json: bool) -> Outcome {
    let refused = module::refusal();
    if json {
        let refused = refused.map(|error| error.to_string());
        output::json(&serde_json::json!({ "loaded": false, "refused": refused, "module": null, "description": null }))?;
        return Ok(Exit::FAILED);
    }
    match (refused, module::jails_do_without()) {
        (None, _) => output::say("secmodel_jail is not loaded; this kernel takes it, and the first jail loads it")?,
        (Some(KernelError::Refused { why, .. }), true) => output::say(format_args!(
            "secmodel_jail is not loaded and cannot be: {why}\njails are held by the landlock body, which needs no module"
        ))?,
        (Some(error), _) => output::say(format_args!("secmodel_jail is not loaded: {error}"))?,
    }
    Ok(Exit::FAILED)
}
