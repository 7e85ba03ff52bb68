//! A line of Rhai: evaluated, and its value shown.

use super::command::Answer;
use super::shell::{Shell, complain, say};
use super::show;
use crate::script::console::Said;

pub fn line(shell: &mut Shell, text: &str) -> Answer {
    shell.count += 1;
    let name = format!("repl:{}", shell.count);
    match shell.console.evaluate(&name, text) {
        Said::Exit(status) => Answer::Leave(status),
        Said::Value(value) => {
            if let Some(text) = show::value(&shell.console, &value, shell.form, shell.colour) {
                say(&text);
            }
            Answer::Done
        }
        Said::Failed { report, .. } => {
            complain(&report);
            Answer::Done
        }
    }
}
