//! `:help`

use super::{Answer, COMMANDS, Command, named};
use crate::repl::shell::{Shell, say};

pub const COMMAND: Command = Command { name: "help", arguments: "[CMD]", help: "list the commands, or show one", run };

fn run(_: &mut Shell, argument: &str) -> Result<Answer, String> {
    let line = |command: &Command| {
        let call = format!(":{} {}", command.name, command.arguments);
        format!("  {:<22} {}", call.trim_end(), command.help)
    };
    if argument.is_empty() {
        say(&COMMANDS.iter().map(line).collect::<Vec<_>>().join("\n"));
        return Ok(Answer::Done);
    }
    let name = argument.trim_start_matches(':');
    let command = named(name).ok_or_else(|| format!("no command :{name}; see :help"))?;
    say(&line(command));
    Ok(Answer::Done)
}
