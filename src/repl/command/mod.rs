//! The commands of the REPL, a file each: lines that begin with `:`. One table, of which `:help`, completion and the
//! documentation are made.

mod form;
mod help;
mod quit;

use super::shell::Shell;

/// What a command or a line leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// The REPL is left with this exit status.
    Leave(u8),
}

/// A command.
pub struct Command {
    /// Without the `:`.
    pub name: &'static str,
    /// As help shows them: `[CMD]`, `NAME`.
    pub arguments: &'static str,
    /// One line.
    pub help: &'static str,
    /// Gets what stands behind its name, trimmed. The error is what to tell, in one line.
    pub run: fn(&mut Shell, &str) -> Result<Answer, String>,
}

/// All of them, in the order in which help shows them.
pub const COMMANDS: &[Command] = &[help::COMMAND, form::JSON, form::TABLE, form::AUTO, quit::COMMAND];

pub fn named(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Is this line for us and not for Rhai?
pub fn is_command(line: &str) -> bool {
    line.trim_start().starts_with(':')
}

/// The name that `?name` or `name?` asks about.
pub fn question(line: &str) -> Option<&str> {
    let line = line.trim();
    let name = line.strip_prefix('?').or_else(|| line.strip_suffix('?'))?.trim();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/');
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

/// The command that a line calls, with its argument.
pub fn parse(line: &str) -> Option<Result<(&'static Command, &str), String>> {
    let rest = line.trim().strip_prefix(':')?;
    let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some(match named(name) {
        Some(command) => Ok((command, argument.trim())),
        None => {
            let near = crate::jail::spec::nearest(name, COMMANDS.iter().map(|command| command.name));
            Err(format!("no command :{name}; {}", near.map_or("see :help".into(), |near| format!("did you mean :{near}?"))))
        }
    })
}
