//! `jailmgr bootstrap`: makes the host ready.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;

use super::boot;
use crate::cli::failure::Failure;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Plan;
use crate::cli::{Outcome, config, failure};
use crate::jail::JailError;
use crate::kernel::system::BOOT;
use crate::kernel::{KernelError, module};

/// Make this host ready for jails: load the kernel module if this kernel takes
/// it, make the data directory and a default configuration file, at the path of
/// --config if that is given.
///
/// Each step says whether it was done or already done; doing it again changes
/// nothing. The files for boot start what has autostart and stop all jails at
/// shutdown; they call this program by the path it has now, with the common
/// options given here.
///
/// Example: jailmgr bootstrap --install-boot
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Bootstrap {
    /// Write a systemd unit and a sysvinit script, and have systemd want the unit
    #[arg(long)]
    install_boot: bool,
    /// Remove them, and do nothing else
    #[arg(long, conflicts_with = "install_boot")]
    uninstall_boot: bool,
    /// Where the init system's directories are: DIR/etc/systemd/system, DIR/etc/init.d
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Bootstrap {
    pub fn run(self, common: &Common) -> Outcome {
        if let (true, Some(instead)) = (self.install_boot || self.uninstall_boot, BOOT) {
            return Err(Failure::new(failure::Exit::UNAVAILABLE, instead));
        }
        if self.uninstall_boot {
            return boot::remove(&self.root);
        }
        let site = Plan::to_be(common)?.open()?;
        let description = site.kernel.describe();
        match description.body {
            "sim" => output::say("kernel: simulated, nothing is enforced")?,
            "landlock" => {
                output::say(format_args!("kernel: landlock, ABI {}{}", description.abi, why_not_the_module()))?;
            }
            body => output::say(format_args!("kernel: {body}, ABI {}, is loaded", description.abi))?,
        }
        let data = &site.config.data_dir;
        for (path, mode) in [(data.clone(), 0o755), (data.join("base"), 0o755), (data.join("jails"), 0o700)] {
            step(&path, directory(&path, mode)?)?;
        }
        let file = common.config.clone().unwrap_or_else(|| PathBuf::from(config::PATH));
        // A simulation leaves nothing outside of its own directories.
        if site.scratch.is_none() {
            step(&file, default_config(&file)?)?;
        }
        if self.install_boot {
            boot::write(&self.root, common)?;
        }
        Ok(failure::Exit::DONE)
    }
}

/// Why it is the landlock body, when the module is not there.
fn why_not_the_module() -> String {
    match module::refusal() {
        Some(KernelError::Refused { why, .. }) => format!("; the module is refused: {why}"),
        // Asked for by name, or jails of that body live.
        _ => String::new(),
    }
}

fn step(path: &Path, made: bool) -> Result<(), Failure> {
    output::say(format_args!("{}: {}", path.display(), if made { "made" } else { "is there already" }))
}

/// Makes a directory, and says whether it had to. What is there and is no directory is refused, a symlink too.
fn directory(path: &Path, mode: u32) -> Result<bool, JailError> {
    let made = DirBuilder::new().mode(mode).create(path);
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => Ok(false),
            _ => Err(JailError::Path {
                path: path.to_owned(),
                why: "is no directory".into(),
                remedy: "move it away or choose another --data-dir".into(),
            }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
                directory(parent, 0o755)?;
                directory(path, mode)
            }
            _ => Err(JailError::io(format!("making {}", path.display()))(error)),
        },
        Err(error) => Err(JailError::io(format!("making {}", path.display()))(error)),
    }
}

fn default_config(path: &Path) -> Result<bool, JailError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        directory(parent, 0o755)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o644).open(path) {
        Ok(mut file) => {
            let written = file.write_all(config::DEFAULT.as_bytes()).and_then(|()| file.sync_all());
            written.map_err(JailError::io(format!("writing {}", path.display())))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(JailError::io(format!("making {}", path.display()))(error)),
    }
}
