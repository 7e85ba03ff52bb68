//! What may come next on a line.

use rustyline::completion::Pair;

use super::command;
use super::shell::Shell;
use crate::script::assist::{self, Sheet};

/// The place where the candidates begin, and the candidates.
pub fn complete(_shell: &Shell, line: &str, at: usize) -> (usize, Vec<Pair>) {
    if let Some(rest) = line[..at].strip_prefix(':') {
        let known = command::COMMANDS.iter().filter(|command| command.name.starts_with(rest));
        return (
            1,
            known.map(|command| Pair { display: format!(":{}", command.name), replacement: command.name.into() }).collect(),
        );
    }
    let sheet = Sheet::new(line);
    let found = assist::complete(&sheet, at, &Nothing);
    let Some(start) = found.first().map(|first| first.replaces.start) else { return (at, Vec::new()) };
    let typed = &line[start..at];
    let fits = found.into_iter().filter(|candidate| candidate.insert.starts_with(typed));
    (start, fits.map(|candidate| Pair { display: candidate.label, replacement: candidate.insert }).collect())
}

struct Nothing;

impl assist::Modules for Nothing {
    fn find(&self, _: &str) -> Option<assist::ModuleText> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
