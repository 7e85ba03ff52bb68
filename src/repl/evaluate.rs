//! A line of Rhai: evaluated, and its value shown.

use rhai::Dynamic;

use super::command::Answer;
use super::shell::{Shell, complain};
use super::show::{self, Screen};
use crate::script::console::Said;

pub fn line(shell: &mut Shell, text: &str) -> Answer {
    shell.count += 1;
    let name = format!("repl:{}", shell.count);
    match shell.console.evaluate(&name, text) {
        Said::Exit(status) => Answer::Leave(status),
        Said::Value(value) => {
            show(shell, &value);
            Answer::Done
        }
        Said::Failed { report, .. } => {
            complain(&report);
            Answer::Done
        }
    }
}

/// Prints a value, through a pager if it is longer than the screen.
pub fn show(shell: &Shell, value: &Dynamic) {
    let screen = Screen::of_terminal(shell.colour);
    match show::show(value, shell.form, screen) {
        // Output that cannot be written is lost with its terminal.
        Ok(text) => drop(show::deliver(&text, &show::Pager::of_environment(), screen)),
        Err(fault) => complain(&format!("error: {fault}")),
    }
}
