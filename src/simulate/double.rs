//! What stands in for what a test does not have: commands, pages, variables, facts and secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::kernel::JailName;
use crate::plan::{JailPath, Packages, shown};

/// Which commands are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Word by word: `*` is any one word, `...` at the end any more.
    Words(Vec<String>),
    /// The whole on one line, or shell text: `*` is any text.
    Line(String),
}

/// What a program in a jail is given.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    Argv(&'a [String]),
    /// Shell text.
    Text(&'a str),
}

impl Pattern {
    pub fn matches(&self, given: Given) -> bool {
        match (self, given) {
            (Pattern::Words(words), Given::Argv(argv)) => by_word(words, argv),
            (Pattern::Words(_), Given::Text(_)) => false,
            (Pattern::Line(line), Given::Argv(argv)) => glob(line, &argv.join(" ")),
            (Pattern::Line(line), Given::Text(text)) => glob(line, text.trim()),
        }
    }
}

fn by_word(words: &[String], argv: &[String]) -> bool {
    let same = |words: &[String], argv: &[String]| words.iter().zip(argv).all(|(word, given)| word == "*" || word == given);
    match words.split_last() {
        Some((last, first)) if last == "..." => argv.len() >= first.len() && same(first, argv),
        _ => words.len() == argv.len() && same(words, argv),
    }
}

/// `*` is any text, also none.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// How a command ends, and what it does besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    /// Files that it writes.
    pub files: Vec<(JailPath, Vec<u8>)>,
    /// How long it takes.
    pub takes: Duration,
}

/// A page, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    pub body: String,
    pub fails: Option<String>,
}

/// Something that answers a number of times, or always.
#[derive(Debug)]
struct Double<T> {
    left: Option<u64>,
    answer: T,
}

/// In the order in which they were given; one that is used up is passed over.
#[derive(Debug)]
struct Doubles<T>(Vec<Double<T>>);

impl<T> Default for Doubles<T> {
    fn default() -> Self {
        Doubles(Vec::new())
    }
}

impl<T> Doubles<T> {
    fn add(&mut self, times: Option<u64>, answer: T) {
        self.0.push(Double { left: times, answer });
    }

    fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<&T> {
        let found = self.0.iter_mut().find(|double| double.left != Some(0) && fits(&double.answer))?;
        found.left = found.left.map(|left| left - 1);
        Some(&found.answer)
    }
}

/// Everything that a test said beforehand.
#[derive(Debug, Default)]
pub struct Script {
    /// Of which jails, as a pattern of names, which commands end how.
    commands: Doubles<(String, Pattern, Reply)>,
    pages: Doubles<(String, Page)>,
    pub environment: BTreeMap<String, String>,
    pub facts: BTreeMap<String, Value>,
    pub secrets: BTreeMap<String, String>,
    /// Of bases, by the text that names one.
    pub packages: BTreeMap<String, Packages>,
}

impl Script {
    pub fn on_command(&mut self, jail: &str, pattern: Pattern, times: Option<u64>, reply: Reply) {
        self.commands.add(times, (jail.to_owned(), pattern, reply));
    }

    pub fn on_page(&mut self, url: &str, times: Option<u64>, page: Page) {
        self.pages.add(times, (url.to_owned(), page));
    }

    pub fn command(&mut self, jail: &JailName, given: Given) -> Option<Reply> {
        let fits = |(of, pattern, _): &(String, Pattern, Reply)| glob(of, jail.as_str()) && pattern.matches(given);
        self.commands.take(fits).map(|(_, _, reply)| reply.clone())
    }

    pub fn page(&mut self, url: &str) -> Option<Page> {
        self.pages.take(|(pattern, _)| glob(pattern, url)).map(|(_, page)| page.clone())
    }
}

/// The line of a test that would answer a command.
pub fn line_for(jail: &JailName, given: Given) -> String {
    match given {
        Given::Argv(argv) => format!("on_exec({:?}, {argv:?}, #{{ status: 0 }})", jail.as_str()),
        Given::Text(text) => {
            let first = text.trim().lines().next().unwrap_or_default();
            format!("on_exec({:?}, {:?}, #{{ status: 0 }})", jail.as_str(), format!("{first}*"))
        }
    }
}

/// What was asked for, in a few words.
pub fn name_of(given: Given) -> String {
    match given {
        Given::Argv(argv) => shown(argv),
        Given::Text(text) => format!("shell text of {} lines", text.trim().lines().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_and_lines_are_matched_with_stars() {
        let words = |text| Pattern::Words(argv(text));
        let fits = |pattern: &Pattern, text: &str| pattern.matches(Given::Argv(&argv(text)));
        assert!(fits(&words("nginx -t"), "nginx -t") && !fits(&words("nginx -t"), "nginx -t -q"));
        assert!(fits(&words("nginx *"), "nginx -t") && !fits(&words("nginx *"), "nginx"));
        assert!(fits(&words("nginx ..."), "nginx") && fits(&words("nginx ..."), "nginx -t -q"));
        let line = Pattern::Line("mkdir *; touch */x".into());
        assert!(line.matches(Given::Text(" mkdir -p a; touch a/x\n")) && !line.matches(Given::Text("mkdir a")));
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b", "ab", true),
            ("a*b", "a", false),
            ("a*a", "a", false),
            ("*b*", "abc", true),
            ("http://*/x", "http://h:1/x", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn doubles_answer_in_turn_until_they_are_used_up() {
        let mut script = Script::default();
        let reply = |status| Reply { status, ..Reply::default() };
        script.on_command("w*", Pattern::Line("x".into()), Some(2), reply(1));
        script.on_command("*", Pattern::Line("x".into()), Some(1), reply(0));
        let mut ask = |jail: &str| script.command(&jail.parse().unwrap(), Given::Text("x")).map(|reply| reply.status);
        assert_eq!([ask("web"), ask("web"), ask("db"), ask("web"), ask("db")], [Some(1), Some(1), Some(0), None, None]);
    }
}
