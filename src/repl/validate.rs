//! Whether a line is whole, or goes on below. Told from its tokens: Rhai's parser cannot say reliably, an open `/*` is no
//! error to it. Pure.

use crate::script::text::{Kind, tokens};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be evaluated, be it right or wrong.
    Whole,
    /// Something is still to come.
    Open,
}

/// Symbols after which an operand follows.
const EXPECTING: [&str; 26] = [
    "=", "+", "-", "*", "/", "%", "**", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "&", "|", "^", "??", ".", "?.", "::", "+=",
    "-=", "=>", ",",
];

pub fn state(text: &str) -> State {
    if super::command::is_command(text) {
        return State::Whole;
    }
    let all = tokens(text);
    let open_comment = |text: &str| text.starts_with("/*") && !is_closed(text);
    let mut depth = 0_i64;
    for (at, token) in all.iter().enumerate() {
        let word = token.of(text);
        match token.kind {
            Kind::Comment if open_comment(word) => return State::Open,
            Kind::Text { closed: false } => {
                let interpolates = all.get(at + 1).is_some_and(|next| next.of(text) == "${");
                if !interpolates && (at + 1 == all.len() && !is_line_text(word) || ends_in_backslash(word)) {
                    return State::Open;
                }
            }
            Kind::Symbol => match word {
                "(" | "[" | "{" | "#{" | "${" | "?[" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            },
            _ => {}
        }
        // More was closed than was opened: nothing that follows can mend it.
        if depth < 0 {
            return State::Whole;
        }
    }
    let last = all.iter().rev().find(|token| token.kind != Kind::Comment);
    let expecting = last.is_some_and(|last| last.kind == Kind::Symbol && EXPECTING.contains(&last.of(text)));
    if depth > 0 || expecting { State::Open } else { State::Whole }
}

/// A text that ends with its line.
fn is_line_text(word: &str) -> bool {
    word.starts_with(['"', '\'']) && !word.ends_with('\\')
}

fn ends_in_backslash(word: &str) -> bool {
    word.starts_with('"') && (word.len() - word.trim_end_matches('\\').len()) % 2 == 1
}

/// Comments nest.
fn is_closed(comment: &str) -> bool {
    let mut depth = 0;
    let mut rest = comment;
    while let Some(at) = rest.find(['/', '*']) {
        rest = &rest[at..];
        if rest.starts_with("/*") {
            depth += 1;
            rest = &rest[2..];
        } else if rest.starts_with("*/") {
            depth -= 1;
            rest = &rest[2..];
        } else {
            rest = &rest[1..];
        }
    }
    depth == 0
}
