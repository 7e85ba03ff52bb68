//! `:json`, `:table` and `:auto`: in what form values are shown from now on.

use super::{Answer, Command};
use crate::repl::shell::Shell;
use crate::repl::show::Form;

pub const JSON: Command =
    Command { name: "json", arguments: "", help: "show values as JSON", run: |shell, _| choose(shell, Form::Json) };
pub const TABLE: Command =
    Command { name: "table", arguments: "", help: "show lists and maps as tables", run: |shell, _| choose(shell, Form::Table) };
pub const AUTO: Command =
    Command { name: "auto", arguments: "", help: "show each value as suits it", run: |shell, _| choose(shell, Form::Auto) };

fn choose(shell: &mut Shell, form: Form) -> Result<Answer, String> {
    shell.form = form;
    Ok(Answer::Done)
}
