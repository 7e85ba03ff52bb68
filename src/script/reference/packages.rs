//! packages: what a jail's base is to have.

use super::item::{Group, Item, Needs, Type, example, map, method, of};
use super::lifecycle::CHANGE;
use super::shape::{Shape, key};
use crate::script::Kind;

pub const PACKAGES: Shape = Shape {
    name: "packages.options",
    summary: "options of packages",
    keys: &[
        key("version", Type::Text, "a version as dpkg tells it", "any", "the version of the one package that is named"),
        key("update", Type::Bool, "true or false", "false", "read the archives' lists anew before anything is installed"),
    ],
};

pub const ITEMS: &[Item] = &[Item {
    name: "packages",
    group: Group::Files,
    forms: &[
        method("Jail", &[of("names", Type::Any)], CHANGE),
        method("Jail", &[of("names", Type::Any), map("options", &PACKAGES)], CHANGE),
    ],
    summary: "sees to it that the jail has these Debian packages",
    details: "The names are a text, or a list of texts. What a base has is read from dpkg's own record. A base is read-only and \
              shared, so what is missing is installed into a copy: apt-get runs in a throw-away jail over that, without \
              questions and without recommended packages, from the archives that the base names in /etc/apt. What comes of it is a \
              base of its own, called NAME+SUM, to which the jail is moved; jails that ask for the same packages share it, all \
              others keep theirs. Of /etc, /var and what else the jail keeps for itself, files that packages brought come, files \
              that the jail changed stay, and new users join its own. A failure changes nothing. A jail that runs takes the \
              programs up with its next `start`. A plan needs no network: it names the packages. The base `host` is the \
              host's own: install there, or give the jail an imported base.",
    errors: &[Kind::Path, Kind::Value],
    example: example(
        Needs::Host,
        r#"let web = jail("web", #{});
web.create();
try { print(web.packages(["nginx"], #{ update: true })); }
catch (error) { print(`${error.message}; ${error.hint}`); }"#,
    ),
}];
