//! Where lines come from: a terminal that can move its cursor, by rustyline, or one that can not, row by row.

mod ended;
mod plain;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use rustyline::error::ReadlineError;
use rustyline::{ColorMode, CompletionType, Config, Editor, ExternalPrinter};

use super::history::History;
use super::keys::{self, Margin};
use super::line::Line;
use super::prompt::Prompt;
use super::shell::{Shell, complain, say};
use ended::Restoring;
use plain::Plain;

/// What came from the terminal.
pub enum Read {
    Line(String),
    /// Ctrl-C.
    Cancelled,
    /// Ctrl-D, or the terminal is gone.
    End,
}

pub enum Terminal {
    Edited { editor: Box<Editor<Line, History>>, margin: Margin },
    Plain(Plain),
}

impl Terminal {
    pub fn open(shell: &Rc<RefCell<Shell>>, colour: bool) -> Result<Terminal, String> {
        // What rustyline takes for one too.
        let is_plain = std::env::var("TERM").is_ok_and(|term| ["dumb", "cons25", "emacs", ""].contains(&term.as_str()));
        if is_plain {
            return Ok(Terminal::Plain(Plain::default()));
        }
        // Highlighting marks the rows below, in colours or without.
        let config = Config::builder()
            .color_mode(ColorMode::Forced)
            .auto_add_history(false)
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .build();
        let (history, why) = History::open();
        let mut editor = Editor::with_history(config, history).map_err(unusable)?;
        let margin = Margin::default();
        editor.set_helper(Some(Line::new(shell.clone(), colour, margin.clone())));
        for (key, handler) in keys::bindings(&margin) {
            editor.bind_sequence(key, handler);
        }
        if let Some(why) = why {
            say(&format!("note: no history is kept: {why}"));
        }
        Ok(Terminal::Edited { editor: Box::new(editor), margin })
    }

    /// By which another thread prints above the line that is typed.
    pub fn printer(&mut self) -> Option<impl ExternalPrinter + Send + 'static> {
        match self {
            Terminal::Edited { editor, .. } => editor.create_external_printer().ok(),
            Terminal::Plain(_) => None,
        }
    }

    /// A line came from elsewhere: it is shown and remembered as if it were typed.
    pub fn typed(&mut self, prompt: &Prompt, text: &str) {
        say(&format!("{}{}", prompt.plain(), text.replace('\n', &format!("\n{}", prompt.below()))));
        self.remember(text);
    }

    fn remember(&mut self, text: &str) {
        if let Terminal::Edited { editor, .. } = self
            && !text.trim().is_empty()
            && let Err(why) = editor.history_mut().keep(text)
        {
            complain(&format!("note: {why}"));
        }
    }

    /// Reads a line, of several rows where it goes on below.
    pub fn read(&mut self, prompt: &Prompt) -> Result<Read, String> {
        let read = match self {
            Terminal::Plain(plain) => return plain.read(prompt),
            Terminal::Edited { editor, margin } => {
                margin.store(prompt.margin(), Ordering::Relaxed);
                let _restoring = Restoring::begin();
                editor.readline(prompt)
            }
        };
        match read {
            Ok(text) => {
                self.remember(&text);
                Ok(Read::Line(keys::dedented(&text, prompt.margin())))
            }
            Err(ReadlineError::Interrupted | ReadlineError::Errno(Errno::EINTR)) => Ok(Read::Cancelled),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(error) => Err(unusable(error)),
        }
    }
}

fn unusable(error: ReadlineError) -> String {
    format!("the terminal cannot be used: {error}")
}
