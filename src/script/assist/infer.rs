//! The type of a value, as far as it can be told without running anything.

use super::Sheet;
use super::live::Held;
use crate::script::reference::{self, Item, Signature, Type, VARIABLES, standard};
use crate::script::text::{Kind, Name, Named, matching};

/// Names that lead to names; more is a circle.
const DEPTH: usize = 12;

/// Of what stands before the dot at a token.
pub fn before_dot(sheet: &Sheet, dot: usize) -> Type {
    let Some(start) = start_of_chain(sheet, dot) else { return Type::Any };
    let live = sheet.live.zip(sheet.chain(start, dot)).and_then(|(live, names)| live.kind(&names));
    live.unwrap_or_else(|| chain(sheet, start, dot, DEPTH).0)
}

/// Of a name.
pub fn name(sheet: &Sheet, name: &Name) -> Type {
    named(sheet, name, DEPTH)
}

fn named(sheet: &Sheet, name: &Name, depth: usize) -> Type {
    let Some(depth) = depth.checked_sub(1) else { return Type::Any };
    match name.what {
        Named::Variable { value: Some(at) } | Named::Constant { value: Some(at) } => expression(sheet, at, depth),
        Named::Each { of } => expression(sheet, of, depth).element(),
        Named::Caught => Type::Value("Error"),
        _ => Type::Any,
    }
}

/// Of the expression that begins at a token: what it is if nothing is computed with it.
fn expression(sheet: &Sheet, start: usize, depth: usize) -> Type {
    let (kind, end) = chain(sheet, start, sheet.outline.tokens.len(), depth);
    match sheet.word(end) {
        ";" | "," | ")" | "]" | "}" | "{" | "??" | "" => kind,
        "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" | "in" => Type::Bool,
        _ => Type::Any,
    }
}

/// The first token of what the dot belongs to: `a.b(c)[d]` before `.`.
pub(super) fn start_of_chain(sheet: &Sheet, dot: usize) -> Option<usize> {
    let mut at = sheet.before(dot)?;
    loop {
        // An argument list or an index belongs to what is before it.
        while matches!(sheet.word(at), ")" | "]" | "}") {
            let open = opening(sheet, at)?;
            let before = sheet.before(open);
            let belongs = before.is_some_and(|before| {
                let word = sheet.outline.tokens[before].kind == Kind::Word && !is_keyword(sheet.word(before));
                word || matches!(sheet.word(before), ")" | "]")
            });
            match (sheet.word(open), before) {
                ("(" | "[" | "?[", Some(before)) if belongs => at = before,
                ("{", _) => return None,
                _ => {
                    at = open;
                    break;
                }
            }
        }
        match sheet.before(at) {
            Some(before) if matches!(sheet.word(before), "." | "?." | "::") => at = sheet.before(before)?,
            _ => return Some(at),
        }
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "return" | "if" | "while" | "in" | "throw" | "else" | "switch" | "until")
}

fn opening(sheet: &Sheet, close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match sheet.word(at) {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" | "#{" | "${" | "?[" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The type of a chain of names, calls and indices from one token to before another, and where it ended.
fn chain(sheet: &Sheet, start: usize, end: usize, depth: usize) -> (Type, usize) {
    let (mut kind, mut at) = primary(sheet, start, depth);
    while at < end {
        match sheet.word(at) {
            "." | "?." => {
                let Some(token) = sheet.outline.tokens.get(at + 1).filter(|token| token.kind == Kind::Word) else { break };
                let member = token.of(&sheet.text);
                match arguments(sheet, at + 2) {
                    Some((count, after)) => (kind, at) = (method(kind, member, count), after),
                    None => (kind, at) = (property(kind, member), at + 2),
                }
            }
            "[" | "?[" => {
                let Some(close) = matching(&sheet.text, &sheet.outline.tokens, at) else { break };
                (kind, at) = (kind.element(), close + 1);
            }
            _ => break,
        }
    }
    (kind, at)
}

fn primary(sheet: &Sheet, at: usize, depth: usize) -> (Type, usize) {
    let Some(token) = sheet.outline.tokens.get(at) else { return (Type::Any, at) };
    let to_match = || matching(&sheet.text, &sheet.outline.tokens, at).map_or(sheet.outline.tokens.len(), |close| close + 1);
    match (token.kind, token.of(&sheet.text)) {
        (Kind::Text { .. }, text) if text.starts_with('\'') => (Type::Any, at + 1),
        (Kind::Text { .. }, _) => (Type::Text, after_text(sheet, at)),
        (Kind::Number, number) => (if number.contains('.') { Type::Float } else { Type::Integer }, at + 1),
        (Kind::Symbol, "[") => (Type::List, to_match()),
        (Kind::Symbol, "#{") => (Type::Map, to_match()),
        (Kind::Symbol, "(") => {
            let kind = depth.checked_sub(1).map_or(Type::Any, |depth| expression(sheet, at + 1, depth));
            (kind, to_match())
        }
        (Kind::Symbol, "|" | "||") => (Type::Function, sheet.outline.tokens.len()),
        (Kind::Word, "true" | "false") => (Type::Bool, at + 1),
        (Kind::Word, _) if sheet.word(at + 1) == "::" => {
            let (alias, called, after) = (token.of(&sheet.text), at + 2, at + 3);
            if sheet.word(after) == "::" {
                return (Type::Any, after);
            }
            let kind =
                depth.checked_sub(1).map_or(Type::Any, |depth| of_module(sheet, alias, token.start, sheet.word(called), depth));
            (kind, arguments(sheet, after).map_or(after, |(_, after)| after))
        }
        (Kind::Word, name) => match arguments(sheet, at + 1) {
            Some((count, after)) => (call(sheet, name, count, depth), after),
            None => (variable(sheet, name, token.start, depth), at + 1),
        },
        _ => (Type::Any, at),
    }
}

/// The pieces of a text in backticks, and what is between them.
fn after_text(sheet: &Sheet, at: usize) -> usize {
    let mut at = at + 1;
    while sheet.word(at) == "${" {
        match matching(&sheet.text, &sheet.outline.tokens, at) {
            Some(close) => at = close + 2,
            None => return sheet.outline.tokens.len(),
        }
    }
    at
}

fn variable(sheet: &Sheet, name: &str, at: usize, depth: usize) -> Type {
    match sheet.outline.resolve(name, at) {
        Some(found) => named(sheet, found, depth),
        None => {
            let live = sheet.live.and_then(|live| live.kind(&[name]));
            let known = || VARIABLES.iter().find(|variable| variable.name == name).map(|variable| variable.kind);
            live.or_else(known).unwrap_or(Type::Any)
        }
    }
}

/// How many arguments stand in the parentheses at a token, and the token after them.
fn arguments(sheet: &Sheet, open: usize) -> Option<(usize, usize)> {
    if sheet.word(open) != "(" {
        return None;
    }
    let close = matching(&sheet.text, &sheet.outline.tokens, open)?;
    if close == open + 1 {
        return Some((0, close + 1));
    }
    let mut depth = 0;
    let mut count = 1;
    for at in open + 1..close {
        match sheet.word(at) {
            "(" | "[" | "{" | "#{" | "${" | "?[" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 0 => count += 1,
            _ => {}
        }
    }
    Some((count, close + 1))
}

/// The result that fits the number of arguments, or else the only one there is.
fn result(calls: Vec<Signature>, count: usize) -> Option<Type> {
    let fitting = calls.iter().find(|call| call.parameters.len() == count).map(|call| call.result);
    let first = calls.first().map(|call| call.result);
    fitting.or(first.filter(|first| calls.iter().all(|call| call.result == *first)))
}

/// What stands between the quotes of the import that a name is from.
pub(super) fn module_path(sheet: &Sheet, alias: &str, at: usize) -> Option<String> {
    match (sheet.outline.resolve(alias, at).map(|found| &found.what), sheet.live) {
        (Some(Named::Module { path }), _) => Some(path.clone()),
        (None, Some(live)) => match live.held(alias)? {
            Held::Module(path) => Some(path),
            _ => None,
        },
        _ => None,
    }
}

/// What a function of a module gives.
fn of_module(sheet: &Sheet, alias: &str, at: usize, name: &str, depth: usize) -> Type {
    let Some(path) = module_path(sheet, alias, at) else { return Type::Any };
    let Some(module) = sheet.modules.and_then(|modules| modules.find(&path)) else { return Type::Any };
    let module = Sheet::new(module.text);
    let function = module.outline.functions().find(|function| function.name == name);
    function.map_or(Type::Any, |function| given_by(&module, function, depth))
}

/// What a function gives: the value of its last expression, if that is a plain one.
fn given_by(sheet: &Sheet, function: &Name, depth: usize) -> Type {
    let tokens = &sheet.outline.tokens;
    let name = tokens.partition_point(|token| token.start < function.at.start);
    let body = matching(&sheet.text, tokens, name + 1).map(|closing| closing + 1).filter(|body| sheet.word(*body) == "{");
    let Some((body, end)) = body.and_then(|body| Some((body, matching(&sheet.text, tokens, body)?))) else { return Type::Any };
    let (mut start, mut at) = (body + 1, body + 1);
    while at < end {
        match sheet.word(at) {
            ";" => start = at + 1,
            "(" | "[" | "{" | "#{" | "${" | "?[" => {
                let Some(close) = matching(&sheet.text, tokens, at) else { return Type::Any };
                // After a block the next statement begins; after a map the same one goes on.
                if sheet.word(at) == "{" {
                    start = close + 1;
                }
                at = close;
            }
            _ => {}
        }
        at += 1;
    }
    let Some(depth) = depth.checked_sub(1).filter(|_| start < end) else { return Type::Any };
    expression(sheet, if sheet.word(start) == "return" { start + 1 } else { start }, depth)
}

fn call(sheet: &Sheet, name: &str, count: usize, depth: usize) -> Type {
    if let Some(function) = sheet.outline.function(name) {
        return depth.checked_sub(1).map_or(Type::Any, |depth| given_by(sheet, function, depth));
    }
    if let Some(narrowed) = sheet.implied().map(|on| method(on, name, count)).filter(|found| *found != Type::Any) {
        return narrowed;
    }
    let calls: Vec<Signature> =
        reference::items_named(name).flat_map(Item::signatures).filter(|call| call.on.is_none()).collect();
    result(calls, count).unwrap_or_else(|| of_standard(None, name, false))
}

fn method(kind: Type, name: &str, count: usize) -> Type {
    let is_ours = |call: &Signature| match (kind, call.on) {
        // What only one type has tells what it is called on.
        (Type::Any, Some(on)) => on != reference::ANY_VALUE,
        (_, Some(reference::ANY_VALUE)) => reference::type_named(kind.name()).is_some(),
        (_, Some(on)) => on == kind.name(),
        (_, None) => false,
    };
    let calls: Vec<Signature> = reference::items_named(name).flat_map(Item::signatures).filter(is_ours).collect();
    let ambiguous = kind == Type::Any && standard().iter().any(|item| item.name == name);
    match result(calls, count) {
        Some(found) if !ambiguous => found,
        _ => of_standard(Some(kind), name, false),
    }
}

fn property(kind: Type, name: &str) -> Type {
    let ours = reference::properties(kind).find(|property| property.name == name);
    ours.map_or_else(|| of_standard(Some(kind), name, true), |property| property.kind)
}

fn of_standard(on: Option<Type>, name: &str, property: bool) -> Type {
    let fits = |kind: &str| match on {
        Some(Type::Any) => true,
        Some(on) => on.name() == kind,
        None => false,
    };
    let found: Vec<&str> = standard()
        .iter()
        .filter(|item| item.name == name && item.property == property && item.on.map_or(on.is_none(), fits))
        .map(|item| item.result)
        .collect();
    let first = found.first().copied().filter(|first| found.iter().all(|other| other == first));
    match first {
        Some("text") => Type::Text,
        Some("list") => Type::List,
        Some("map") => Type::Map,
        Some("integer") => Type::Integer,
        Some("float") => Type::Float,
        Some("bool") => Type::Bool,
        Some("function") => Type::Function,
        _ => Type::Any,
    }
}
