//! Colours of a line that is typed. Adds escape sequences and nothing else, so that its width stays. Pure.

use crate::script::text::{Kind, tokens};

const KEYWORDS: [&str; 23] = [
    "let", "const", "fn", "private", "if", "else", "switch", "for", "in", "while", "loop", "do", "until", "break", "continue",
    "return", "throw", "try", "catch", "import", "export", "true", "false",
];

pub fn painted(line: &str) -> String {
    if super::command::is_command(line) {
        return format!("\x1b[33m{line}\x1b[0m");
    }
    let mut out = String::new();
    let mut at = 0;
    for token in tokens(line) {
        out += &line[at..token.start];
        let word = token.of(line);
        let paint = match token.kind {
            Kind::Text { .. } => "\x1b[32m",
            Kind::Comment => "\x1b[2m",
            Kind::Number => "\x1b[36m",
            Kind::Word if KEYWORDS.contains(&word) => "\x1b[35m",
            Kind::Word if crate::script::reference::items_named(word).next().is_some() => "\x1b[1m",
            _ => "",
        };
        if paint.is_empty() {
            out += word;
        } else {
            out += &format!("{paint}{word}\x1b[0m");
        }
        at = token.end;
    }
    out + &line[at..]
}
