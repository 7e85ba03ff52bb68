//! `:quit`

use super::{Answer, Command};

pub const COMMAND: Command =
    Command { name: "quit", arguments: "", help: "leave, as does Ctrl-D", run: |_, _| Ok(Answer::Leave(0)) };
