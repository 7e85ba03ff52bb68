//! What the REPL knows between two lines.

use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use super::command::{self, Answer};
use super::complete::Remembered;
use super::prompt::Prompt;
use super::show::Form;
use super::{Settings, evaluate};
use crate::kernel::JailName;
use crate::script::Session;
use crate::script::console::Console;

/// What comes after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Line,
    /// With this exit status.
    Leave(u8),
}

pub struct Shell {
    pub session: Rc<Session>,
    pub console: Console,
    /// The jail that verbs apply to.
    pub used: Option<JailName>,
    pub form: Form,
    pub colour: bool,
    /// Directories that lines import from.
    pub module_path: Vec<PathBuf>,
    /// For completion.
    pub remembered: Remembered,
    /// Lines that were evaluated; each is a text of its own in messages.
    pub count: usize,
}

impl Shell {
    pub fn new(session: &Rc<Session>, settings: Settings) -> Shell {
        Shell {
            session: session.clone(),
            console: Console::new(session, settings.limits, settings.module_path.clone()),
            module_path: settings.module_path,
            remembered: Remembered::default(),
            used: None,
            form: Form::default(),
            colour: settings.colour,
            count: 0,
        }
    }

    pub fn greet(&self) {
        say(&format!("jailsh {}; :help for help, Ctrl-D to leave", env!("CARGO_PKG_VERSION")));
        if let Err(why) = self.session.host() {
            say(&format!("note: no jails can be reached: {why}"));
        }
    }

    pub fn prompt(&mut self) -> Prompt {
        Prompt::new(self.used.as_ref(), self.colour)
    }

    /// Does what a line says.
    pub fn take(&mut self, text: &str) -> Next {
        if text.trim().is_empty() {
            return Next::Line;
        }
        let answered = match command::parse(text) {
            Some(called) => called.and_then(|(command, argument)| (command.run)(self, argument)),
            None => Ok(evaluate::line(self, text)),
        };
        match answered {
            Ok(Answer::Done) => Next::Line,
            Ok(Answer::Leave(status)) => Next::Leave(status),
            Err(why) => {
                complain(&format!("error: {why}"));
                Next::Line
            }
        }
    }
}

/// A line for whoever reads; one that cannot be written is lost with its terminal.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush());
}

pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end_matches('\n'));
}
