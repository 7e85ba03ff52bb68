//! A line of Rhai: evaluated, and its value shown.

use std::path::Path;

use rhai::Dynamic;

use super::command::Answer;
use super::history::is_private;
use super::record::Kept;
use super::shell::{Shell, complain};
use super::show;
use crate::script::console::Said;

pub fn line(shell: &mut Shell, text: &str) -> Answer {
    shell.count += 1;
    let name = format!("repl:{}", shell.count);
    let said = shell.console.evaluate(&name, text);
    done(shell, &name, text, said)
}

/// A file, as if it were typed.
pub fn file(shell: &mut Shell, path: &Path, text: &str) -> Answer {
    let said = shell.console.load(path, text);
    // In the middle of a script it is no first line; those below keep their numbers.
    let text = if text.starts_with("#!") { text.find('\n').map_or("", |end| &text[end..]) } else { text };
    done(shell, &path.to_string_lossy(), text, said)
}

fn done(shell: &mut Shell, name: &str, text: &str, said: Said) -> Answer {
    let interactive = &shell.session.interactive;
    if matches!(said, Said::Failed { .. }) {
        interactive.failed();
    }
    let (deeds, narrowed) = (interactive.deeds(), interactive.narrowed());
    shell.undo.remember(name, deeds);
    match said {
        Said::Exit(status) => Answer::Leave(status),
        Said::Value(value) => {
            let (expression, private) = (shell.console.was_expression(), is_private(text));
            let last = shell.last.clone();
            let kept = Kept { name: name.to_owned(), text: text.to_owned(), narrowed, last, expression, private };
            shell.record.keep(kept);
            if !value.is_unit() {
                shell.last = Some(name.to_owned());
            }
            show(shell, &value);
            Answer::Done
        }
        Said::Failed { report, .. } => {
            complain(&report);
            shell.failure = Some(report);
            Answer::Done
        }
    }
}

/// Shows what an expression gives, which is nobody's line.
pub fn aside(shell: &mut Shell, text: &str) -> Result<Answer, String> {
    let said = shell.console.aside("repl", text);
    tell(shell, said)
}

/// Shows what came of something that is nobody's line.
pub fn tell(shell: &Shell, said: Said) -> Result<Answer, String> {
    match said {
        Said::Value(value) => show(shell, &value),
        Said::Failed { report, .. } => complain(&report),
        Said::Exit(_) => {}
    }
    Ok(Answer::Done)
}

/// Prints a value, through a pager if it is longer than the screen.
pub fn show(shell: &Shell, value: &Dynamic) {
    match show::show(value, shell.form, shell.screen()) {
        Ok(text) => shell.page(&text),
        Err(fault) => complain(&format!("error: {fault}")),
    }
}
