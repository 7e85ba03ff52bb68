//! `:events`: what of the live events is told.

use super::{Answer, Command};
use crate::repl::shell::{Shell, say};

pub const COMMAND: Command =
    Command { name: "events", arguments: "[on|off|filter TEXT]", help: "show the last events, or choose which are told", run };

/// So many of the last events are shown.
const SHOWN: usize = 20;

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let (word, rest) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    match (word, rest.trim()) {
        ("", "") => say(&shell.events.report(SHOWN)),
        ("on", "") => shell.events.turn(true),
        ("off", "") => shell.events.turn(false),
        ("filter", text) => {
            shell.events.filter(text);
            shell.events.turn(true);
        }
        _ => {
            return Err(format!(
                "{argument:?} is nothing that events can be; use on, off, or filter with a text or a jail's name"
            ));
        }
    }
    Ok(Answer::Done)
}
