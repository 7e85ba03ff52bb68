//! What each error code means, with a script that brings it about and the remedy; and what else has a name. Pure.

mod limits;
mod meaning;
mod names;
mod parse;
mod told;
mod verbs;

use super::{Code, Kind};

pub use meaning::{Meaning, meanings, names, profiles};
pub use told::{of_profile, of_right, told};

/// How an error comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// A script that ends with it, on the simulated kernel.
    Script(&'static str),
    /// With these options or this verb of jailsh before it.
    With(&'static [&'static str], &'static str),
    /// With a module beside it.
    Importing { module: (&'static str, &'static str), script: &'static str },
    /// It takes more than a script: how it comes about, in a sentence.
    Told(&'static str),
}

/// One code.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    pub code: Code,
    /// A line.
    pub title: &'static str,
    /// What it means.
    pub text: &'static str,
    pub example: Example,
    /// What to do.
    pub remedy: &'static str,
}

const TABLES: [&[Explanation]; 4] = [parse::TABLE, names::TABLE, verbs::TABLE, limits::TABLE];

/// All, by code.
pub fn all() -> impl Iterator<Item = &'static Explanation> {
    TABLES.into_iter().flatten()
}

/// By its code, in any case, or by the kind that a script compares, as `no_such_jail`.
pub fn find(name: &str) -> Option<&'static Explanation> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).map(Code::from);
    all().find(|explanation| explanation.code.as_str().eq_ignore_ascii_case(name) || Some(explanation.code) == kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_explained_once_and_no_other() {
        let known: BTreeSet<Code> = Code::OWN.into_iter().chain(Kind::ALL.into_iter().map(Code::from)).collect();
        assert_eq!(known.len(), Code::OWN.len() + Kind::ALL.len(), "a code is used twice");
        let explained: Vec<Code> = all().map(|explanation| explanation.code).collect();
        assert!(explained.is_sorted(), "{explained:?}");
        assert_eq!(explained, known.into_iter().collect::<Vec<_>>());
        assert_eq!(find("e0303").unwrap().code, Code::from(Kind::NoSuchJail));
    }

    #[test]
    fn each_is_a_line_a_text_and_a_remedy() {
        for Explanation { code, title, text, remedy, .. } in all() {
            assert!(title.len() <= 72 && !title.ends_with('.') && !title.contains('\n'), "{code}: {title}");
            for words in [text, remedy] {
                assert!(words.ends_with('.') && !words.contains("  "), "{code}: {words}");
            }
        }
    }
}
