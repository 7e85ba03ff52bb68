//! packages: what a jail's base is to have.

use super::item::{Group, Item, Needs, Type, example, map, method, of};
use super::lifecycle::CHANGE;
use super::shape::{Shape, key};
use crate::script::Kind;

pub const PACKAGES: Shape = Shape {
    name: "packages.options",
    summary: "options of packages",
    keys: &[key("version", Type::Text, "a version as dpkg tells it", "any", "the version of the one package that is named")],
};

pub const ITEMS: &[Item] = &[Item {
    name: "packages",
    group: Group::Files,
    forms: &[
        method("Jail", &[of("names", Type::Any)], CHANGE),
        method("Jail", &[of("names", Type::Any), map("options", &PACKAGES)], CHANGE),
    ],
    summary: "sees to it that the jail's base has these Debian packages, or tells how to get one that has",
    details: "The names are a text, or a list of texts. A jail's programs are its base's, which is read-only and shared, so nothing \
              is installed into it: what is missing is an error. For the base `host` install it on the host; for others make a \
              base that has it, as with `debootstrap --include=NAME`, import it with `jailmgr base import`, and move the jail to \
              it with `jailmgr upgrade-base`. What a base has is read from dpkg's own record.",
    errors: &[Kind::Path, Kind::Value],
    example: example(
        Needs::Host,
        r#"let web = jail("web", #{});
web.create();
try { print(web.packages(["dpkg"])); }
catch (error) { print(`${error.message}; ${error.hint}`); }"#,
    ),
}];
