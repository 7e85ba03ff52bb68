//! The texts of a script and its modules, and pointing into them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{AST, Position};
use unicode_width::UnicodeWidthChar;

/// A script or a module as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path, `-e`, `-` or `std/NAME`, for messages.
    pub name: String,
    pub text: String,
}

/// All texts of one run, by name. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Sources(Rc<RefCell<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    texts: BTreeMap<String, Rc<Source>>,
    /// Which text a closure is from: Rhai calls one as if it were of the text that calls it.
    closures: BTreeMap<String, String>,
    ended_in: Option<String>,
    /// Names that lines before gave to things.
    known: Vec<String>,
}

impl Sources {
    pub fn add(&self, source: Source) -> Rc<Source> {
        let source = Rc::new(source);
        self.0.borrow_mut().texts.insert(source.name.clone(), source.clone());
        source
    }

    pub fn get(&self, name: &str) -> Option<Rc<Source>> {
        self.0.borrow().texts.get(name).cloned()
    }

    /// Remembers where the closures of a parsed text are from.
    pub fn learn(&self, source: &Source, ast: &AST) {
        let closures = ast.iter_functions().filter(|function| function.name.starts_with(CLOSURE));
        let closures = closures.map(|closure| (closure.name.to_owned(), source.name.clone()));
        self.0.borrow_mut().closures.extend(closures);
    }

    pub fn of_closure(&self, name: &str) -> Option<Rc<Source>> {
        let file = self.0.borrow().closures.get(name).cloned()?;
        self.get(&file)
    }

    /// A line of the REPL begins, which knows these names.
    pub fn begin(&self, known: Vec<String>) {
        let mut shelf = self.0.borrow_mut();
        shelf.ended_in = None;
        shelf.known = known;
    }

    pub fn known(&self) -> Vec<String> {
        self.0.borrow().known.clone()
    }

    /// Nothing of this text can be called any more.
    pub fn forget(&self, name: &str) {
        let mut shelf = self.0.borrow_mut();
        shelf.texts.remove(name);
        shelf.closures.retain(|_, text| text != name);
    }

    pub fn all(&self) -> Vec<Rc<Source>> {
        self.0.borrow().texts.values().cloned().collect()
    }

    /// Remembers the innermost module that was ended by a limit or by the user, while it was being imported.
    pub fn ended_in(&self, name: String) {
        self.0.borrow_mut().ended_in.get_or_insert(name);
    }

    pub fn where_it_ended(&self) -> Option<String> {
        self.0.borrow().ended_in.clone()
    }
}

/// Empties a `#!` line, so that the lines below keep their numbers.
pub fn without_shebang(text: String) -> String {
    match text.strip_prefix("#!") {
        Some(rest) => rest.find('\n').map_or(String::new(), |end| rest[end..].to_owned()),
        None => text,
    }
}

/// How Rhai's names of closures begin.
pub const CLOSURE: &str = "anon$";
/// Spaces that a tab is shown as.
const TAB: usize = 4;
/// Columns of a long line that are shown around the caret.
const WINDOW: usize = 100;

impl Source {
    /// `FILE:LINE:COLUMN`, or as much of it as is known.
    pub fn place(&self, position: Position) -> String {
        let name = crate::telemetry::printable(&self.name).into_owned();
        match (position.line(), position.position()) {
            (Some(line), Some(column)) => format!("{name}:{line}:{column}"),
            (Some(line), None) => format!("{name}:{line}"),
            _ => name,
        }
    }

    /// The line and a caret below the column. Tabs are widened and control characters replaced, so that both lines
    /// take the same columns on any terminal.
    pub fn excerpt(&self, position: Position) -> Option<String> {
        let line = self.text.lines().nth(position.line()?.checked_sub(1)?)?;
        let column = position.position().unwrap_or(1).max(1);
        let mut cells: Vec<(char, usize)> = Vec::new();
        let mut caret = None;
        let mut width = 0;
        for (at, c) in line.chars().chain([' ']).enumerate() {
            if at + 1 == column {
                caret = Some(width);
            }
            let shown = match c {
                '\t' => (' ', TAB),
                c => match c.width() {
                    Some(columns) if crate::telemetry::printable(c.encode_utf8(&mut [0; 4])).chars().eq([c]) => (c, columns),
                    _ => ('\u{fffd}', 1),
                },
            };
            width += shown.1;
            cells.push(shown);
        }
        let caret = caret.unwrap_or(width - 1);
        Some(window(&cells, caret, width))
    }
}

fn window(cells: &[(char, usize)], caret: usize, width: usize) -> String {
    let from = if width <= WINDOW || caret < WINDOW * 3 / 4 { 0 } else { caret - WINDOW / 2 };
    let mut text = String::from(if from > 0 { "..." } else { "" });
    let mut at = 0;
    let mut start = None;
    for (c, columns) in cells {
        if at >= from && at + columns <= from + WINDOW {
            start.get_or_insert(at);
            if *c == ' ' {
                text.extend(std::iter::repeat_n(' ', *columns));
            } else {
                text.push(*c);
            }
        }
        at += columns;
    }
    let lead = if from > 0 { 3 } else { 0 };
    let indent = lead + caret - start.unwrap_or(0).min(caret);
    format!("    {}\n    {}^", text.trim_end(), " ".repeat(indent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn excerpt(text: &str, line: u16, column: u16) -> String {
        Source { name: "a.rhai".into(), text: text.into() }.excerpt(Position::new(line, column)).unwrap()
    }

    #[test]
    fn tabs_and_wide_characters_do_not_move_the_caret() {
        assert_eq!(excerpt("let a = 1;\n\tb", 2, 2), "        b\n        ^");
        assert_eq!(excerpt("let 日本 = x;", 1, 10), "    let 日本 = x;\n               ^");
        assert_eq!(excerpt("e\u{301} = x", 1, 6), "    e\u{301} = x\n        ^");
        assert_eq!(excerpt("\u{1b}[2J x", 1, 6), "    \u{fffd}[2J x\n         ^");
    }

    #[test]
    fn the_end_of_the_text_can_be_pointed_at() {
        assert_eq!(excerpt("let", 1, 4), "    let\n       ^");
        assert_eq!(excerpt("let", 1, 99), "    let\n       ^");
        assert!(Source { name: "a".into(), text: "let".into() }.excerpt(Position::new(2, 1)).is_none());
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let text = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let shown = excerpt(&text, 1, 301);
        let (line, caret) = shown.split_once('\n').unwrap();
        assert_eq!(line.chars().nth(caret.len() - 1), Some('X'));
        assert!(line.len() < 120 && line.starts_with("    ...a"));
    }

    proptest! {
        #[test]
        fn no_text_and_place_make_it_panic(text in "(\\PC|[\\x00-\\x1f\t])*", line in 1_u16..4, column in 1_u16..80) {
            let source = Source { name: "x".into(), text };
            if let Some(shown) = source.excerpt(Position::new(line, column)) {
                prop_assert_eq!(shown.lines().count(), 2);
                prop_assert!(shown.ends_with('^'));
            }
        }
    }
}
