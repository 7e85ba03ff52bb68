//! What stands behind the cursor while a line is typed, in the background: the parameters and units at hand, or how the line may
//! go on. It is shown and never becomes part of the line, unless it is the rest of a word or of an earlier line and is taken.

use unicode_width::UnicodeWidthStr;

use super::command;
use super::complete::{Known, complete, floor};
use crate::script::assist::{self, AtHand, Form, Sheet};
use crate::script::reference::{Key, Shape, Type};
use crate::script::text::{Kind, tokens};
use crate::telemetry::{is_unprintable, printable, shortened};

/// Room that is worth a hint.
const LEAST: usize = 8;
/// Characters of a line from which on an earlier one is offered.
const ENOUGH: usize = 2;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    shown: String,
    /// What End and the right arrow add to the line.
    completion: Option<String>,
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.completion.as_deref()
    }
}

impl Hint {
    fn shown(text: impl Into<String>) -> Hint {
        Hint { shown: printable(&text.into()).into_owned(), completion: None }
    }

    /// As much of it as the rest of the screen's line has room for.
    pub fn fitting(self, width: usize, prompt: &str, line: &str) -> Option<Hint> {
        let last = line.rsplit('\n').next().unwrap_or_default();
        let used = (prompt.width() + last.width()) % width.max(1);
        // What cannot be seen as a whole must not be taken.
        let room = width.saturating_sub(used + 1);
        let whole = self.shown.width() <= room;
        let hint = Hint { shown: shortened(&self.shown, room), completion: self.completion.filter(|_| whole) };
        (whole || room >= LEAST).then_some(hint)
    }
}

/// What to show at the end of a line. `before`: the last line of the history that begins like this.
pub fn hint(known: &Known<'_>, line: &str, at: usize, before: &dyn Fn(&str) -> Option<String>) -> Option<Hint> {
    if floor(line, at) < line.len() || line.trim().is_empty() {
        return None;
    }
    if line.trim_start().starts_with('?') {
        return only(known, line);
    }
    if command::is_command(line) {
        let code = line.trim_start().split_once(char::is_whitespace).map_or("", |(_, code)| code.trim_start());
        let takes_code = !code.is_empty() && command::expression(line).is_some();
        return takes_code
            .then(|| of_code(known, code))
            .flatten()
            .or_else(|| of_command(line))
            .or_else(|| rest(known, line, before));
    }
    match is_in_text(line) {
        true => only(known, line).or_else(|| of_code(known, line)),
        false => of_code(known, line).or_else(|| rest(known, line, before)),
    }
}

/// Is a text in quotes still open?
fn is_in_text(line: &str) -> bool {
    tokens(line).last().is_some_and(|token| token.kind == Kind::Text { closed: false })
}

fn of_command(line: &str) -> Option<Hint> {
    let (command, argument) = command::parse(line)?.ok()?;
    let is_next = argument.is_empty() && !command.arguments.is_empty();
    let space = if line.ends_with(char::is_whitespace) { "" } else { " " };
    is_next.then(|| Hint::shown(format!("{space}{}", command.arguments)))
}

/// The rest of an earlier line, or of the only word that it can be.
fn rest(known: &Known<'_>, line: &str, before: &dyn Fn(&str) -> Option<String>) -> Option<Hint> {
    let earlier = Some(line).filter(|line| line.trim().chars().count() >= ENOUGH).and_then(before);
    let earlier = earlier.as_deref().and_then(|earlier| earlier.strip_prefix(line)).and_then(to_take);
    earlier.or_else(|| only(known, line))
}

fn only(known: &Known<'_>, line: &str) -> Option<Hint> {
    let (start, offers) = complete(known, line, line.len());
    let [only] = offers.as_slice() else { return None };
    let typed = line.get(start..).filter(|typed| !typed.is_empty())?;
    to_take(only.insert.strip_prefix(typed)?)
}

/// Text that goes into the line if it is wanted.
fn to_take(rest: &str) -> Option<Hint> {
    let is_one_line = !rest.is_empty() && !rest.chars().any(is_unprintable);
    is_one_line.then(|| Hint { shown: rest.to_owned(), completion: Some(rest.to_owned()) })
}

fn of_code(known: &Known<'_>, line: &str) -> Option<Hint> {
    let modules = known.modules();
    let sheet = Sheet::within(line, &modules, known);
    let space = if line.ends_with([' ', '(']) { "" } else { "  " };
    let text = match assist::at_hand(&sheet, line.len(), &modules)? {
        AtHand::Key(key) => value(key),
        AtHand::Keys(shape, typed) => keys(known, line, shape, &typed)?,
        AtHand::Call(calls) => parameters(&calls.forms, calls.parameter)?,
        AtHand::Function(forms) => return signature(&forms).map(Hint::shown),
    };
    Some(Hint::shown(format!("{space}{text}")))
}

/// What a key takes, with its unit.
fn value(key: &Key) -> String {
    let kind = if key.kind == Type::Any { String::new() } else { format!("{}: ", key.kind.name()) };
    let default = if key.default.is_empty() { String::new() } else { format!(" [{}]", key.default) };
    format!("{kind}{}{default}", key.values)
}

/// Those that are not there yet, while none is begun.
fn keys(known: &Known<'_>, line: &str, shape: &Shape, typed: &str) -> Option<String> {
    let (_, offers) = complete(known, line, line.len());
    let is_free = |name: &&str| offers.iter().any(|offer| offer.label == *name);
    let names: Vec<&str> = shape.keys.iter().map(|key| key.name).filter(is_free).collect();
    (typed.is_empty() && !names.is_empty()).then(|| names.join(", "))
}

/// The parameters from one on, those that can be left out in brackets.
fn parameters(forms: &[Form], from: usize) -> Option<String> {
    let fitting = || forms.iter().filter(|form| form.parameters.len() > from);
    let longest = fitting().max_by_key(|form| form.parameters.len())?;
    let least = fitting().map(|form| form.parameters.len()).min().unwrap_or(0);
    let mut text = String::new();
    for (at, parameter) in longest.parameters.iter().enumerate().skip(from) {
        let comma = if at > from { ", " } else { "" };
        text += &if at < least { format!("{comma}{parameter}") } else { format!("[{comma}{parameter}]") };
    }
    let result = longest.shown.rsplit_once(") -> ").map_or(String::new(), |(_, result)| format!(" -> {result}"));
    Some(format!("{text}){result}"))
}

/// What follows the name of a function.
fn signature(forms: &[Form]) -> Option<String> {
    let longest = forms.iter().max_by_key(|form| form.parameters.len())?;
    let Some(inside) = parameters(forms, 0) else { return Some("()".to_owned()) };
    let is_optional = forms.iter().any(|form| form.parameters.is_empty());
    match is_optional && longest.parameters.len() == 1 {
        true => Some(format!("([{}", inside.replacen(')', "])", 1))),
        false => Some(format!("({inside}")),
    }
}
