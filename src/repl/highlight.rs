//! Colours of a line that is typed, and the marks before its rows below. Characters are neither added nor taken away, so
//! that its width stays. Pure.

use super::prompt::below;
use crate::script::reference;
use crate::script::text::{Kind, Token, tokens};

const KEYWORDS: [&str; 24] = [
    "let", "const", "fn", "private", "if", "else", "switch", "for", "in", "while", "loop", "do", "until", "break", "continue",
    "return", "throw", "try", "catch", "import", "export", "as", "true", "false",
];

const RESET: &str = "\x1b[0m";
const FAINT: &str = "\x1b[2m";

/// `margin`: columns of the prompt. Without colour only the marks are drawn.
pub fn painted(line: &str, margin: usize, colour: bool) -> String {
    let mut out = String::new();
    let mut at = 0;
    let all = if super::command::is_command(line) { Vec::new() } else { tokens(line) };
    for token in &all {
        between(&line[at..token.start], margin, colour, &mut out);
        let (word, paint) = (token.of(line), paint(line, *token));
        match colour && !paint.is_empty() {
            true => out.extend([paint, word, RESET]),
            false => out += word,
        }
        at = token.end;
    }
    between(&line[at..], margin, colour, &mut out);
    out
}

fn paint(line: &str, token: Token) -> &'static str {
    let word = token.of(line);
    match token.kind {
        Kind::Text { .. } => "\x1b[32m",
        Kind::Comment => FAINT,
        Kind::Number => "\x1b[36m",
        Kind::Word if KEYWORDS.contains(&word) => "\x1b[35m",
        Kind::Word if reference::items_named(word).next().is_some() => "\x1b[1m",
        _ => "",
    }
}

/// White space: a row that begins with the margin gets the mark in its place.
fn between(space: &str, margin: usize, colour: bool, out: &mut String) {
    let mut rows = space.split('\n');
    *out += rows.next().unwrap_or_default();
    for row in rows {
        out.push('\n');
        match row.get(..margin) {
            Some(blank) if margin > 0 && blank.bytes().all(|b| b == b' ') => {
                let mark = below(margin);
                match colour {
                    true => out.extend([FAINT, &mark, RESET]),
                    false => *out += &mark,
                }
                *out += &row[margin..];
            }
            _ => *out += row,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    /// Without escape sequences.
    fn plain(painted: &str) -> String {
        let mut pieces = painted.split('\x1b');
        let first = pieces.next().unwrap_or_default().to_owned();
        let rest: String = pieces.map(|piece| piece.split_once('m').map_or(piece, |(_, rest)| rest)).collect();
        first + rest.as_str()
    }

    #[test]
    fn words_texts_and_rows_below_are_told_apart() {
        let shown = painted("let a = exec(\"x\",\n        1) // end", 8, true);
        assert_eq!(
            shown.replace('\x1b', "^"),
            "^[35mlet^[0m a = ^[1mexec^[0m(^[32m\"x\"^[0m,\n^[2m   ...> ^[0m^[36m1^[0m) ^[2m// end^[0m"
        );
        assert_eq!(painted("f(\n        1)", 8, false), "f(\n   ...> 1)");
        assert_eq!(painted("f(`\n        1", 8, false), "f(`\n        1", "white space of a text is the text's own");
        assert_eq!(painted(":help let", 8, true), ":help let");
    }

    proptest! {
        #[test]
        fn no_line_changes_its_width(line in "[-a1\"'`#${}()/*.;|,= \n日]{0,40}", margin in 0_usize..9) {
            for colour in [true, false] {
                let shown = plain(&painted(&line, margin, colour));
                prop_assert_eq!(shown.lines().map(|row| row.width()).collect::<Vec<_>>(), line.lines().map(|row| row.width()).collect::<Vec<_>>());
            }
        }
    }
}
