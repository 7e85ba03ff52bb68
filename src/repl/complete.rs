//! What may come next on a line: of commands, their arguments; of all else what the language server offers, and what the
//! session knows beyond.

mod live;
mod menu;
#[cfg(test)]
mod tests;

pub use live::{Known, Remembered};
pub use menu::{GAP, Offer, menu};

use super::command::{self, Command};
use crate::kernel::Level;
use crate::script::assist::{self, AtHand, Candidate, Live, Sheet, Sort, Wanted};
use crate::script::reference::{self, Key, Type};
use crate::telemetry::is_unprintable;

/// Where the candidates begin, and the candidates. `at` is where the cursor is; a place inside of a character counts as
/// before it.
pub fn complete(known: &Known<'_>, line: &str, at: usize) -> (usize, Vec<Offer>) {
    let at = floor(line, at);
    if command::is_command(line) {
        return of_command(known, line, at);
    }
    let asked = line[..at].trim_start().strip_prefix('?').map(str::trim_start);
    if let Some(typed) = asked.filter(|typed| !typed.contains(char::is_whitespace)) {
        let names = reference::names().into_iter().filter(|name| name.starts_with(typed));
        return (at - typed.len(), names.map(|name| Offer::plain(&name)).collect());
    }
    of_code(known, line, at)
}

/// The last boundary between characters that is not behind `at`.
pub fn floor(line: &str, at: usize) -> usize {
    (0..=at.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0)
}

fn of_command(known: &Known<'_>, line: &str, at: usize) -> (usize, Vec<Offer>) {
    let Some(colon) = line[..at].find(':') else { return (at, Vec::new()) };
    let typed = &line[colon + 1..at];
    let Some((name, rest)) = typed.split_once(char::is_whitespace) else {
        let fitting = command::COMMANDS.iter().filter(|command| command.name.starts_with(typed));
        return (colon + 1, fitting.map(of_name).collect());
    };
    match command::named(name.trim_end_matches('!')) {
        // What they name is no jail.
        Some(Command { name: "doc", .. }) => of_arguments(known, "TOPIC", rest, at),
        Some(Command { name: "profile", .. }) => of_arguments(known, &Level::ALL.map(Level::name).join("|"), rest, at),
        Some(command) => of_arguments(known, command.arguments, rest, at),
        None => (at, Vec::new()),
    }
}

/// `arguments`: as help calls them; `rest`: what is typed of them before `at`.
fn of_arguments(known: &Known<'_>, arguments: &str, rest: &str, at: usize) -> (usize, Vec<Offer>) {
    // What is typed already says which of its arguments is next.
    let words: Vec<&str> = rest.split_whitespace().collect();
    let given = if rest.is_empty() || rest.ends_with(char::is_whitespace) { words.len() } else { words.len() - 1 };
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let Some(argument) = arguments.get(given).or(arguments.last()) else { return (at, Vec::new()) };
    let word = if given < words.len() { words[given] } else { "" };
    let start = at - word.len();
    let from = |wanted| {
        let found = known.words(wanted, None, word).into_iter().filter(|found| found.text.starts_with(word));
        (start, found.filter(|found| is_typable(&found.text)).map(|found| Offer::word(&found)).collect())
    };
    match argument.trim_matches(['[', ']', '.']) {
        "NAME" | "JAIL" => from(Wanted::Jail),
        "FILE" | "PATH" => from(Wanted::Host),
        "EXPR|FILE" if word.starts_with(['/', '.']) => from(Wanted::Host),
        "EXPR" | "EXPR|FILE" => {
            let code = &rest[leading(rest, given.min(arguments.len() - 1))..];
            let (found, offers) = of_code(known, code, code.len());
            (at - code.len() + found, offers)
        }
        "CMD" | "COMMAND" => {
            let word = word.trim_start_matches(':');
            let fitting = command::COMMANDS.iter().filter(|command| command.name.starts_with(word));
            (at - word.len(), fitting.map(of_name).collect())
        }
        "TOPIC" => {
            let names = reference::names().into_iter().filter(|name| name.starts_with(word));
            (start, names.map(|name| Offer::plain(&name)).collect())
        }
        words if words.chars().any(|c| c.is_lowercase()) => {
            let fitting = words.split('|').filter(|choice| choice.chars().all(char::is_lowercase) && choice.starts_with(word));
            (start, fitting.map(Offer::plain).collect())
        }
        _ => (at, Vec::new()),
    }
}

/// Where the word number `nth` of a text begins.
fn leading(text: &str, nth: usize) -> usize {
    let mut rest = text.trim_start();
    for _ in 0..nth {
        rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
    }
    text.len() - rest.len()
}

fn of_name(command: &Command) -> Offer {
    let space = if command.arguments.is_empty() { "" } else { " " };
    Offer {
        label: format!(":{}", command.name),
        detail: command.arguments.to_owned(),
        summary: command.help.to_owned(),
        insert: format!("{}{space}", command.name),
    }
}

fn of_code(known: &Known<'_>, line: &str, at: usize) -> (usize, Vec<Offer>) {
    let modules = known.modules();
    let sheet = Sheet::within(line, &modules, known);
    if let Some(AtHand::Key(key)) = assist::at_hand(&sheet, at, &modules)
        && line[..at].ends_with([':', ' '])
        && let values = values(key)
        && !values.is_empty()
    {
        return (at, values);
    }
    let mut found = assist::complete(&sheet, at, &modules);
    let Some(start) = found.first().map(|first| first.replaces.start.min(at)) else { return (at, Vec::new()) };
    let typed = &line[start..at];
    found.retain(|candidate| candidate.insert.starts_with(typed) && is_typable(&candidate.insert));
    found.sort_by_cached_key(|candidate| (rank(candidate), candidate.label.clone()));
    (start, found.into_iter().map(|candidate| offer(candidate, line, start, at)).collect())
}

/// How the value of a key begins, where that can be said.
fn values(key: &Key) -> Vec<Offer> {
    let offer = |text: &str| Offer { detail: key.values.to_owned(), ..Offer::plain(text) };
    match (key.words, key.shape, key.kind) {
        (Some(_), _, Type::List) => vec![offer("[\"")],
        (Some(words), ..) => words().into_iter().map(|word| Offer::plain(&format!("\"{word}\""))).collect(),
        (_, Some(_), Type::List) => vec![offer("[#{ ")],
        (_, Some(_), _) => vec![offer("#{ ")],
        (_, _, Type::Bool) => ["true", "false"].map(Offer::plain).to_vec(),
        (_, _, Type::List) => vec![offer("[")],
        _ => Vec::new(),
    }
}

/// A text that can be put into a line as it is: of what a jail named, no more.
fn is_typable(text: &str) -> bool {
    !text.chars().any(|c| is_unprintable(c) || matches!(c, '"' | '\\' | '`'))
}

/// What belongs to the value at hand goes before what every value has, names of the session before all verbs.
fn rank(candidate: &Candidate) -> usize {
    match candidate.sort {
        Sort::Key | Sort::Property => 0,
        Sort::Variable => 1,
        Sort::Method if candidate.detail.starts_with(reference::ANY_VALUE) => 4,
        Sort::Method | Sort::Function => 2,
        Sort::Module => 3,
        Sort::Word => 0,
        Sort::Keyword => 5,
    }
}

fn offer(candidate: Candidate, line: &str, start: usize, at: usize) -> Offer {
    let Candidate { label, sort, detail, summary, insert, .. } = candidate;
    let after = line[at..].chars().next();
    let insert = match sort {
        Sort::Function | Sort::Method if after != Some('(') => insert + called(&label, &detail),
        Sort::Word | Sort::Module if !insert.ends_with('/') && line[at..].trim().is_empty() => {
            match line[..start].chars().next_back() {
                Some(quote @ ('"' | '`')) => format!("{insert}{quote}"),
                _ => insert,
            }
        }
        _ => insert,
    };
    Offer { detail: parameters(&label, detail), label, summary, insert }
}

/// What follows the name of a function: all of a call where nothing can stand between the parentheses.
fn called(name: &str, detail: &str) -> &'static str {
    let mut forms = reference::items_named(name).flat_map(reference::Item::signatures).peekable();
    let is_empty = match forms.peek() {
        Some(_) => forms.all(|form| form.parameters.is_empty() || form.on.is_none() && detail.contains('.')),
        None => detail.contains("()"),
    };
    if is_empty { "()" } else { "(" }
}

/// Of `Jail.exec(argv: list) -> Output` what the label does not say already.
fn parameters(label: &str, detail: String) -> String {
    let open = detail.find('(').filter(|open| detail[..*open].ends_with(label));
    open.map_or(detail.clone(), |open| detail[open..].to_owned())
}
