//! What rustyline asks while a line is typed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Result};

use super::shell::Shell;
use super::{complete, highlight, hint, validate};

pub struct Line {
    shell: Rc<RefCell<Shell>>,
    colour: bool,
}

impl Line {
    pub fn new(shell: Rc<RefCell<Shell>>, colour: bool) -> Line {
        Line { shell, colour }
    }
}

impl Helper for Line {}

impl Completer for Line {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        Ok(complete::complete(&self.shell.borrow(), line, at))
    }
}

impl Hinter for Line {
    type Hint = hint::Hint;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<hint::Hint> {
        hint::hint(&self.shell.borrow(), line, at)
    }
}

impl Highlighter for Line {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.colour { Cow::Owned(highlight::painted(line)) } else { Cow::Borrowed(line) }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colour { Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.colour && kind != CmdKind::MoveCursor
    }
}

impl Validator for Line {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        Ok(match validate::state(context.input()) {
            validate::State::Whole => ValidationResult::Valid(None),
            validate::State::Open => ValidationResult::Incomplete,
        })
    }
}
