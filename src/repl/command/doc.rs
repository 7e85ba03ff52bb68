//! `:doc`, `?name` and `name?`

use super::{Answer, Command};
use crate::repl::shell::{Shell, say};
use crate::script::reference::render::{self, Paper};
use crate::script::reference::{self, Page};

pub const COMMAND: Command = Command { name: "doc", arguments: "[NAME]", help: "tell of a name, as ?NAME and NAME? do", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    if argument.is_empty() {
        shell.page(&render::overview(paper(shell)));
        return Ok(Answer::Done);
    }
    tell_of(shell, argument)
}

fn paper(shell: &Shell) -> Paper {
    let screen = shell.screen();
    Paper { width: screen.width, colour: screen.colour }
}

/// The pages of a name, or of the type of a variable's value.
pub fn tell_of(shell: &mut Shell, name: &str) -> Result<Answer, String> {
    let variable = shell.console.variables().find(|(known, _)| *known == name).map(|(_, value)| shell.console.kind(&value));
    let mut pages = reference::find(name);
    if let Some(kind) = variable {
        say(&format!("{name} is of type {kind}"));
        pages = reference::find(&kind);
    } else if let Some((_, parameters)) = shell.console.functions().into_iter().find(|(known, _)| known == name) {
        say(&format!("fn {name}({}), of this session", parameters.join(", ")));
        return Ok(Answer::Done);
    } else if pages.is_empty() {
        let hint = reference::meant(name).map_or("see :doc for all names".into(), |near| format!("did you mean {near}?"));
        return Err(format!("nothing is named {name:?}; {hint}"));
    }
    let pages: Vec<String> = pages.iter().map(|page: &Page| render::page(page, paper(shell))).collect();
    shell.page(&pages.join("\n\n"));
    Ok(Answer::Done)
}
