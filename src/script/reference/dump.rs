//! The whole reference as JSON, for editors and other programs. Pure.

use serde_json::{Value, json};

use super::{EVERYWHERE, Group, Item, TypeItem, VARIABLES, items, modules, shapes, standard, types};

/// Everything, in the order of the reference.
pub fn dump() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "groups": Group::ALL.map(|group| json!({ "name": group, "title": group.title() })),
        "functions": items().map(item).collect::<Vec<_>>(),
        "types": types().map(kind).collect::<Vec<_>>(),
        "maps": shapes(),
        "variables": VARIABLES,
        "errors_of_every_verb": EVERYWHERE,
        "modules": modules(),
        "standard": standard(),
    })
}

fn item(item: &Item) -> Value {
    json!({
        "name": item.name,
        "group": item.group,
        "signatures": item.signatures(),
        "summary": item.summary,
        "details": item.details,
        "errors": item.errors,
        "example": item.example,
    })
}

fn kind(kind: &TypeItem) -> Value {
    json!({
        "name": kind.name,
        "summary": kind.summary,
        "details": kind.details,
        "properties": kind.properties,
        "example": kind.example,
    })
}
