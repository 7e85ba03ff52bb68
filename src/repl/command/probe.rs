//! `:probe`

use super::{Answer, Command};
use crate::kernel::JailName;
use crate::repl::evaluate;
use crate::repl::shell::Shell;

pub const COMMAND: Command = Command {
    name: "probe",
    arguments: "[NAME]",
    help: "attack a running jail from inside, harmlessly, and tell what held",
    run,
};

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let jail: JailName = match (argument, shell.used()) {
        ("", None) => return Err("no jail is named; use :probe NAME, or :use NAME first".into()),
        ("", Some(jail)) => jail,
        (name, _) => name.parse().map_err(|error| format!("{error}"))?,
    };
    evaluate::aside(shell, &format!("probe({:?})", jail.as_str()))
}
