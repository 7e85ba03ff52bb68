//! What rustyline asks while a line is typed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::SearchDirection;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Context, Helper, Result};

use super::keys::Margin;
use super::prompt::Prompt;
use super::shell::Shell;
use super::show::Screen;
use super::{complete, highlight, hint, validate};

pub struct Line {
    shell: Rc<RefCell<Shell>>,
    colour: bool,
    margin: Margin,
}

impl Line {
    pub fn new(shell: Rc<RefCell<Shell>>, colour: bool, margin: Margin) -> Line {
        Line { shell, colour, margin }
    }
}

impl Helper for Line {}

impl Completer for Line {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let shell = self.shell.borrow();
        let (start, offers) = complete::complete(&complete::Known::new(&shell), line, at);
        Ok((start, complete::menu(offers, Screen::of_terminal(shell.colour).width)))
    }
}

impl Hinter for Line {
    type Hint = hint::Hint;

    fn hint(&self, line: &str, at: usize, context: &Context<'_>) -> Option<hint::Hint> {
        // Without colour nothing would tell what was typed from what was not.
        let shell = self.shell.try_borrow().ok().filter(|_| self.colour)?;
        let prompt = Prompt::new(shell.used().as_ref(), false);
        let before = |text: &str| {
            let history = context.history();
            let found = history.starts_with(text, history.len().saturating_sub(1), SearchDirection::Reverse);
            found.ok().flatten().map(|found| found.entry.into_owned())
        };
        hint::hint(&complete::Known::quick(&shell), line, at, &before)
            .and_then(|hint| hint.fitting(Screen::of_terminal(true).width, rustyline::Prompt::raw(&prompt), line))
    }
}

impl Highlighter for Line {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        Cow::Owned(highlight::painted(line, self.margin.load(Ordering::Relaxed), self.colour))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colour { Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        match candidate.split_once(complete::GAP).filter(|_| self.colour) {
            Some((name, side)) => Cow::Owned(format!("{name}{}\x1b[2m{side}\x1b[0m", complete::GAP)),
            None => Cow::Borrowed(candidate),
        }
    }

    /// A letter can change the colour of those before it.
    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor
    }
}

impl Validator for Line {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        Ok(match validate::state(context.input()) {
            validate::State::Whole => ValidationResult::Valid(None),
            validate::State::Open { .. } => ValidationResult::Incomplete,
        })
    }
}
