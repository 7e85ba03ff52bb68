//! The lines of before, in memory and in a file of our own, which nobody else may read. Sessions share it: each line is
//! appended by one write, under a lock.

mod file;

use std::path::Path;

use rustyline::Result;
use rustyline::history::{MemHistory, SearchDirection, SearchResult};

use crate::script::text::{Kind, tokens};
use file::File;

/// Lines that are kept, in memory and in the file.
const MAX: usize = 10_000;

pub struct History {
    lines: MemHistory,
    file: Option<File>,
}

impl History {
    /// With the lines of the file; the text says why there is none, if so.
    pub fn open() -> (History, Option<String>) {
        let config = rustyline::Config::builder().max_history_size(MAX);
        let mut lines = config.map(|config| MemHistory::with_config(&config.build())).unwrap_or_default();
        let (file, why) = match File::open(MAX) {
            Ok((file, before)) => {
                for line in before {
                    // In memory nothing can fail.
                    let _ = rustyline::history::History::add_owned(&mut lines, line);
                }
                (Some(file), None)
            }
            Err(why) => (None, Some(why)),
        };
        (History { lines, file }, why)
    }

    /// A line that was typed. What may hold a secret is kept nowhere.
    ///
    /// # Errors
    /// The file cannot be written; the line is in memory.
    pub fn keep(&mut self, line: &str) -> std::result::Result<(), String> {
        if is_private(line) {
            return Ok(());
        }
        let is_new = rustyline::history::History::add(&mut self.lines, line).unwrap_or(false);
        match &self.file {
            Some(file) if is_new => file.append(line),
            _ => Ok(()),
        }
    }
}

/// A leading space asks for it; a secret or a password needs no asking.
pub fn is_private(line: &str) -> bool {
    let telling = |word: &str| {
        let word = word.to_ascii_lowercase();
        ["secret", "password", "passwd"].iter().any(|known| word.contains(known))
    };
    line.starts_with(' ') || tokens(line).iter().any(|token| token.kind == Kind::Word && telling(token.of(line)))
}

impl rustyline::history::History for History {
    fn get(&self, index: usize, dir: SearchDirection) -> Result<Option<SearchResult<'_>>> {
        self.lines.get(index, dir)
    }

    fn add(&mut self, line: &str) -> Result<bool> {
        self.lines.add(line)
    }

    fn add_owned(&mut self, line: String) -> Result<bool> {
        self.lines.add_owned(line)
    }

    fn len(&self) -> usize {
        self.lines.len()
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn set_max_len(&mut self, len: usize) -> Result<()> {
        self.lines.set_max_len(len)
    }

    fn ignore_dups(&mut self, yes: bool) -> Result<()> {
        self.lines.ignore_dups(yes)
    }

    fn ignore_space(&mut self, yes: bool) {
        self.lines.ignore_space(yes);
    }

    // The file is written line by line, not here.
    fn save(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn append(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn load(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        self.lines.clear()
    }

    fn search(&self, term: &str, start: usize, dir: SearchDirection) -> Result<Option<SearchResult<'_>>> {
        self.lines.search(term, start, dir)
    }

    fn starts_with(&self, term: &str, start: usize, dir: SearchDirection) -> Result<Option<SearchResult<'_>>> {
        self.lines.starts_with(term, start, dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_secret_is_private() {
        for line in [
            " list()",
            "let s = secret(\"db\");",
            "web.user(\"app\", #{ password: \"x\" })",
            "exec(\"db\", [\"psql\"], #{ env: #{ DB_PASSWORD: \"x\" } })",
            "let my_secret = \"x\"",
        ] {
            assert!(is_private(line), "{line}");
        }
        for line in ["list()", "print(\"secret\")", "// the password", "web.file(\"/etc/passwd\", \"x\")"] {
            assert!(!is_private(line), "{line}");
        }
    }
}
