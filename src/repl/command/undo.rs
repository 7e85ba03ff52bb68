//! `:undo`

use super::{Answer, Command};
use crate::repl::shell::{Shell, say};

pub const COMMAND: Command = Command { name: "undo", arguments: "", help: "take back what the last line did to jails", run };

fn run(shell: &mut Shell, _: &str) -> Result<Answer, String> {
    let view = shell.session.view().map_err(|fault| fault.to_string())?;
    shell.undo.back(&view, say)?;
    Ok(Answer::Done)
}
