//! `:jails`

use super::Command;
use crate::repl::evaluate;

pub const COMMAND: Command =
    Command { name: "jails", arguments: "", help: "list the jails", run: |shell, _| evaluate::aside(shell, "list()") };
