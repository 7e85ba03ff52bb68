//! The words in which the script API is described. Pure data; the tables are made of these at compile time.

use std::fmt;

use serde::{Serialize, Serializer};

use super::shape::Shape;
use crate::script::Kind;

/// Which columns the rows of a listing have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Of `list()`.
    Jails,
    /// Of `profile.explain()`.
    Rights,
    Stats,
    Status,
    Snapshots,
    /// Of `gc()`.
    Garbage,
    Bases,
    Archives,
    Disk,
}

impl View {
    pub const ALL: [View; 9] = [
        View::Jails,
        View::Rights,
        View::Stats,
        View::Status,
        View::Snapshots,
        View::Garbage,
        View::Bases,
        View::Archives,
        View::Disk,
    ];
}

/// What sort of value. Displayed in the words of the error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Nothing,
    Bool,
    Integer,
    Float,
    Text,
    List,
    Map,
    Function,
    Any,
    Listing(View),
    Record(View),
    /// A type of [`super::types`], by its name.
    Value(&'static str),
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Nothing => "nothing",
            Type::Bool => "bool",
            Type::Integer => "integer",
            Type::Float => "float",
            Type::Text => "text",
            Type::List => "list",
            Type::Map => "map",
            Type::Function => "function",
            Type::Any => "any",
            Type::Listing(_) => "Listing",
            Type::Record(_) => "Record",
            Type::Value(name) => name,
        }
    }

    /// The type of one element of it.
    pub fn element(self) -> Type {
        match self {
            Type::Listing(view) => Type::Record(view),
            Type::Text => Type::Text,
            _ => Type::Any,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Chapters of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Jails,
    Profiles,
    Lifecycle,
    Files,
    Commands,
    Copies,
    Observation,
    Host,
    Script,
    Values,
    /// Only tests have them.
    Tests,
}

impl Group {
    pub const ALL: [Group; 11] = [
        Group::Jails,
        Group::Profiles,
        Group::Lifecycle,
        Group::Files,
        Group::Commands,
        Group::Copies,
        Group::Observation,
        Group::Host,
        Group::Script,
        Group::Values,
        Group::Tests,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Group::Jails => "Naming a jail",
            Group::Profiles => "Profiles as values",
            Group::Lifecycle => "A jail's life",
            Group::Files => "Files inside a jail",
            Group::Commands => "Commands inside a jail",
            Group::Copies => "A jail's files as a whole",
            Group::Observation => "Looking without touching",
            Group::Host => "The host around the jails",
            Group::Script => "The script itself",
            Group::Values => "On every value of jailsh",
            Group::Tests => "Only in tests",
        }
    }
}

/// What a function is called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// Nothing: `list()`.
    None,
    /// Both ways: `jail.start()` and `start("name")`.
    JailOrName,
    /// A value of this type.
    On(&'static str),
    /// Any value of [`super::types`].
    AnyValue,
}

/// A parameter. A map that is read strictly names its keys.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Parameter {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shape_name")]
    pub shape: Option<&'static Shape>,
}

fn shape_name<S: Serializer>(shape: &Option<&'static Shape>, serializer: S) -> Result<S::Ok, S::Error> {
    shape.map(|shape| shape.name).serialize(serializer)
}

pub const fn text(name: &'static str) -> Parameter {
    Parameter { name, kind: Type::Text, shape: None }
}

pub const fn list(name: &'static str) -> Parameter {
    Parameter { name, kind: Type::List, shape: None }
}

pub const fn of(name: &'static str, kind: Type) -> Parameter {
    Parameter { name, kind, shape: None }
}

/// A map of exactly these keys.
pub const fn map(name: &'static str, shape: &'static Shape) -> Parameter {
    Parameter { name, kind: Type::Map, shape: Some(shape) }
}

/// The same, or another value that stands for one.
pub const fn map_or_value(name: &'static str, shape: &'static Shape) -> Parameter {
    Parameter { name, kind: Type::Any, shape: Some(shape) }
}

/// One way to call an item.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    pub on: Receiver,
    pub parameters: &'static [Parameter],
    pub result: Type,
}

pub const fn free(parameters: &'static [Parameter], result: Type) -> Form {
    Form { on: Receiver::None, parameters, result }
}

/// As a method of a jail, and with the jail's name first.
pub const fn verb(parameters: &'static [Parameter], result: Type) -> Form {
    Form { on: Receiver::JailOrName, parameters, result }
}

pub const fn method(on: &'static str, parameters: &'static [Parameter], result: Type) -> Form {
    Form { on: Receiver::On(on), parameters, result }
}

/// What an example needs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// No host at all.
    Nothing,
    /// Jails that hold no process: `--kernel sim` will do.
    Host,
    /// A kernel body that runs commands.
    Jail,
    /// It is what a test does.
    Test,
}

/// A script that runs to its end. Tests run each.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Example {
    pub script: &'static str,
    pub needs: Needs,
}

pub const fn example(needs: Needs, script: &'static str) -> Example {
    Example { script, needs }
}

/// A function or method of the script API.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    pub name: &'static str,
    pub group: Group,
    pub forms: &'static [Form],
    /// One sentence.
    pub summary: &'static str,
    /// Paragraphs, with an empty line between them; may be empty.
    pub details: &'static str,
    /// Kinds of errors beside those that every verb can throw ([`super::EVERYWHERE`]).
    pub errors: &'static [Kind],
    pub example: Example,
}

/// A property of a type.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Property {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: Type,
    pub summary: &'static str,
    /// Only rows of this listing have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<View>,
}

pub const fn property(name: &'static str, kind: Type, summary: &'static str) -> Property {
    Property { name, kind, summary, of: None }
}

pub const fn column(of: View, name: &'static str, kind: Type, summary: &'static str) -> Property {
    Property { name, kind, summary, of: Some(of) }
}

/// A type of value that verbs give.
#[derive(Debug, Clone, Copy)]
pub struct TypeItem {
    pub name: &'static str,
    pub summary: &'static str,
    pub details: &'static str,
    pub properties: &'static [Property],
    pub example: Example,
}

/// One signature, resolved: what is before the dot, and what is between the parentheses.
#[derive(Debug, Clone, Serialize)]
pub struct Signature {
    /// The type that it is a method of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<&'static str>,
    pub name: &'static str,
    pub parameters: Vec<Parameter>,
    pub result: Type,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.on.iter().try_for_each(|on| write!(f, "{on}."))?;
        write!(f, "{}(", self.name)?;
        for (at, Parameter { name, kind, .. }) in self.parameters.iter().enumerate() {
            write!(f, "{}{name}: {kind}", if at == 0 { "" } else { ", " })?;
        }
        f.write_str(")")?;
        if self.result != Type::Nothing { write!(f, " -> {}", self.result) } else { Ok(()) }
    }
}

impl Item {
    /// Every way to call it, methods first.
    pub fn signatures(&self) -> Vec<Signature> {
        let one = |on, parameters: Vec<Parameter>, result| Signature { on, name: self.name, parameters, result };
        let each = |form: &Form| {
            let parameters = form.parameters.to_vec();
            match form.on {
                Receiver::None => vec![one(None, parameters, form.result)],
                Receiver::On(kind) => vec![one(Some(kind), parameters, form.result)],
                Receiver::AnyValue => vec![one(Some(ANY_VALUE), parameters, form.result)],
                Receiver::JailOrName => {
                    let named = std::iter::once(text("jail")).chain(parameters.iter().copied()).collect();
                    vec![one(Some("Jail"), parameters, form.result), one(None, named, form.result)]
                }
            }
        };
        let mut all: Vec<Signature> = self.forms.iter().flat_map(each).collect();
        all.sort_by_key(|signature| signature.on.is_none());
        all
    }

    /// Can it be called on a value of this type?
    pub fn is_method_of(&self, kind: &str) -> bool {
        self.forms.iter().any(|form| match form.on {
            Receiver::None => false,
            Receiver::On(name) => name == kind,
            Receiver::AnyValue => super::type_named(kind).is_some(),
            Receiver::JailOrName => kind == "Jail",
        })
    }

    /// Has every value of jailsh it?
    pub fn is_of_all(&self) -> bool {
        self.forms.iter().any(|form| form.on == Receiver::AnyValue)
    }

    /// Can it be called without a value before a dot?
    pub fn is_free(&self) -> bool {
        self.forms.iter().any(|form| matches!(form.on, Receiver::None | Receiver::JailOrName))
    }

    /// The keys of the maps it takes.
    pub fn shapes(&self) -> Vec<&'static Shape> {
        let mut found: Vec<&'static Shape> = Vec::new();
        for shape in self.forms.iter().flat_map(|form| form.parameters).filter_map(|parameter| parameter.shape) {
            if found.iter().all(|known| known.name != shape.name) {
                found.push(shape);
            }
        }
        found
    }
}

/// How a method of every value is shown: `value.to_json()`.
pub const ANY_VALUE: &str = "value";
