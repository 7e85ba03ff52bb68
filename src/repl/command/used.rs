//! `:use`

use super::{Answer, Command};
use crate::kernel::JailName;
use crate::repl::shell::Shell;

pub const COMMAND: Command =
    Command { name: "use", arguments: "[NAME]", help: "let verbs apply to a jail; without NAME to none", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let jail: Option<JailName> = match argument {
        "" => None,
        name => Some(name.parse().map_err(|error| format!("{error}"))?),
    };
    if let Some(jail) = &jail {
        shell.session.observation(jail).map_err(|fault| fault.to_string())?;
    }
    shell.session.interactive.make_use_of(jail);
    Ok(Answer::Done)
}
