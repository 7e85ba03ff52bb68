//! The commands of the REPL, a file each: lines that begin with `:`. One table, of which `:help`, completion and the
//! documentation are made.

mod doc;
mod edit;
mod events;
mod form;
mod help;
mod jails;
mod kernel;
mod load;
mod logs;
mod plan;
mod probe;
mod profile;
mod quit;
mod save;
mod shell;
mod time;
mod top;
mod undo;
mod used;
mod watch;
mod why;

use super::shell::Shell;
pub use doc::tell_of;

/// What a command or a line leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// To this line, as if it were typed.
    Typed(String),
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
pub const COMMANDS: &[Command] = &[
    help::COMMAND,
    doc::COMMAND,
    jails::COMMAND,
    top::COMMAND,
    watch::COMMAND,
    logs::COMMAND,
    why::COMMAND,
    probe::COMMAND,
    events::COMMAND,
    used::COMMAND,
    shell::COMMAND,
    plan::COMMAND,
    undo::COMMAND,
    load::COMMAND,
    save::COMMAND,
    edit::COMMAND,
    time::COMMAND,
    profile::COMMAND,
    kernel::COMMAND,
    form::JSON,
    form::TABLE,
    form::AUTO,
    quit::COMMAND,
];

pub fn named(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Is this line for us and not for Rhai?
pub fn is_command(line: &str) -> bool {
    line.trim_start().starts_with(':')
}

/// What a newcomer types before they know of the `:`, as the command that is meant.
pub fn bare(line: &str) -> Option<&'static str> {
    match line.trim() {
        "help" | "?" => Some(":help"),
        "quit" | "exit" => Some(":quit"),
        _ => None,
    }
}

/// The expression that a command takes, if this line calls one that does.
pub fn expression(line: &str) -> Option<&str> {
    match parse(line)? {
        Ok((command, argument)) if command.arguments.contains("EXPR") => Some(argument),
        _ => None,
    }
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
    // `:save! FILE`: the command itself looks for it.
    let (name, argument) = match name.strip_suffix('!') {
        Some("save") => ("save", &rest["save".len()..]),
        _ => (name, argument),
    };
    Some(match named(name) {
        Some(command) if command.arguments.is_empty() && !argument.trim().is_empty() => Err(format!(":{name} takes no argument")),
        Some(command) => Ok((command, argument.trim())),
        None => {
            let near = crate::jail::spec::nearest(name, COMMANDS.iter().map(|command| command.name));
            Err(format!("no command :{name}; {}", near.map_or("see :help".into(), |near| format!("did you mean :{near}?"))))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_each_command_as_help_does() {
        let document = include_str!("../../../docs/repl.md");
        for command in COMMANDS {
            let call = format!(":{} {}", command.name, command.arguments).trim_end().replace('|', "\\|");
            let row = format!("| `{call}` | {} |", command.help);
            assert!(document.lines().any(|line| line == row), "docs/repl.md lacks: {row}");
        }
    }

    #[test]
    fn a_name_is_asked_about_in_front_or_behind() {
        assert_eq!(
            [question("?exec"), question("exec?"), question("? Jail.exec")],
            [Some("exec"), Some("exec"), Some("Jail.exec")]
        );
        assert_eq!([question("a ?? b"), question("?"), question("x[1]?")], [None; 3]);
    }

    #[test]
    fn a_slip_in_a_commands_name_is_seen() {
        let told = |line| parse(line).unwrap().err().unwrap();
        assert_eq!(told(":udno"), "no command :udno; did you mean :undo?");
        assert_eq!(told(":undo 3"), ":undo takes no argument");
        assert!(matches!(parse(":save! x"), Some(Ok((command, "! x"))) if command.name == "save"));
    }
}
