//! All that a name means to `jailsh explain`. Pure.

use std::sync::LazyLock;

use super::{Explanation, all, find};
use crate::jail::spec::profile::{meant, words};
use crate::kernel::Right;
use crate::script::Kind;
use crate::script::reference::{self, LibraryFunction};

/// One thing that a name means.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    Right(Right),
    /// Another word for it, of other systems and tools.
    Word(Right),
    /// What gives it, of `std/profiles`.
    Profile(&'static LibraryFunction),
    Error(&'static Explanation),
}

impl Meaning {
    /// What sort of thing it is.
    pub fn sort(self) -> &'static str {
        match self {
            Meaning::Right(_) | Meaning::Word(_) => "a right",
            Meaning::Profile(_) => "a profile",
            Meaning::Error(_) => "an error",
        }
    }
}

/// Rights and words for them first, errors last: a person who types a name as a script compares it has the code before them,
/// which means one thing alone.
pub fn meanings(name: &str) -> Vec<Meaning> {
    let right = name.parse().ok().map(Meaning::Right).or_else(|| meant(name).map(Meaning::Word));
    let profile = profiles().find(|profile| profile.name == name).map(Meaning::Profile);
    right.into_iter().chain(profile).chain(find(name).map(Meaning::Error)).collect()
}

/// The profiles of the standard library, the three levels among them.
pub fn profiles() -> impl Iterator<Item = &'static LibraryFunction> {
    let module = reference::modules().iter().find(|module| module.name == "std/profiles");
    module.into_iter().flat_map(|module| &module.functions).filter(|function| function.parameters.is_empty())
}

/// Every name that means something, but for capabilities; some come twice.
pub fn names() -> impl Iterator<Item = &'static str> {
    static KINDS: LazyLock<Vec<String>> = LazyLock::new(|| Kind::ALL.into_iter().map(Kind::name).collect());
    let rights = Right::all().chain(Right::parts()).map(Right::name).chain(words());
    let profiles = profiles().map(|profile| profile.name.as_str());
    let errors = all().map(|one| one.code.as_str()).chain(KINDS.iter().map(String::as_str));
    rights.chain(profiles).chain(errors)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::{CAPABILITIES, Level};

    /// What each name is, found without `meanings`.
    fn expected() -> BTreeMap<String, Vec<&'static str>> {
        let mut all: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        let capabilities = CAPABILITIES.iter().flat_map(|name| [name.to_string(), format!("CAP_{}", name.to_uppercase())]);
        let known = |name: &String| name.parse::<Right>().is_err() && meant(name).is_some();
        let words = words().map(str::to_owned).chain(capabilities.filter(known)).collect::<std::collections::BTreeSet<_>>();
        Right::all().chain(Right::parts()).for_each(|right| all.entry(right.name().to_owned()).or_default().push("a right"));
        words.into_iter().for_each(|word| all.entry(word).or_default().push("a right"));
        profiles().for_each(|profile| all.entry(profile.name.clone()).or_default().push("a profile"));
        Kind::ALL.into_iter().for_each(|kind| all.entry(kind.name()).or_default().push("an error"));
        all
    }

    #[test]
    fn no_right_no_word_for_one_no_profile_and_no_error_is_hidden_by_another() {
        let expected = expected();
        for (name, sorts) in &expected {
            let found: Vec<&str> = meanings(name).into_iter().map(Meaning::sort).collect();
            assert_eq!(&found, sorts, "{name}");
        }
        assert_eq!(expected["module"], ["a right", "an error"], "a word that means two things was looked at");
        assert!(names().all(|name| !meanings(name).is_empty()));
        assert!(meanings("no such name").is_empty() && meanings("").is_empty());
    }

    #[test]
    fn the_levels_are_profiles_and_what_takes_parameters_or_is_private_is_none() {
        let names: Vec<&str> = profiles().map(|profile| profile.name.as_str()).collect();
        assert!(Level::ALL.into_iter().all(|level| names.contains(&level.name())), "{names:?}");
        assert!(names.contains(&"web_server") && !names.contains(&"walls"), "{names:?}");
    }
}
