//! The lines of a session that went well, as a script that does the same without it. Pure.

use std::fmt::Write;

use crate::script::Narrowed;
use crate::script::console::last_values;
use crate::script::text::{Kind, Named, Outline, tokens};

/// Lines that are kept.
const MAX: usize = 10_000;

/// A line that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// As messages call it.
    pub name: String,
    pub text: String,
    /// Calls that the jail in use was given to, in this text and in those of functions that it called.
    pub narrowed: Vec<Narrowed>,
    /// The line whose value `_` is in it.
    pub last: Option<String>,
    /// It is one expression and no more.
    pub expression: bool,
    /// It may hold a secret.
    pub private: bool,
}

#[derive(Debug, Default)]
pub struct Record {
    lines: Vec<Kept>,
    dropped: usize,
}

impl Record {
    pub fn keep(&mut self, line: Kept) {
        if self.lines.len() == MAX {
            self.lines.remove(0);
            self.dropped += 1;
        }
        self.lines.push(line);
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All of it as a script. What cannot stand in one is a comment that says why.
    pub fn script(&self) -> String {
        let mut script = String::from("#!/usr/bin/env jailsh\n// Lines of a session of the REPL that went well.\n");
        if self.dropped > 0 {
            // Writing to a text cannot fail.
            let _ = writeln!(script, "// The first {} are not here: a session keeps {MAX}.", self.dropped);
        }
        for (at, line) in self.lines.iter().enumerate() {
            match self.statement(at) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => script += &(text + "\n"),
                Err(why) if line.private => {
                    let _ = writeln!(script, "// {}: left out: {why}", line.name);
                }
                Err(why) => {
                    let _ = writeln!(script, "// {}: left out: {why}: {}", line.name, line.text.replace('\n', "\n//     "));
                }
            }
        }
        script
    }

    /// A line as a statement of a script, or why it cannot be one.
    fn statement(&self, at: usize) -> Result<String, String> {
        let line = &self.lines[at];
        if line.private {
            return Err("it may hold a secret".into());
        }
        let text = &line.text;
        let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        for call in self.lines.iter().flat_map(|other| &other.narrowed).filter(|call| call.file == line.name) {
            let place = offset(text, call.line, call.column).ok_or("the place of a call in it is not known")?;
            let edit = (place..place, format!("jail({:?}).", call.jail.as_str()));
            if edits.iter().any(|(range, other)| *range == edit.0 && *other != edit.1) {
                return Err("it applied to one jail, later to another".into());
            }
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        let uses = last_values(text);
        if !uses.is_empty() {
            let from = line.last.as_ref().and_then(|name| self.lines.iter().find(|other| other.name == *name));
            let from =
                from.filter(|from| from.expression && !from.private).ok_or("it uses a value that no line here stands for")?;
            for (row, column) in uses {
                let place = offset(text, row, column).ok_or("the place of _ in it is not known")?;
                edits.push((place..place + 1, variable(&from.name)));
            }
        }
        let outline = Outline::of(text);
        for function in outline.functions() {
            let Named::Function { parameters, .. } = &function.what else { continue };
            if self.lines[at + 1..].iter().any(|later| defines(&later.text, &function.name, parameters.len())) {
                edits.retain(|(range, _)| !function.whole.contains(&range.start));
                edits.push((function.whole.clone(), String::new()));
            }
        }
        edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut text = text.clone();
        for (range, new) in edits {
            text.replace_range(range, &new);
        }
        let wanted = self.lines[at + 1..]
            .iter()
            .any(|later| later.last.as_ref() == Some(&line.name) && !last_values(&later.text).is_empty());
        if wanted && line.expression {
            text = format!("let {} = {text}", variable(&line.name));
        }
        Ok(ended(text))
    }
}

/// What the value of a line is called in a script.
fn variable(name: &str) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("last_{}", name.strip_prefix("repl:").unwrap_or(name).chars().map(letters).collect::<String>())
}

/// With a `;` after its last token, so that the next statement may follow.
fn ended(mut text: String) -> String {
    let all = tokens(&text);
    let last = all.iter().rev().find(|token| token.kind != Kind::Comment);
    match last {
        Some(last) if last.of(&text) != ";" => text.insert(last.end, ';'),
        _ => {}
    }
    text.trim_end().to_owned()
}

fn defines(text: &str, name: &str, parameters: usize) -> bool {
    Outline::of(text).functions().any(|function| {
        function.name == name && matches!(&function.what, Named::Function { parameters: all, .. } if all.len() == parameters)
    })
}

/// The byte at a line and a column, counted from 1 in characters.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start = match line.checked_sub(1)? {
        0 => 0,
        before => text.match_indices('\n').nth(before - 1)?.0 + 1,
    };
    let row = text.get(start..)?;
    row.char_indices().nth(column.checked_sub(1)?).map(|(at, _)| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize, text: &str) -> Kept {
        let name = format!("repl:{number}");
        Kept { name, text: text.into(), narrowed: Vec::new(), last: None, expression: false, private: false }
    }

    fn call(file: &str, column: usize, jail: &str) -> Narrowed {
        Narrowed { file: file.into(), line: 1, column, jail: jail.parse().unwrap() }
    }

    fn script(lines: Vec<Kept>) -> String {
        let mut record = Record::default();
        lines.into_iter().for_each(|line| record.keep(line));
        record.script().lines().skip(2).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_call_of_the_jail_in_use_names_it() {
        let mut first = line(1, "stop(); start()");
        first.narrowed = vec![call("repl:1", 1, "web"), call("repl:1", 9, "web")];
        assert_eq!(
            script(vec![first.clone(), line(2, "list() // all")]),
            "jail(\"web\").stop(); jail(\"web\").start();\nlist(); // all"
        );
        let mut later = line(2, "f()");
        later.narrowed = vec![call("repl:1", 1, "api")];
        let shown = script(vec![first, later]);
        assert!(shown.starts_with("// repl:1: left out: it applied to one jail, later to another: stop()"), "{shown}");
    }

    #[test]
    fn the_last_value_gets_a_name_where_an_expression_stands_for_it() {
        let mut first = line(1, "20 + 1");
        first.expression = true;
        let mut second = line(2, "_ * 2");
        second.last = Some("repl:1".into());
        second.expression = true;
        assert_eq!(script(vec![first.clone(), second.clone()]), "let last_1 = 20 + 1;\nlast_1 * 2;");
        first.expression = false;
        assert_eq!(
            script(vec![first, second]),
            "20 + 1;\n// repl:2: left out: it uses a value that no line here stands for: _ * 2"
        );
    }

    #[test]
    fn of_a_function_the_newest_stays_and_of_a_secret_nothing() {
        let mut secret = line(3, "let p = \"hunter2\";");
        secret.private = true;
        let lines = vec![line(1, "fn f(x) { 1 }"), line(2, "fn f(x) { 2 }"), secret, line(4, "let a = 1;")];
        assert_eq!(
            script(lines),
            ";\nfn f(x) { 2 };\n// repl:3: left out: it may hold a secret\nlet a = 1;".trim_start_matches(";\n")
        );
    }
}
