//! copy: files of the host, inside a jail.

use super::files::{GROUP, OWNER, RESTART};
use super::item::{Group, Item, Needs, Type, example, map, method, text};
use super::lifecycle::CHANGE;
use super::shape::{Shape, key};
use crate::script::Kind;

pub const COPY: Shape = Shape {
    name: "copy.options",
    summary: "options of copy",
    keys: &[
        key("mode", Type::Text, "octal digits, or a number as 0o644", "those of the host's file", "permission bits of files"),
        key(
            "directory_mode",
            Type::Text,
            "octal digits, or a number as 0o755",
            "those of the host's directory",
            "permission bits of directories",
        ),
        OWNER,
        GROUP,
        key("delete", Type::Bool, "true or false", "false", "what is in a copied directory and not in the source is removed"),
        RESTART,
    ],
};

pub const ITEMS: &[Item] = &[Item {
    name: "copy",
    group: Group::Files,
    forms: &[
        method("Jail", &[text("source"), text("path")], CHANGE),
        method("Jail", &[text("source"), text("path"), map("options", &COPY)], CHANGE),
    ],
    summary: "sees to it that a file of the host, or a directory with all in it, is inside the jail as well",
    details: "A relative source lies beside the script, or beside the module that calls it. `path` is what the copy is called, not \
              the directory that it goes into. Links are copied as links; devices, pipes and sockets are refused. Setuid and \
              setgid bits are not taken.\n\nA plan names every file with its sum: `jailsh run --plan` refuses if one of them, or \
              what is in one of the directories, is another by then.",
    errors: &[Kind::Path, Kind::Value],
    example: example(
        Needs::Host,
        r#"let web = jail("web", #{});
web.create();
print(web.copy("/etc/os-release", "/etc/host-release", #{ mode: "0640" }).diff);
print(web.copy("/etc/os-release", "/etc/host-release").diff);"#,
    ),
}];
