//! Mistakes that need no run to be certain: keys that a spec or a verb's options do not have, words that a key does not
//! take. The parser sees neither, for both are data to it.

use std::ops::Range;

use super::Sheet;
use crate::jail::spec::nearest;
use crate::script::reference::{Key, Type};
use crate::script::text::Kind;

/// A mistake, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub range: Range<usize>,
    pub message: String,
}

/// All of them, in order.
pub fn mistakes(sheet: &Sheet) -> Vec<Mistake> {
    let mut found = Vec::new();
    for open in (0..sheet.outline.tokens.len()).filter(|at| sheet.word(*at) == "#{") {
        if sheet.is_certain(open) {
            keys(sheet, open, &mut found);
        }
    }
    found
}

fn keys(sheet: &Sheet, open: usize, found: &mut Vec<Mistake>) {
    let Some(shape) = sheet.shape(open) else { return };
    let tokens = &sheet.outline.tokens;
    // What is not closed yet is being typed.
    let Some(close) = crate::script::text::matching(&sheet.text, tokens, open) else { return };
    let mut depth = 0_usize;
    for at in open + 1..close {
        match sheet.word(at) {
            "(" | "[" | "{" | "#{" | "${" | "?[" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            ":" if depth == 0 => {}
            _ => continue,
        }
        let Some(name) = sheet.before(at).filter(|_| sheet.word(at) == ":") else { continue };
        let is_key = sheet.before(name).is_some_and(|before| before == open || sheet.word(before) == ",");
        if !is_key || !(tokens[name].kind == Kind::Word || tokens[name].is_text()) {
            continue;
        }
        match shape.key(sheet.key_name(name)) {
            Some(key) => values(sheet, key, at, found),
            None => {
                let known = shape.keys.iter().map(|key| key.name);
                let hint = match nearest(sheet.key_name(name), known.clone()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("use {}", known.collect::<Vec<_>>().join(", ")),
                };
                let message = format!("{} has no key {:?}; {hint}", shape.name, sheet.key_name(name));
                found.push(Mistake { range: tokens[name].start..tokens[name].end, message });
            }
        }
    }
}

/// The texts that stand after a key's colon, alone or in a list.
fn values(sheet: &Sheet, key: &Key, colon: usize, found: &mut Vec<Mistake>) {
    let (Some(words), Some(first)) = (key.words, sheet.after(colon)) else { return };
    let tokens = &sheet.outline.tokens;
    let last = match sheet.word(first) {
        "[" if key.kind == Type::List => crate::script::text::matching(&sheet.text, tokens, first).unwrap_or(first),
        _ => first,
    };
    let words = words();
    for (at, token) in tokens.iter().enumerate().take(last + 1).skip(first) {
        // Nothing is computed with it: it is the value as it stands.
        let before = sheet.before(at).map_or("", |before| sheet.word(before));
        let after = sheet.after(at).map_or("", |after| sheet.word(after));
        let stands_alone = matches!(before, ":" | "," | "[") && matches!(after, "," | "}" | "]");
        let value = token.content(&sheet.text);
        if token.kind != (Kind::Text { closed: true }) || !stands_alone || value.contains('\\') {
            continue;
        }
        // Signals go by their long names too, levels by their numbers.
        let bare = value.strip_prefix("SIG").unwrap_or(value);
        let is_number = value.len() == 1 && value.starts_with(|c: char| c.is_ascii_digit());
        if words.contains(&bare) || is_number {
            continue;
        }
        let hint = match nearest(value, words.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("use {}", words.join(", ")),
        };
        found.push(Mistake { range: token.start..token.end, message: format!("{}: {value:?} is not known; {hint}", key.name) });
    }
}
