//! `:profile`

use super::{Answer, Command};
use crate::repl::evaluate;
use crate::repl::shell::Shell;

pub const COMMAND: Command =
    Command { name: "profile", arguments: "[NAME]", help: "show a profile's rights, or that of the jail in use", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let jail = match (argument, shell.used()) {
        ("", None) => return Err("no profile is named; use :profile low, medium, high, or :use NAME first".into()),
        ("", Some(jail)) => jail,
        (level, _) => return evaluate::aside(shell, &format!("profile({level:?}).explain()")),
    };
    let spec = shell.session.observation(&jail).map_err(|fault| fault.to_string())?.jail.spec;
    let said = shell.console.explain(spec.map_err(|why| format!("jail {jail}: {why}"))?.profile);
    evaluate::tell(shell, said)
}
