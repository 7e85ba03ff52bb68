//! Whether a line is whole, or goes on below. Told from its tokens: Rhai's parser cannot say reliably, an open `/*` is no
//! error to it. Pure.

use super::command;
use crate::script::text::{Kind, Token, tokens};

/// How far a line has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be evaluated, be it right or wrong.
    Whole,
    /// Something is still to come.
    Open {
        /// Rows on which brackets were opened that are open still.
        depth: usize,
        /// What comes next belongs to a text or a comment, white space too.
        in_text: bool,
    },
}

/// Symbols after which an operand follows. `..` is none: a range may be without end.
const EXPECTING: [&str; 28] = [
    "=", "+", "-", "*", "/", "%", "**", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "&", "|", "^", "??", ".", "?.", "::", "+=",
    "-=", "*=", "/=", "=>", "!",
];
/// Words that something follows on.
const LEADING: [&str; 8] = ["else", "in", "as", "let", "const", "fn", "import", "do"];
/// Words whose block may stand on the next line.
const HEADERS: [&str; 9] = ["if", "for", "while", "loop", "switch", "fn", "try", "catch", "else"];

pub fn state(text: &str) -> State {
    if let Some(expression) = command::expression(text) {
        return state(expression);
    }
    if command::is_command(text) || command::question(text).is_some() {
        return State::Whole;
    }
    let all = tokens(text);
    // Brackets, and on which row they stand.
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut header = false;
    let mut loops_to_end = 0;
    let mut resumed = false;
    for (at, token) in all.iter().enumerate() {
        let (word, last) = (token.of(text), at + 1 == all.len());
        let of_backticks = std::mem::take(&mut resumed) || word.starts_with('`');
        let in_text = State::Open { depth: rows(&open), in_text: true };
        match token.kind {
            Kind::Comment if word.starts_with("/*") && !is_closed(word) => return in_text,
            Kind::Text { closed: false } => {
                let interpolates = of_backticks && all.get(at + 1).is_some_and(|next| next.of(text) == "${");
                let goes_on =
                    if word.starts_with(['"', '\'']) && !of_backticks { ends_in_backslash(word) } else { !interpolates };
                if last && goes_on {
                    return in_text;
                }
            }
            Kind::Symbol => match word {
                "(" | "[" | "{" | "#{" | "${" | "?[" => {
                    header &= !(word == "{" && open.is_empty());
                    open.push((word, text[..token.start].matches('\n').count()));
                }
                ")" | "]" | "}" => match open.pop() {
                    Some((opened, _)) => resumed = opened == "${",
                    // More was closed than was opened: nothing that follows can mend it.
                    None => return State::Whole,
                },
                ";" if open.is_empty() => header = false,
                _ => {}
            },
            Kind::Word if open.is_empty() && !after_dot(&all, at, text) => match word {
                "do" => loops_to_end += 1,
                "while" | "until" if loops_to_end > 0 => loops_to_end -= 1,
                _ => header |= HEADERS.contains(&word),
            },
            _ => {}
        }
    }
    let last = all.iter().rev().find(|token| token.kind != Kind::Comment);
    let expecting = last.is_some_and(|last| match last.kind {
        Kind::Symbol => EXPECTING.contains(&last.of(text)),
        Kind::Word => LEADING.contains(&last.of(text)),
        _ => false,
    });
    match rows(&open) {
        0 if !expecting && !header => State::Whole,
        depth => State::Open { depth, in_text: false },
    }
}

fn rows(open: &[(&str, usize)]) -> usize {
    open.chunk_by(|one, other| one.1 == other.1).count()
}

/// A property or a method, whatever it is called.
fn after_dot(all: &[Token], at: usize, text: &str) -> bool {
    at.checked_sub(1).is_some_and(|before| matches!(all[before].of(text), "." | "?." | "::"))
}

/// A text in quotes goes on below only after a backslash.
fn ends_in_backslash(word: &str) -> bool {
    (word.len() - word.trim_end_matches('\\').len()) % 2 == 1 || word.ends_with("\\\n")
}

/// Comments nest.
fn is_closed(comment: &str) -> bool {
    let mut depth = 0;
    let mut rest = comment;
    while let Some(at) = rest.find(['/', '*']) {
        rest = &rest[at..];
        let taken = match rest.get(..2) {
            Some("/*") => {
                depth += 1;
                2
            }
            Some("*/") => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        rest = &rest[taken..];
    }
    depth == 0
}

#[cfg(test)]
mod tests;
