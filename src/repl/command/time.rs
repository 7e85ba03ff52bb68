//! `:time`

use std::time::Instant;

use super::{Answer, Command};
use crate::repl::evaluate;
use crate::repl::shell::{Shell, say};

pub const COMMAND: Command = Command { name: "time", arguments: "EXPR", help: "evaluate EXPR and tell how long it took", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    if argument.is_empty() {
        return Err("nothing to evaluate; use :time EXPR".into());
    }
    let begun = Instant::now();
    let answer = evaluate::line(shell, argument);
    say(&format!("took {:.1?}", begun.elapsed()));
    Ok(answer)
}
