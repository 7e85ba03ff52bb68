//! What may come next.

use std::ops::Range;

use super::live::Held;
use super::meaning::module_of;
use super::words::in_text;
use super::{Modules, Sheet, infer};
use crate::script::reference::{self, Group, Item, Key, Shape, Signature, Type, VARIABLES, Words, standard};
use crate::script::text::{Kind, Named, Outline};

/// What sort of candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Function,
    Method,
    Property,
    Key,
    /// A word that may stand as the value of a key.
    Word,
    Module,
    Variable,
    Keyword,
}

/// Something that may be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub label: String,
    pub sort: Sort,
    /// Signature or type.
    pub detail: String,
    pub summary: String,
    /// What it replaces.
    pub replaces: Range<usize>,
    pub insert: String,
    /// The page of the reference that tells more.
    pub page: Option<String>,
}

const KEYWORDS: [&str; 22] = [
    "let", "const", "fn", "private", "if", "else", "switch", "for", "in", "while", "loop", "do", "until", "break", "continue",
    "return", "throw", "try", "catch", "import", "true", "false",
];

/// What may stand at a place, given what of it is typed already. Not sorted; editors do that.
pub fn complete(sheet: &Sheet, at: usize, modules: &dyn Modules) -> Vec<Candidate> {
    let tokens = &sheet.outline.tokens;
    let inside = |index: usize| {
        let token = tokens[index];
        let open_end = match token.kind {
            Kind::Text { closed } => !closed,
            Kind::Comment => !token.of(&sheet.text).starts_with("/*") || !token.of(&sheet.text).ends_with("*/"),
            _ => false,
        };
        token.start < at && (at < token.end || open_end && at <= token.end)
    };
    let touched = tokens.partition_point(|token| token.end < at);
    for index in [touched, touched + 1].into_iter().filter(|index| *index < tokens.len()) {
        match tokens[index].kind {
            Kind::Comment if inside(index) => return Vec::new(),
            Kind::Text { .. } if inside(index) => return in_text(sheet, index, at, modules),
            _ => {}
        }
    }
    let typed = tokens.iter().position(|token| token.kind == Kind::Word && token.start < at && at <= token.end);
    let range = typed.map_or(at..at, |typed| tokens[typed].start..tokens[typed].end);
    let here = typed.unwrap_or_else(|| tokens.partition_point(|token| token.start < at));
    let before = sheet.before(here);
    match before.map_or("", |before| sheet.word(before)) {
        "." | "?." => {
            let dot = before.unwrap_or_default();
            let mut all = live_keys(sheet, dot, &range);
            all.extend(members(sheet, infer::before_dot(sheet, dot), &range));
            all
        }
        "::" => {
            before.and_then(|before| sheet.before(before)).map_or(Vec::new(), |alias| of_module(sheet, alias, &range, modules))
        }
        // A new name.
        "let" | "const" | "fn" | "as" | "for" => Vec::new(),
        _ => match sheet.is_key(here) {
            Some(shape) => keys(sheet, shape, here, &range),
            None => free(sheet, at, &range),
        },
    }
}

pub(super) fn candidate(
    label: &str,
    sort: Sort,
    detail: impl Into<String>,
    summary: impl Into<String>,
    range: &Range<usize>,
) -> Candidate {
    let (label, replaces) = (label.to_owned(), range.clone());
    Candidate { insert: label.clone(), label, sort, detail: detail.into(), summary: summary.into(), replaces, page: None }
}

/// A session has not what only tests have.
fn is_there(sheet: &Sheet, item: &Item) -> bool {
    sheet.live.is_none() || item.group != Group::Tests
}

/// The keys of a map that lives.
fn live_keys(sheet: &Sheet, dot: usize, range: &Range<usize>) -> Vec<Candidate> {
    let chain = infer::start_of_chain(sheet, dot).and_then(|start| sheet.chain(start, dot));
    let keys = sheet.live.zip(chain).map_or(Vec::new(), |(live, chain)| live.keys(&chain));
    let is_word = |key: &str| {
        key.starts_with(|c: char| c.is_alphabetic() || c == '_') && key.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let words = keys.into_iter().filter(|(key, _)| is_word(key));
    words.map(|(key, kind)| candidate(&key, Sort::Property, kind.name(), "", range)).collect()
}

fn members(sheet: &Sheet, kind: Type, range: &Range<usize>) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = Vec::new();
    let mut add = |found: Candidate| {
        if all.iter().all(|known| known.label != found.label) {
            all.push(found);
        }
    };
    for property in reference::properties(kind) {
        add(candidate(property.name, Sort::Property, property.kind.name(), property.summary, range));
    }
    let anything = kind == Type::Any;
    let is_method = |item: &&'static Item| {
        item.is_method_of(kind.name()) || anything && item.signatures().iter().any(|call| call.on.is_some())
    };
    for item in reference::items().filter(is_method).filter(|item| is_there(sheet, item)) {
        let shown = item.signatures().into_iter().find(|call| call.on.is_some()).map(|call| call.to_string());
        add(Candidate {
            page: Some(item.name.to_owned()),
            ..candidate(item.name, Sort::Method, shown.unwrap_or_default(), item.summary, range)
        });
    }
    for item in standard().iter().filter(|item| item.on == Some(kind.name()) || anything && item.on.is_some()) {
        let sort = if item.property { Sort::Property } else { Sort::Method };
        add(Candidate { page: Some(item.name.clone()), ..candidate(&item.name, sort, item.to_string(), item.summary(), range) });
    }
    all
}

fn of_module(sheet: &Sheet, alias: usize, range: &Range<usize>, modules: &dyn Modules) -> Vec<Candidate> {
    let Some(module) = module_of(sheet, alias, modules) else { return Vec::new() };
    Outline::of(&module.text).functions().map(|function| of_function(function, range)).collect()
}

fn of_function(function: &crate::script::text::Name, range: &Range<usize>) -> Candidate {
    let parameters = if let Named::Function { parameters, .. } = &function.what { parameters.join(", ") } else { String::new() };
    let summary = Words::of(&function.documentation).summary;
    candidate(&function.name, Sort::Function, format!("{}({parameters})", function.name), summary, range)
}

/// The keys of a map that are not there yet.
fn keys(sheet: &Sheet, shape: &'static Shape, here: usize, range: &Range<usize>) -> Vec<Candidate> {
    let open = sheet.enclosure(here).map_or(0, |around| around.open);
    let colon = sheet.outline.tokens.get(here).is_some_and(|token| token.start >= range.start && token.end <= range.end)
        && sheet.word(here + 1) == ":";
    let close = crate::script::text::matching(&sheet.text, &sheet.outline.tokens, open).unwrap_or(sheet.outline.tokens.len());
    let is_there = |key: &&Key| {
        (open + 1..close).any(|at| {
            at != here
                && sheet.word(at + 1) == ":"
                && sheet.key_name(at) == key.name
                && sheet.enclosure(at).is_some_and(|around| around.open == open)
        })
    };
    let one = |key: &'static Key| Candidate {
        insert: if colon { key.name.to_owned() } else { format!("{}: ", key.name) },
        page: Some(format!("{}.{}", shape.name, key.name)),
        ..candidate(key.name, Sort::Key, format!("{}: {}", key.kind.name(), key.values), key.summary, range)
    };
    shape.keys.iter().filter(|key| !is_there(key)).map(one).collect()
}

/// Names of the script, verbs, Rhai's functions and keywords.
fn free(sheet: &Sheet, at: usize, range: &Range<usize>) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = Vec::new();
    for name in sheet.outline.visible(at).into_iter().filter(|name| name.at != *range) {
        all.push(match &name.what {
            Named::Function { .. } => of_function(name, range),
            Named::Module { path } => candidate(&name.name, Sort::Module, path.clone(), "", range),
            _ => candidate(&name.name, Sort::Variable, infer::name(sheet, name).name(), "", range),
        });
    }
    for (name, held) in sheet.live.map_or(Vec::new(), |live| live.names()) {
        if all.iter().all(|known| known.label != name) {
            all.push(match held {
                Held::Variable(kind) => candidate(&name, Sort::Variable, kind.name(), "", range),
                Held::Function(parameters) => {
                    candidate(&name, Sort::Function, format!("{name}({})", parameters.join(", ")), "", range)
                }
                Held::Module(path) => candidate(&name, Sort::Module, path, "", range),
            });
        }
    }
    let is_narrowed = |item: &Item| sheet.implied().is_some_and(|on| item.is_method_of(on.name()) && !item.is_of_all());
    for item in reference::items().filter(|item| (item.is_free() || is_narrowed(item)) && is_there(sheet, item)) {
        let is_shown = |call: &Signature| if is_narrowed(item) { call.on == Some("Jail") } else { call.on.is_none() };
        let shown = item.signatures().into_iter().find(is_shown).map(|call| call.to_string());
        all.push(Candidate {
            page: Some(item.name.to_owned()),
            ..candidate(item.name, Sort::Function, shown.unwrap_or_default(), item.summary, range)
        });
    }
    all.extend(
        VARIABLES.iter().map(|variable| candidate(variable.name, Sort::Variable, variable.kind.name(), variable.summary, range)),
    );
    for item in standard().iter().filter(|item| item.on.is_none()) {
        if all.iter().all(|known| known.label != item.name) {
            let page = Some(item.name.clone());
            all.push(Candidate { page, ..candidate(&item.name, Sort::Function, item.to_string(), item.summary(), range) });
        }
    }
    all.extend(KEYWORDS.iter().map(|word| candidate(word, Sort::Keyword, "", "", range)));
    all
}
