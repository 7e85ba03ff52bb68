//! `jailsh` on a terminal: reads a line, evaluates it, shows its value, and begins again. The only part that talks to the
//! terminal while somebody types; what a line does is up to [`crate::script`].

mod command;
mod complete;
mod evaluate;
mod events;
mod highlight;
mod hint;
mod history;
mod keys;
mod line;
mod prompt;
mod record;
mod shell;
mod show;
mod terminal;
mod undo;
mod validate;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use crate::script::{Hearing, Limits, Session};
use events::Events;
pub use events::Open;
use shell::{Next, Shell};
use terminal::{Read, Terminal};

/// With what the REPL is opened.
pub struct Settings {
    pub limits: Limits,
    /// Directories that lines import from.
    pub module_path: Vec<PathBuf>,
    pub colour: bool,
    /// Opens another host for a thread that looks at the jails; `None` where there is nothing to see.
    pub open: Option<Open>,
}

/// Talks to whoever sits at the terminal until they leave, and returns the exit status.
///
/// # Errors
/// The terminal cannot be used.
pub fn run(session: &Rc<Session>, settings: Settings) -> Result<u8, String> {
    // Between two lines, too, Ctrl-C ends nothing.
    let _hearing = Hearing::begin();
    let (colour, open) = (settings.colour, settings.open.clone());
    let shell = Rc::new(RefCell::new(Shell::new(session, settings)));
    let mut terminal = Terminal::open(&shell, colour)?;
    let board = shell.borrow().events.clone();
    let mut events = open.zip(terminal.printer()).map(|(open, printer)| Events::new(printer, &board, open, colour));
    shell.borrow().greet();
    loop {
        let prompt = shell.borrow_mut().prompt();
        events.iter_mut().for_each(Events::begin);
        let read = terminal.read(&prompt);
        events.iter_mut().for_each(Events::end);
        match read? {
            Read::Line(text) => {
                let mut next = shell.borrow_mut().take(&text);
                while let Next::Typed(text) = next {
                    terminal.typed(&prompt, &text);
                    next = shell.borrow_mut().take(&text);
                }
                if let Next::Leave(status) = next {
                    return Ok(status);
                }
            }
            // The line is dropped, the shell goes on.
            Read::Cancelled => {}
            Read::End => return Ok(0),
        }
    }
}
