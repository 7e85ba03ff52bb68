//! probe.

use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, property, verb};
use crate::script::Kind;

pub const ITEMS: &[Item] = &[Item {
    name: "probe",
    group: Group::Observation,
    forms: &[verb(&[], Type::Value("Probing"))],
    summary: "attacks the running jail from inside, harmlessly, and tells what held",
    details: "As `jailsh probe`. A short-lived member tries what the jail's policy refuses and what it grants; nothing is left \
              behind, and the service runs on. The kernel counts the refusals as denials of the jail.",
    errors: &[Kind::NotRunning],
    example: example(
        Needs::Jail,
        r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
let probing = web.probe();
if !probing.held { throw `${probing}`; }
web.stop();
web.destroy();"#,
    ),
}];

const PROBING: &[Property] = &[
    property("jail", Type::Text, "its name"),
    property("held", Type::Bool, "nothing got through that should not have"),
    property(
        "attempts",
        Type::List,
        "maps of attempt, result (held, open, granted, refused, unenforced or untried), right, errno and detail; what got \
         through first",
    ),
];

pub const TYPES: &[TypeItem] = &[TypeItem {
    name: "Probing",
    summary: "what a probe of a running jail found; prints as a table",
    details: "",
    properties: PROBING,
    example: example(
        Needs::Jail,
        r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
let probing = web.probe();
for one in probing.attempts { print(`${one.attempt}: ${one.result}`); }
web.stop();
web.destroy();"#,
    ),
}];
