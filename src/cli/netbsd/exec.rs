//! `jailctl exec`: a command or a shell in a jail.

use clap::Args;

use super::Outcome;
use super::failure::Exit;
use super::host::{self, Target};
use crate::jail::{Command, enter, has_terminal, run, term};
use crate::kernel::Kernel;

/// Run a command in a jail; without one, an interactive shell.
///
/// The command gets a clean environment, no descriptor but the standard three,
/// and on a terminal a pty of its own.
///
/// Example: jailctl exec -u www -E LANG=C web id
///
/// Exit status: the command's, 128+n when signal n ended it, 126 not executable,
/// 127 not found; 1 failed, 64 wrong use, 69 the kernel cannot do it, 77 not
/// root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Exec {
    /// User of the jail's /etc/passwd, or a number [default: root]
    #[arg(short, long)]
    user: Option<String>,
    /// Directory to start in [default: the user's home]
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set a variable of the environment; repeatable
    #[arg(short = 'E', long, value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
    /// Program and arguments
    #[arg(value_name = "CMD", trailing_var_arg = true)]
    command: Vec<String>,
}

impl Exec {
    pub fn run(self) -> Outcome {
        let kernel = host::kernel()?;
        let jail = self.jail.resolve(&kernel)?;
        let gate = kernel.gate(jail.jid)?;
        let command = Command {
            root: jail.root.into(),
            argv: self.command,
            env: self.env.into_iter().collect(),
            user: self.user,
            workdir: self.workdir,
            term: term(),
        };
        if has_terminal() {
            return Ok(Exit::of_command(run(&command, gate.as_ref())?));
        }
        match enter(&command, gate.as_ref())? {}
    }
}

/// `KEY=VALUE`
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(format!("{text:?} is no variable; use KEY=VALUE with letters, digits and _ in the key")),
    }
}
