//! What a session knows beyond the text of a line: values that live, and what there is on the host.

use crate::script::reference::Type;

/// A name that an earlier line gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    Variable(Type),
    /// With the names of its parameters.
    Function(Vec<String>),
    /// By its name between the quotes of the import.
    Module(String),
}

/// What sort of text a verb takes, where there is more to say than that it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Jail,
    /// A path inside of a jail.
    Inside,
    /// A path of the host.
    Host,
    Profile,
    Right,
    /// A snapshot's name.
    Label,
    /// What a jail is waited for to be.
    State,
    Signal,
    Base,
}

/// Something that may stand between quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// All of it.
    pub text: String,
    /// What is shown: of a path, its last name.
    pub label: String,
    pub detail: String,
}

impl Word {
    pub fn plain(text: impl Into<String>, detail: impl Into<String>) -> Word {
        let text = text.into();
        Word { label: text.clone(), text, detail: detail.into() }
    }
}

/// A session. `chain`: a variable, then keys that lead into it.
pub trait Live {
    /// All names, the newest last.
    fn names(&self) -> Vec<(String, Held)>;
    fn held(&self, name: &str) -> Option<Held>;
    fn kind(&self, chain: &[&str]) -> Option<Type>;
    /// The keys of a map, with the types of their values.
    fn keys(&self, chain: &[&str]) -> Vec<(String, Type)>;
    /// Is a jail in use, so that its methods can be called without it?
    fn is_narrowed(&self) -> bool;
    /// The name of the jail that a value is.
    fn jail(&self, chain: &[&str]) -> Option<String>;
    /// What of the host may stand there; `typed`: what does so far.
    fn words(&self, wanted: Wanted, jail: Option<&str>, typed: &str) -> Vec<Word>;
}

impl Wanted {
    /// Of a parameter of a function or method.
    pub fn of_parameter(item: &str, on: Option<&str>, parameter: &str) -> Option<Wanted> {
        Some(match (item, on, parameter) {
            (_, None, "jail") | ("jail" | "create", None, "name") => Wanted::Jail,
            ("apply_file", _, "path") | (_, _, "file" | "archive" | "directory") => Wanted::Host,
            ("copy" | "template", Some("Jail"), "source") => Wanted::Host,
            (_, Some("Jail"), "path") => Wanted::Inside,
            ("profile", None, _) | ("extend" | "restrict" | "diff", Some("Profile"), _) => Wanted::Profile,
            (_, Some("Profile"), "right" | "rights") => Wanted::Right,
            ("rollback" | "delete_snapshot", _, "label") => Wanted::Label,
            ("wait", _, "state") => Wanted::State,
            (_, _, "signal") => Wanted::Signal,
            (_, _, "base") => Wanted::Base,
            _ => return None,
        })
    }

    /// Of a key's value.
    pub fn of_key(key: &str) -> Option<Wanted> {
        Some(match key {
            "creates" | "workdir" => Wanted::Inside,
            "base" => Wanted::Base,
            _ => return None,
        })
    }
}
