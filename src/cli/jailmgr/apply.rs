//! `jailmgr apply`: shell text run inside a jail.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::{Outcome, input};
use crate::jail;
use crate::kernel::JailName;

/// Run a shell script inside a jail, as its root.
///
/// The script is a file of the host, or standard input. A jail that is down is
/// brought up for it, without its service; with --ephemeral it is taken down
/// again.
///
/// Examples: echo 'mkdir -p /var/www/mysite' | jailmgr apply --ephemeral web
///           jailmgr apply web ./setup.sh -- --port 8080
///
/// Exit status: the script's; 64 wrong use, 65 the script is empty, 66 no such
/// file, 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Apply {
    /// Take the jail down again if this brought it up
    #[arg(long)]
    ephemeral: bool,
    /// Name of the jail
    name: JailName,
    /// File with the script, or - for standard input
    script: Option<PathBuf>,
    /// Arguments of the script, after --
    #[arg(value_name = "ARG", last = true)]
    arguments: Vec<String>,
}

impl Apply {
    pub fn run(self, common: &Common) -> Outcome {
        let path = match self.script {
            Some(path) => path,
            None if input::is_piped() => "-".into(),
            None => {
                let why = "no script; name a file, or give the script on standard input";
                return Err(Failure::new(Exit::USAGE, why));
            }
        };
        let script = input::read(&path)?;
        if script.trim_ascii().is_empty() {
            let what = if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() };
            return Err(Failure::new(Exit::DATA, format!("{what}: the script is empty")));
        }
        let site = Site::open(common)?;
        let output = jail::apply_with(&site, &self.name, &script, &self.arguments, self.ephemeral, false, None)?;
        Ok(Exit::of_command(output.status))
    }
}
