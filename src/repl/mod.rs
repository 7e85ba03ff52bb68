//! `jailsh` on a terminal: reads a line, evaluates it, shows its value, and begins again. The only part that talks to the
//! terminal while somebody types; what a line does is up to [`crate::script`].

mod command;
mod complete;
mod evaluate;
mod events;
mod highlight;
mod hint;
mod history;
mod line;
mod prompt;
mod shell;
mod show;
mod validate;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::error::ReadlineError;
use rustyline::{ColorMode, CompletionType, Config, Editor};

use crate::script::{Limits, Session};
use history::History;
use line::Line;
use shell::{Next, Shell};

/// With what the REPL is opened.
pub struct Settings {
    pub limits: Limits,
    /// Directories that lines import from.
    pub module_path: Vec<PathBuf>,
    pub colour: bool,
}

/// Talks to whoever sits at the terminal until they leave, and returns the exit status.
///
/// # Errors
/// The terminal cannot be used.
pub fn run(session: &Rc<Session>, settings: Settings) -> Result<u8, String> {
    let colour = settings.colour;
    let shell = Rc::new(RefCell::new(Shell::new(session, settings)));
    let color_mode = if colour { ColorMode::Enabled } else { ColorMode::Disabled };
    let config = Config::builder()
        .color_mode(color_mode)
        .auto_add_history(false)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .build();
    let failed = |error: ReadlineError| format!("the terminal cannot be used: {error}");
    let mut editor = Editor::with_history(config, History::open()).map_err(failed)?;
    editor.set_helper(Some(Line::new(shell.clone(), colour)));
    let _events = editor.create_external_printer().ok().map(events::Events::begin);
    shell.borrow().greet();
    loop {
        let prompt = shell.borrow_mut().prompt();
        match editor.readline(&prompt) {
            Ok(text) => {
                editor.history_mut().keep(&text);
                let next = shell.borrow_mut().take(&text);
                if let Next::Leave(status) = next {
                    return Ok(status);
                }
            }
            // The line is dropped, the shell goes on.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(0),
            Err(error) => return Err(failed(error)),
        }
    }
}
