//! What the REPL knows between two lines.

use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use super::command::{self, Answer};
use super::complete::Remembered;
use super::events::{Board, Open};
use super::prompt::Prompt;
use super::record::Record;
use super::show::{self, Form, Screen};
use super::undo::Undo;
use super::{Settings, evaluate};
use crate::kernel::JailName;
use crate::script::console::Console;
use crate::script::{Kind, Limits, Session};
use crate::telemetry::printable;

/// What comes after a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Line,
    /// This, as if it were typed.
    Typed(String),
    /// With this exit status.
    Leave(u8),
}

pub struct Shell {
    pub session: Rc<Session>,
    pub console: Console,
    pub form: Form,
    pub colour: bool,
    /// Directories that lines import from.
    pub module_path: Vec<PathBuf>,
    /// For completion.
    pub remembered: Remembered,
    /// What happens to jails meanwhile.
    pub events: Board,
    /// Opens another host for a thread that looks at the jails.
    pub open: Option<Open>,
    /// What was told of the last line that failed.
    pub failure: Option<String>,
    /// Lines that were evaluated; each is a text of its own in messages.
    pub count: usize,
    /// Those that went well.
    pub record: Record,
    pub undo: Undo,
    /// The line whose value `_` is.
    pub last: Option<String>,
    /// The line that was typed last, for `:edit`.
    pub typed: String,
    pub limits: Limits,
}

impl Shell {
    pub fn new(session: &Rc<Session>, settings: Settings) -> Shell {
        Shell {
            session: session.clone(),
            console: Console::new(session, settings.limits, settings.module_path.clone()),
            remembered: Remembered::default(),
            form: Form::default(),
            colour: settings.colour,
            events: Board::default(),
            open: settings.open,
            failure: None,
            count: 0,
            record: Record::default(),
            undo: Undo::default(),
            last: None,
            typed: String::new(),
            limits: settings.limits,
            module_path: settings.module_path,
        }
    }

    /// The jail that verbs apply to.
    pub fn used(&self) -> Option<JailName> {
        self.session.interactive.used()
    }

    pub fn greet(&self) {
        say(&format!("jailsh {}; :help for help, Ctrl-D to leave", env!("CARGO_PKG_VERSION")));
        if let Err(why) = self.session.host() {
            say(&format!("note: no jails can be reached: {why}"));
        }
    }

    /// The jail that verbs apply to; one that is gone is in use no longer.
    pub fn prompt(&mut self) -> Prompt {
        if let Some(jail) = self.used()
            && matches!(self.session.observation(&jail), Err(fault) if fault.kind == Kind::NoSuchJail)
        {
            say(&format!("note: jail {jail} is gone; verbs apply to no jail now"));
            self.session.interactive.make_use_of(None);
        }
        Prompt::new(self.used().as_ref(), self.colour)
    }

    /// Does what a line says.
    pub fn take(&mut self, text: &str) -> Next {
        if text.trim().is_empty() {
            return Next::Line;
        }
        let text = command::bare(text).filter(|_| !self.console.names().iter().any(|name| name == text.trim())).unwrap_or(text);
        let answered = match (command::parse(text), command::question(text)) {
            (Some(called), _) => called.and_then(|(command, argument)| (command.run)(self, argument)),
            (None, Some(name)) => command::tell_of(self, name),
            (None, None) => Ok(evaluate::line(self, text)),
        };
        if !command::is_command(text) {
            text.clone_into(&mut self.typed);
        }
        match answered {
            Ok(Answer::Done) => Next::Line,
            Ok(Answer::Typed(text)) => Next::Typed(text),
            Ok(Answer::Leave(status)) => Next::Leave(status),
            Err(why) => {
                complain(&format!("error: {}", printable(&why)));
                Next::Line
            }
        }
    }

    /// Prints text, through a pager if it is longer than the screen.
    pub fn page(&self, text: &str) {
        // Output that cannot be written is lost with its terminal.
        let _ = show::deliver(text, &show::Pager::of_environment(), self.screen());
    }

    pub fn screen(&self) -> Screen {
        Screen::of_terminal(self.colour)
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
