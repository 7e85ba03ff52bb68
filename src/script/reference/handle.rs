//! `jail(...)`, and what a jail value has.

use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, free, map, property, text};
use super::spec::SPEC;
use crate::script::Kind;

const JAIL: Type = Type::Value("Jail");

pub const ITEMS: &[Item] = &[Item {
    name: "jail",
    group: Group::Jails,
    forms: &[free(&[text("name"), map("spec", &SPEC)], JAIL), free(&[text("name")], JAIL)],
    summary: "a jail as a script holds it: its name, and what it is to be",
    details: "Checks the name and every key of the spec, and touches nothing: `create` makes the jail, `start` brings it up. \
              Without a spec it stands for a jail that was made before.\n\n\
              A name has 1 to 63 letters, digits, \".\", \"_\" and \"-\", begins with a letter or digit, and is not all digits.",
    errors: &[Kind::Name, Kind::Spec],
    example: example(
        Needs::Nothing,
        r#"let web = jail("web", #{
    command: ["/usr/bin/busybox", "httpd", "-f", "-p", "8080"],
    profile: "medium",
    ports: [8080],
    log: #{ facility: "local3", tag: "jail-web" },
});
print(web.spec.ports);"#,
    ),
}];

const PROPERTIES: &[Property] = &[
    property("name", Type::Text, "its name"),
    property("spec", Type::Map, "its spec with all defaults filled in; nothing for a jail without one in this script"),
    property("jid", Type::Integer, "its number in the kernel; nothing while it is down"),
];

pub const TYPES: &[TypeItem] = &[TypeItem {
    name: "Jail",
    summary: "a jail's name, and its spec if the script gave one",
    details: "Two are equal if their names and their specs are. Every verb that takes a jail is a method of it, and a function \
              that takes the jail's name first.",
    properties: PROPERTIES,
    example: example(
        Needs::Host,
        r#"let web = jail("web", #{ profile: "low" });
print(`${web.name} has the profile ${web.spec.profile}`);
print(web.jid ?? "it is down");"#,
    ),
}];
