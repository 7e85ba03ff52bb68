//! What a place in a script is inside of: an argument of which call, a key of which map.

use super::Sheet;
use super::infer;
use crate::script::reference::{Item, Key, Shape, Type, items};
use crate::script::text::Kind;

/// The innermost bracket that is open before a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enclosure {
    /// Its token.
    pub open: usize,
    /// Commas between it and the place.
    pub index: usize,
}

impl Sheet<'_> {
    /// The bracket around the token `at`, which need not be there yet.
    pub(super) fn enclosure(&self, at: usize) -> Option<Enclosure> {
        let mut depth = 0_usize;
        let mut index = 0;
        for open in (0..at.min(self.outline.tokens.len())).rev() {
            match self.word(open) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" | "#{" | "${" | "?[" => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return Some(Enclosure { open, index }),
                },
                "," if depth == 0 => index += 1,
                // A statement ends what was never closed.
                ";" if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// The map whose keys are known, that opens at a token.
    pub(super) fn shape(&self, open: usize) -> Option<&'static Shape> {
        self.shape_within(open, 8)
    }

    fn shape_within(&self, open: usize, depth: usize) -> Option<&'static Shape> {
        let depth = depth.checked_sub(1)?;
        let before = self.before(open)?;
        if let Some(key) = self.key_before(before, depth) {
            return key.shape;
        }
        let around = self.enclosure(open)?;
        match self.word(around.open) {
            // A list of maps under a key.
            "[" => self.key_before(self.before(around.open)?, depth)?.shape,
            "(" => {
                let called = self.before(around.open)?;
                parameter_shape(self, called, around.index)
            }
            _ => None,
        }
    }

    /// Is it beyond doubt what the map at a token is given to: a verb, and not a function that the script calls so?
    pub(super) fn is_certain(&self, open: usize) -> bool {
        let mut at = open;
        while let Some(around) = self.enclosure(at) {
            match self.word(around.open) {
                "#{" | "[" => at = around.open,
                "(" => return self.before(around.open).is_some_and(|called| self.is_verb(called)),
                _ => return false,
            }
        }
        false
    }

    fn is_verb(&self, called: usize) -> bool {
        let token = self.outline.tokens[called];
        let name = self.word(called);
        if token.kind != Kind::Word || self.outline.resolve(name, token.start).is_some() {
            return false;
        }
        match self.before(called).map(|before| (before, self.word(before))) {
            Some((dot, "." | "?.")) => infer::before_dot(self, dot) != Type::Any,
            Some((_, "::" | "fn")) => false,
            _ => true,
        }
    }

    /// The key whose colon is at a token.
    fn key_before(&self, colon: usize, depth: usize) -> Option<&'static Key> {
        if self.word(colon) != ":" {
            return None;
        }
        let name = self.before(colon)?;
        let around = self.enclosure(name).filter(|around| self.word(around.open) == "#{")?;
        self.shape_within(around.open, depth)?.key(self.key_name(name))
    }

    /// A key may be written in quotes.
    pub(super) fn key_name(&self, at: usize) -> &str {
        let token = self.outline.tokens[at];
        if token.is_text() { token.content(&self.text) } else { token.of(&self.text) }
    }

    /// The key that a value at a token belongs to, in a list of it or not.
    pub(super) fn key_of_value(&self, at: usize) -> Option<&'static Key> {
        let before = self.before(at)?;
        if let Some(key) = self.key_before(before, 8) {
            return Some(key);
        }
        let around = self.enclosure(at).filter(|around| self.word(around.open) == "[")?;
        self.key_before(self.before(around.open)?, 8)
    }

    /// Does a name before this token stand where a key is due?
    pub(super) fn is_key(&self, at: usize) -> Option<&'static Shape> {
        let before = self.before(at)?;
        let around = self.enclosure(at).filter(|around| self.word(around.open) == "#{")?;
        let due = before == around.open || self.word(before) == ",";
        due.then(|| self.shape(around.open)).flatten()
    }
}

/// The keys that a call takes as its argument `index`.
fn parameter_shape(sheet: &Sheet, called: usize, index: usize) -> Option<&'static Shape> {
    if sheet.outline.tokens[called].kind != Kind::Word {
        return None;
    }
    let name = sheet.word(called);
    let dot = sheet.before(called).filter(|before| matches!(sheet.word(*before), "." | "?."));
    let receiver = dot.map(|dot| infer::before_dot(sheet, dot));
    let all = items().filter(|item| item.name == name);
    all.flat_map(Item::signatures)
        .filter(|call| call.on.is_some() == receiver.is_some())
        .filter(|call| match receiver {
            Some(Type::Any) | None => true,
            Some(kind) => call.on == Some(kind.name()),
        })
        .find_map(|call| call.parameters.get(index)?.shape)
}
