//! Command lines of tools with many verbs: to describe all of them to clap takes longer than most verbs run, so that only
//! the one that is called is described. Who finds an error, or is asked for help, looks again at the whole of them.

use std::cell::Cell;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id, Parser};

thread_local! {
    /// Are verbs described only once they are called?
    static LATE: Cell<bool> = const { Cell::new(false) };
}

/// The arguments of one verb.
#[derive(Debug)]
pub struct Late<T>(pub T);

/// The arguments of this process.
///
/// # Errors
/// Those of [`Parser::try_parse`], help and version included.
pub fn parse<T: Parser>() -> Result<T, Error> {
    LATE.set(true);
    let parsed = T::try_parse();
    LATE.set(false);
    match parsed {
        // What the one verb takes the whole takes alike. What it refuses may be an alias, or needs the other verbs to be told.
        Err(error) if error.kind() != ErrorKind::DisplayVersion => T::try_parse(),
        other => other,
    }
}

impl<T: Args> Args for Late<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        if LATE.get() { command.defer(T::augment_args) } else { T::augment_args(command) }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Late)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Late)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{jailctl::Jailctl, jailmgr::Jailmgr, jailsh::Jailsh};

    fn described(command: &Command) -> Vec<(String, Vec<String>)> {
        let verbs = command.get_subcommands().map(|verb| {
            let mut arguments: Vec<_> = verb.get_arguments().map(|argument| format!("{argument:?}")).collect();
            arguments.sort();
            (verb.get_name().to_owned(), arguments)
        });
        verbs.collect()
    }

    fn a_verb_described_late_takes_the_same<T: Parser>() {
        let mut whole = T::command();
        LATE.set(true);
        let mut late = T::command();
        LATE.set(false);
        assert!(late.get_subcommands().any(|verb| verb.get_arguments().count() == 0), "nothing was late");
        whole.build();
        late.build();
        assert!(described(&whole).iter().any(|(_, arguments)| arguments.len() > 5));
        assert_eq!(described(&late), described(&whole));
    }

    #[test]
    fn every_verb_of_every_tool_takes_the_same_arguments_when_it_is_described_late() {
        a_verb_described_late_takes_the_same::<Jailsh>();
        a_verb_described_late_takes_the_same::<Jailctl>();
        a_verb_described_late_takes_the_same::<Jailmgr>();
    }
}
