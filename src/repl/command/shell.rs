//! `:shell`

use super::{Answer, Command};
use crate::jail::{self, ExecRequest};
use crate::kernel::JailName;
use crate::repl::shell::Shell;

pub const COMMAND: Command = Command { name: "shell", arguments: "[NAME]", help: "open a shell in a running jail", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let jail: JailName = match (argument, shell.used()) {
        ("", None) => return Err("no jail is named; use :shell NAME".into()),
        ("", Some(jail)) => jail,
        (name, _) => name.parse().map_err(|error| format!("{error}"))?,
    };
    let host = shell.session.host().map_err(|fault| fault.to_string())?;
    // Its status is the shell's own affair.
    jail::exec(host, &jail, &ExecRequest { pty: Some(true), ..ExecRequest::default() }).map_err(|error| error.to_string())?;
    Ok(Answer::Done)
}
