//! `:kernel`

use super::Command;
use crate::repl::evaluate;

pub const COMMAND: Command = Command {
    name: "kernel",
    arguments: "",
    help: "show what enforces the jails here",
    run: |shell, _| evaluate::aside(shell, "kernel()"),
};
