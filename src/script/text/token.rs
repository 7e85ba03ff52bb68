//! The tokens of a script, also of one that is half typed: nothing is an error here. Pure.

/// What sort of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    Number,
    /// A text in quotes, or a piece of one in backticks between interpolations. `closed`: its last quote is there.
    Text {
        closed: bool,
    },
    /// `//`, `///`, `//!`, `/*`.
    Comment,
    Symbol,
}

/// A piece of a script, by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }

    pub fn is_text(self) -> bool {
        matches!(self.kind, Kind::Text { .. })
    }

    /// What is between the quotes, as written.
    pub fn content(self, text: &str) -> &str {
        let all = self.of(text);
        let inner = all.trim_start_matches('#');
        let quote = inner.chars().next().filter(|c| matches!(c, '"' | '`' | '\''));
        let inner = quote.map_or(inner, |quote| &inner[quote.len_utf8()..]);
        match self.kind {
            Kind::Text { closed: true } => inner.trim_end_matches('#').strip_suffix(['"', '`', '\'']).unwrap_or(inner),
            _ => inner,
        }
    }
}

/// Symbols of more than one character that mean something to us, or would be mistaken for those that do.
const SYMBOLS: [&str; 21] = [
    "#{", "::", "?.", "?[", "=>", "==", "!=", "<=", ">=", "||", "&&", "|=", "+=", "-=", "*=", "/=", "%=", "??", "..=", "..", "->",
];

/// Reads all tokens, in order, without the white space between them.
pub fn tokens(text: &str) -> Vec<Token> {
    Lexer { text, at: 0, found: Vec::new(), open: Vec::new() }.run()
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Token>,
    /// Open braces; true: an interpolation's, after which the text in backticks goes on.
    open: Vec<bool>,
}

impl Lexer<'_> {
    fn run(mut self) -> Vec<Token> {
        if self.rest().starts_with("#!") {
            self.skip_line();
        }
        while let Some(c) = self.rest().chars().next() {
            match c {
                c if c.is_whitespace() => self.at += c.len_utf8(),
                '/' if self.rest().starts_with("//") => self.comment(Self::skip_line),
                '/' if self.rest().starts_with("/*") => self.comment(Self::skip_comment),
                '"' => self.quoted('"'),
                '\'' => self.quoted('\''),
                '`' => {
                    self.backticks(1);
                }
                '#' if self.hashes().is_some() => self.raw(),
                c if c.is_alphabetic() || c == '_' => self.take(Kind::Word, |c| c.is_alphanumeric() || c == '_'),
                c if c.is_ascii_digit() => self.number(),
                c => self.symbol(c),
            }
        }
        self.found
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.found.push(Token { kind, start, end: self.at });
    }

    fn take(&mut self, kind: Kind, inside: impl Fn(char) -> bool) {
        let start = self.at;
        self.at += self.rest().find(|c| !inside(c)).unwrap_or(self.rest().len());
        self.push(kind, start);
    }

    /// A point belongs to a number only before a digit: `1.len` and `1..2` do not.
    fn number(&mut self) {
        let start = self.at;
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
        self.at += self.rest().find(|c| !inside(c)).unwrap_or(self.rest().len());
        let fraction = self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if fraction {
            self.at += 1;
            self.at += self.rest().find(|c| !inside(c)).unwrap_or(self.rest().len());
        }
        self.push(Kind::Number, start);
    }

    fn comment(&mut self, skip: fn(&mut Self)) {
        let start = self.at;
        skip(self);
        self.push(Kind::Comment, start);
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    /// Comments nest.
    fn skip_comment(&mut self) {
        let mut depth = 0;
        while let Some(c) = self.rest().chars().next() {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                self.at += c.len_utf8();
            }
        }
    }

    /// Ends with its line, so that a quote which is not there yet spoils no more than that.
    fn quoted(&mut self, quote: char) {
        let start = self.at;
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\n' => break,
                '\\' => {
                    self.at += 1;
                    // A backslash at the end of a line continues the text.
                    self.at += self.rest().chars().next().map_or(0, char::len_utf8);
                }
                c => {
                    self.at += c.len_utf8();
                    if c == quote {
                        return self.push(Kind::Text { closed: true }, start);
                    }
                }
            }
        }
        self.push(Kind::Text { closed: false }, start);
    }

    /// A piece of a text in backticks, up to its end or to an interpolation. `skip`: bytes to begin with.
    fn backticks(&mut self, skip: usize) {
        let start = self.at;
        self.at += skip;
        while let Some(c) = self.rest().chars().next() {
            if c == '`' {
                self.at += 1;
                return self.push(Kind::Text { closed: true }, start);
            }
            if self.rest().starts_with("${") {
                self.push(Kind::Text { closed: false }, start);
                let start = self.at;
                self.at += 2;
                self.open.push(true);
                return self.push(Kind::Symbol, start);
            }
            self.at += c.len_utf8();
        }
        self.push(Kind::Text { closed: false }, start);
    }

    /// How many `#` stand before a quote.
    fn hashes(&self) -> Option<usize> {
        let count = self.rest().len() - self.rest().trim_start_matches('#').len();
        self.rest()[count..].starts_with('"').then_some(count)
    }

    fn raw(&mut self) {
        let start = self.at;
        let count = self.hashes().unwrap_or(0);
        let end = format!("\"{}", "#".repeat(count));
        self.at += count + 1;
        match self.rest().find(&end) {
            Some(at) => {
                self.at += at + end.len();
                self.push(Kind::Text { closed: true }, start);
            }
            None => {
                self.at = self.text.len();
                self.push(Kind::Text { closed: false }, start);
            }
        }
    }

    fn symbol(&mut self, first: char) {
        let start = self.at;
        let long = SYMBOLS.into_iter().find(|symbol| self.rest().starts_with(symbol));
        self.at += long.map_or(first.len_utf8(), str::len);
        self.push(Kind::Symbol, start);
        match first {
            '{' => self.open.push(false),
            '#' if long.is_some() => self.open.push(false),
            '}' if self.open.pop() == Some(true) => self.backticks(0),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| token.of(text)).collect()
    }

    #[test]
    fn a_script_falls_into_its_tokens() {
        let text = "#!/usr/bin/jailsh\nlet a = #{ b: 1.5, c: [1..2] }; // end\nweb?.exec(p::x, |y| y ?? 'c')";
        let found = shown(text).join(" ");
        assert_eq!(found, "let a = #{ b : 1.5 , c : [ 1 .. 2 ] } ; // end web ?. exec ( p :: x , | y | y ?? 'c' )");
    }

    #[test]
    fn texts_hold_code_only_between_their_braces() {
        let found = shown("`a ${ #{ x: \"}\" }.x } b` + \"c\\\" d\" + #\"e \"f\"# `");
        assert_eq!(
            found,
            ["`a ", "${", "#{", "x", ":", "\"}\"", "}", ".", "x", "}", " b`", "+", "\"c\\\" d\"", "+", "#\"e \"f\"#", "`"]
        );
    }

    #[test]
    fn what_is_not_ended_yet_spoils_its_line_alone() {
        assert_eq!(shown("let a = \"half\nlet b = 2"), ["let", "a", "=", "\"half", "let", "b", "=", "2"]);
        assert_eq!(shown("/* a /* b */ c"), ["/* a /* b */ c"]);
    }

    #[test]
    fn the_content_of_a_text_is_without_its_quotes() {
        let content = |text: &str| tokens(text)[0].content(text).to_owned();
        assert_eq!(["\"a\"", "`a`", "\"a", "#\"a\"#", "'a'", "\"\"", "\""].map(content), ["a", "a", "a", "a", "a", "", ""]);
    }

    proptest! {
        #[test]
        fn tokens_are_in_order_and_nothing_but_white_space_is_lost(text in "[-a\"'`#${}()/*\\\\.:|é\u{1f600}\r\n 1_]{0,60}") {
            let found = tokens(&text);
            let mut at = if text.starts_with("#!") { text.find('\n').unwrap_or(text.len()) } else { 0 };
            for token in &found {
                prop_assert!(token.start >= at && token.end >= token.start);
                prop_assert!(text[at..token.start].chars().all(char::is_whitespace), "{:?}", &text[at..token.start]);
                at = token.end;
                let _ = token.content(&text);
            }
            prop_assert!(text[at..].chars().all(char::is_whitespace));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = tokens(&text);
        }
    }
}
