//! The reference of the script API: one table for `jailsh doc`, the definition files, the language server and the shell.
//! Registration stays in [`super::api`]; a test compares both, and runs every example. Pure.

mod accounts;
mod copies;
mod copy;
mod dump;
mod exec;
mod files;
mod handle;
mod host;
mod item;
mod library;
mod lifecycle;
mod lookup;
mod observe;
mod packages;
mod page;
mod probe;
mod profile;
mod program;
pub mod render;
mod script;
mod shape;
mod signals;
mod spec;
mod standard;
mod template;
mod test;
#[cfg(test)]
mod tests;
mod unpack;

pub use dump::dump;
pub use item::{ANY_VALUE, Example, Group, Item, Needs, Parameter, Property, Receiver, Signature, Type, TypeItem, View};
pub use library::{LibraryFunction, Module, Words, module, modules};
pub use lookup::{find, meant, names};
pub use page::{Block, Page, Row, property_page};
pub use script::{VARIABLES, Variable};
pub use shape::{Key, Shape};
pub use spec::SPEC;
pub use standard::{StandardItem, standard};

use super::Kind;

const ITEMS: [&[Item]; 18] = [
    handle::ITEMS,
    profile::ITEMS,
    lifecycle::ITEMS,
    signals::ITEMS,
    files::ITEMS,
    copy::ITEMS,
    template::ITEMS,
    unpack::ITEMS,
    accounts::ITEMS,
    packages::ITEMS,
    exec::ITEMS,
    program::ITEMS,
    copies::ITEMS,
    observe::ITEMS,
    probe::ITEMS,
    host::ITEMS,
    script::ITEMS,
    test::ITEMS,
];
const TYPES: [&[TypeItem]; 11] = [
    handle::TYPES,
    profile::TYPES,
    lifecycle::TYPES,
    signals::TYPES,
    exec::TYPES,
    copies::TYPES,
    observe::TYPES,
    probe::TYPES,
    host::TYPES,
    script::TYPES,
    test::TYPES,
];

/// Kinds of errors that every verb on a jail can throw.
pub const EVERYWHERE: &[Kind] =
    &[Kind::Name, Kind::NoSuchJail, Kind::Unavailable, Kind::NotPermitted, Kind::Simulated, Kind::System];

/// Every function and method, by chapter.
pub fn items() -> impl Iterator<Item = &'static Item> {
    ITEMS.into_iter().flatten()
}

/// Every type of value that verbs give.
pub fn types() -> impl Iterator<Item = &'static TypeItem> {
    TYPES.into_iter().flatten()
}

/// Every map whose keys are known, the spec's first.
pub fn shapes() -> Vec<&'static Shape> {
    let mut all = spec::SHAPES.to_vec();
    for shape in items().flat_map(Item::shapes) {
        if all.iter().all(|known| known.name != shape.name) {
            all.push(shape);
        }
    }
    all
}

pub fn type_named(name: &str) -> Option<&'static TypeItem> {
    types().find(|kind| kind.name == name)
}

/// The functions and methods of this name.
pub fn items_named(name: &str) -> impl Iterator<Item = &'static Item> {
    items().filter(move |item| item.name == name)
}

/// The properties of a value; of a record, those of its listing.
pub fn properties(kind: Type) -> impl Iterator<Item = &'static Property> {
    let view = if let Type::Record(view) = kind { Some(view) } else { None };
    let named = type_named(kind.name()).into_iter().flat_map(|kind| kind.properties);
    named.filter(move |property| property.of.is_none() || property.of == view)
}

/// The methods of a value of this type.
pub fn methods(kind: Type) -> impl Iterator<Item = &'static Item> {
    items().filter(move |item| item.is_method_of(kind.name()))
}

/// Every example, under the name of what it shows.
pub fn examples() -> impl Iterator<Item = (&'static str, Example)> {
    let of_module = |module: &'static Module| {
        let functions = module.functions.iter().map(|function| (function.name.as_str(), &function.words));
        std::iter::once((module.name.as_str(), &module.words)).chain(functions)
    };
    let library = modules()
        .iter()
        .flat_map(of_module)
        .filter_map(|(name, words)| Some((name, Example { script: words.example.as_deref()?, needs: words.needs? })));
    items().map(|item| (item.name, item.example)).chain(types().map(|kind| (kind.name, kind.example))).chain(library)
}
