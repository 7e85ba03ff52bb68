//! Help for who writes a script: what may come next, what a name is, where it is from. For the language server and for
//! the shell; works on what is half typed. Pure but for [`Modules`], by which imported files are seen.

mod complete;
mod enclosure;
mod files;
mod infer;
mod live;
mod meaning;
mod mistakes;
mod signature;
#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;

use super::reference;
use super::text::Outline;

pub use complete::{Candidate, Sort, complete};
pub use files::Files;
pub use live::{Held, Live, Wanted, Word};
pub use meaning::{Meaning, Target, definition, hover, meaning};
pub use mistakes::{Mistake, mistakes};
pub use signature::{AtHand, Calls, Form, at_hand, calls};

/// A script that somebody writes.
pub struct Sheet<'a> {
    pub text: String,
    pub outline: Outline,
    /// By which the types are told that functions of modules give.
    modules: Option<&'a dyn Modules>,
    /// The session that it is a line of.
    live: Option<&'a dyn Live>,
}

impl<'a> Sheet<'a> {
    pub fn new(text: impl Into<String>) -> Sheet<'a> {
        let text = text.into();
        let outline = Outline::of(&text);
        Sheet { text, outline, modules: None, live: None }
    }

    /// One whose imports can be followed.
    pub fn importing(text: impl Into<String>, modules: &'a dyn Modules) -> Sheet<'a> {
        Sheet { modules: Some(modules), ..Sheet::new(text) }
    }

    /// A line of a session.
    pub fn within(text: impl Into<String>, modules: &'a dyn Modules, live: &'a dyn Live) -> Sheet<'a> {
        Sheet { live: Some(live), ..Sheet::importing(text, modules) }
    }

    /// What a function is also called on where nothing stands before it.
    fn implied(&self) -> Option<reference::Type> {
        self.live.filter(|live| live.is_narrowed()).map(|_| reference::Type::Value("Jail"))
    }

    /// Text of a token that is no text in quotes and no comment; empty beyond the ends.
    fn word(&self, at: usize) -> &str {
        let code = |token: &&crate::script::text::Token| !token.is_text() && token.kind != crate::script::text::Kind::Comment;
        self.outline.tokens.get(at).filter(code).map_or("", |token| token.of(&self.text))
    }

    /// The token before, comments left out.
    fn before(&self, at: usize) -> Option<usize> {
        self.outline.tokens[..at].iter().rposition(|token| token.kind != crate::script::text::Kind::Comment)
    }

    fn after(&self, at: usize) -> Option<usize> {
        let rest = self.outline.tokens.get(at + 1..)?;
        rest.iter().position(|token| token.kind != crate::script::text::Kind::Comment).map(|found| at + 1 + found)
    }
}

/// Where a module's text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `std/NAME`, inside the binary.
    Standard(String),
    File(PathBuf),
}

/// A module that a script imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleText {
    pub origin: Origin,
    pub text: String,
}

/// The modules that a script can import.
pub trait Modules {
    /// `name` as it stands between the quotes of the import.
    fn find(&self, name: &str) -> Option<ModuleText>;
    /// All that are known, for completion.
    fn names(&self) -> Vec<String>;
}
