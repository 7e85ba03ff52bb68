//! What may stand between quotes: modules after `import`, words that a key takes, names and paths that a verb does.

use std::ops::Range;

use super::complete::{Candidate, Sort, candidate};
use super::live::{Wanted, Word};
use super::{Modules, Sheet, infer};
use crate::kernel::Right;
use crate::script::reference::{Item, SPEC, Type, items};
use crate::script::text::{Kind, Named};
use crate::telemetry::Awaited;

/// Names that lead to names; more is a circle.
const DEPTH: usize = 8;

/// What may stand in the text at a token.
pub fn in_text(sheet: &Sheet, index: usize, at: usize, modules: &dyn Modules) -> Vec<Candidate> {
    let token = sheet.outline.tokens[index];
    let quotes = token.of(&sheet.text).len() - token.of(&sheet.text).trim_start_matches(['#', '"', '`', '\'']).len();
    let start = (token.start + quotes.min(1)).min(at);
    let range = start..start + token.content(&sheet.text).len();
    if sheet.before(index).is_some_and(|before| sheet.word(before) == "import") {
        return modules.names().iter().map(|name| candidate(name, Sort::Module, "module", "", &range)).collect();
    }
    let key = sheet.key_of_value(index);
    if let Some((key, words)) = key.and_then(|key| Some((key, key.words?))) {
        return words().into_iter().map(|word| candidate(word, Sort::Word, key.name, "", &range)).collect();
    }
    let typed = sheet.text.get(start..at).unwrap_or_default();
    let found = match key.and_then(|key| Wanted::of_key(key.name)) {
        Some(wanted) => words_of(sheet, wanted, around(sheet, index).and_then(|(_, jail)| jail).as_deref(), typed),
        None => match around(sheet, index) {
            Some((Some(wanted), jail)) => words_of(sheet, wanted, jail.as_deref(), typed),
            _ => Vec::new(),
        },
    };
    found.into_iter().map(|word| of_word(word, &range)).collect()
}

fn of_word(word: Word, range: &Range<usize>) -> Candidate {
    let Word { text, label, detail } = word;
    Candidate { label, ..candidate(&text, Sort::Word, detail, "", range) }
}

fn words_of(sheet: &Sheet, wanted: Wanted, jail: Option<&str>, typed: &str) -> Vec<Word> {
    let key = |name: &str| SPEC.key(name).and_then(|key| key.words).map_or(Vec::new(), |words| words());
    let plain = |words: Vec<&'static str>, what: &str| words.into_iter().map(|word| Word::plain(word, what)).collect();
    match wanted {
        Wanted::Profile => plain(key("profile"), "profile"),
        Wanted::Signal => plain(key("stop_signal"), "signal"),
        Wanted::State => plain(Awaited::ALL.map(Awaited::name).to_vec(), "state"),
        Wanted::Right => {
            let all = Right::all().filter(|right| !right.is_fence()).chain(Right::parts());
            all.map(|right| Word::plain(right.name(), right.reason())).collect()
        }
        _ => sheet.live.map_or(Vec::new(), |live| live.words(wanted, jail, typed)),
    }
}

/// What the call around a text takes there, and the jail that it is about.
fn around(sheet: &Sheet, index: usize) -> Option<(Option<Wanted>, Option<String>)> {
    let mut around = sheet.enclosure(index)?;
    // In a list or a map that is an argument, too.
    while matches!(sheet.word(around.open), "[" | "#{") {
        around = sheet.enclosure(around.open)?;
    }
    if sheet.word(around.open) != "(" {
        return None;
    }
    let called = sheet.before(around.open).filter(|called| sheet.outline.tokens[*called].kind == Kind::Word)?;
    let name = sheet.word(called);
    let dot = sheet.before(called).filter(|dot| matches!(sheet.word(*dot), "." | "?."));
    let implied = || sheet.implied().filter(|on| items().any(|item| item.name == name && item.is_method_of(on.name())));
    let on = dot.map(|dot| infer::before_dot(sheet, dot)).or_else(implied);
    let fits = |of: Option<&'static str>| match (of, on) {
        (None, None) | (Some(_), Some(Type::Any)) => true,
        (Some(of), Some(on)) => of == on.name(),
        _ => false,
    };
    // With a jail in use its name may still be given.
    let is_both = dot.is_none() && on.is_some();
    let calls = items().filter(|item| item.name == name).flat_map(Item::signatures);
    let calls = calls.filter(|call| fits(call.on) || is_both && call.on.is_none());
    let wanted = calls
        .filter_map(|call| call.parameters.get(around.index).map(|parameter| (call.on, parameter.name)))
        .find_map(|(on, parameter)| Wanted::of_parameter(name, on, parameter));
    let jail = match dot {
        Some(dot) => infer::start_of_chain(sheet, dot).and_then(|start| jail_at(sheet, start, dot, DEPTH)),
        None if on.is_some() => None,
        None => first_text(sheet, around.open),
    };
    Some((wanted, jail))
}

/// The text that stands first between the parentheses that open at a token.
fn first_text(sheet: &Sheet, open: usize) -> Option<String> {
    let first = sheet.after(open)?;
    let token = sheet.outline.tokens[first];
    token.is_text().then(|| token.content(&sheet.text).to_owned())
}

/// The name of the jail that the expression from a token to before another gives, as far as it is written there.
fn jail_at(sheet: &Sheet, start: usize, end: usize, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let name = sheet.word(start);
    if matches!(name, "jail" | "create") && sheet.word(start + 1) == "(" {
        return first_text(sheet, start + 1);
    }
    let at = sheet.outline.tokens.get(start)?.start;
    match sheet.outline.resolve(name, at).map(|found| &found.what) {
        Some(Named::Variable { value: Some(value) } | Named::Constant { value: Some(value) }) if start + 1 == end => {
            jail_at(sheet, *value, value + 1, depth)
        }
        Some(_) => None,
        None => sheet.live?.jail(&sheet.chain(start, end)?),
    }
}

impl Sheet<'_> {
    /// The names of a chain like `a.b.c`, if it is nothing else and does not begin with a name of this text.
    pub(super) fn chain(&self, start: usize, end: usize) -> Option<Vec<&str>> {
        let mut names = Vec::new();
        for (nth, at) in (start..end).enumerate() {
            let token = self.outline.tokens.get(at)?;
            match (nth % 2, token.kind) {
                (0, Kind::Word) => names.push(token.of(&self.text)),
                (1, _) if matches!(self.word(at), "." | "?.") => {}
                _ => return None,
            }
        }
        let first = self.outline.tokens.get(start)?;
        let is_ours = self.outline.resolve(names.first()?, first.start).is_some();
        (!is_ours && (end - start) % 2 == 1).then_some(names)
    }
}
