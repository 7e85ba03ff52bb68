//! `:help`

use super::{Answer, COMMANDS, Command, named};
use crate::repl::shell::{Shell, say};

pub const COMMAND: Command = Command { name: "help", arguments: "[CMD]", help: "list the commands, or tell of one", run };

const LINES: &str = "\
Any other line is Rhai: it is evaluated and its value shown; _ is the last value.
  ?NAME or NAME?         tell of a verb, a key of a spec, a module
  Tab                    complete; Right takes the hint
  Ctrl-C                 cancel what runs or what is typed; Ctrl-D leaves
  Alt-Enter              a row below, where the line would be done";

/// What some commands need more words for.
const MORE: [(&str, &str); 5] = [
    (
        "use",
        "\
verb(...) is then NAME.verb(...) wherever a jail has that method with such
arguments, and what it always was elsewhere: stop() stops NAME, stop(\"api\")
stops api, stats() shows NAME, list() lists all. A jail that is gone is in use
no longer.",
    ),
    (
        "undo",
        "\
Takes back files, directories, links and lines inside jails with their owners
and modes, create, start, stop and changes of a spec; not what commands did,
destroy, signals, snapshots. A line is taken back whole or not at all, and only
as long as nobody else changed what it left. Each call goes one line further
back.",
    ),
    (
        "save",
        "\
Lines that failed are not in it, nor those that may hold a secret. Calls that
the jail in use was given to name it; _ gets a name. FILE is private (mode
0600); :save! writes over one that is there.",
    ),
    ("plan", "EXPR sees the variables of this session, and changes none. A FILE ends in .rhai."),
    ("load", "What it defines stays. It imports from beside itself."),
];

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    if argument.is_empty() {
        let commands: Vec<String> = COMMANDS.iter().map(line).collect();
        shell.page(&format!("{}\n\n{LINES}\n", commands.join("\n")));
        return Ok(Answer::Done);
    }
    let name = argument.trim_start_matches(':');
    let command = named(name).ok_or_else(|| format!("no command :{name}; see :help"))?;
    say(&line(command));
    if let Some((_, more)) = MORE.iter().find(|(of, _)| *of == name) {
        say(&format!("\n{more}"));
    }
    Ok(Answer::Done)
}

fn line(command: &Command) -> String {
    let call = format!(":{} {}", command.name, command.arguments);
    format!("  {:<22} {}", call.trim_end(), command.help)
}
