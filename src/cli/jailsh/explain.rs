//! `jailsh explain`: what an error code, a right or a profile means.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command};

use super::profile::source;
use crate::cli::failure::{Exit, Failure};
use crate::cli::{Outcome, output};
use crate::jail::spec::nearest;
use crate::script::explain::{self, Meaning};

/// Tell what an error code means, how it comes about and what to do; what a right
/// is; or what a profile grants and denies, and why.
///
/// Without NAME all codes are listed. Errors of verbs can also be named by the
/// kind that a script compares, and rights by a capability or a word of other
/// systems: module, dmesg, CAP_NET_RAW. Profiles are low, medium, high and those
/// of std/profiles. A name that means more than one thing is told as each of
/// them, the right first.
///
/// Examples: jailsh explain E0302
///           jailsh explain not_running
///           jailsh explain mount
///           jailsh explain web_server
///
/// Exit status: 0 done, 1 no such name, 64 wrong use.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Explain {
    /// A code, a kind of error, a right, or a profile
    #[arg(value_name = "NAME", value_parser = Word, hide_possible_values = true)]
    word: Option<String>,
}

/// Any word; shells offer those that mean something.
#[derive(Debug, Clone)]
struct Word;

impl TypedValueParser for Word {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        // A shell takes a colon for the end of a word.
        let names: BTreeSet<&str> = explain::names().filter(|name| !name.contains(':')).collect();
        Some(Box::new(names.into_iter().map(PossibleValue::new)))
    }
}

impl Explain {
    pub fn run(self) -> Outcome {
        let Some(name) = self.word else {
            output::print(&explain::all().map(|one| format!("{}  {}\n", one.code, one.title)).collect::<String>())?;
            return Ok(Exit::DONE);
        };
        let mut text = String::new();
        for meaning in explain::meanings(&name) {
            if !text.is_empty() {
                text += &format!("\n{name:?} is also {}.\n\n", meaning.sort());
            }
            text += &told(&name, meaning)?;
        }
        if text.is_empty() {
            return Err(Failure::new(Exit::FAILED, unknown(&name)));
        }
        output::print(&text)?;
        Ok(Exit::DONE)
    }
}

fn told(name: &str, meaning: Meaning) -> Result<String, Failure> {
    Ok(match meaning {
        Meaning::Right(right) => explain::of_right(right),
        Meaning::Word(right) => format!("{name:?} is called {right} here.\n\n{}", explain::of_right(right)),
        Meaning::Profile(function) => explain::of_profile(function, &source::one(name)?.1),
        Meaning::Error(explanation) => explain::told(explanation),
    })
}

fn unknown(name: &str) -> String {
    let hint = match nearest(name, explain::names()) {
        Some(near) => format!("did you mean {near}?"),
        None => "jailsh explain lists all codes, jailsh profile show high all rights".to_owned(),
    };
    format!("{name:?} is no code, no right and no profile; {hint}")
}
