//! The lines of before, in memory and in a file of our own.

use std::path::Path;

use rustyline::Result;
use rustyline::history::{MemHistory, SearchDirection, SearchResult};

/// Lines that are kept.
const MAX: usize = 10_000;

pub struct History {
    lines: MemHistory,
}

impl History {
    pub fn open() -> History {
        let config = rustyline::Config::builder().max_history_size(MAX);
        let lines = config.map(|config| MemHistory::with_config(&config.build())).unwrap_or_default();
        History { lines }
    }

    /// A line that was typed.
    pub fn keep(&mut self, line: &str) {
        use rustyline::history::History;
        // In memory nothing can fail.
        let _ = self.lines.add(line);
    }
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
