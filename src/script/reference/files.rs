//! file, dir, symlink, line, remove: files inside a jail.

use super::item::{Group, Item, Needs, Type, example, map, method, of, text};
use super::lifecycle::CHANGE;
use super::shape::{Key, Shape, key};
use crate::script::Kind;

pub(super) const MODE: Key =
    key("mode", Type::Text, "octal digits, or a number as 0o644", "as it is; 0644, 0755 for a directory", "permission bits");
pub(super) const OWNER: Key =
    key("owner", Type::Text, "a name of the jail's /etc/passwd, or a number", "as it is, or root", "whose it is");
pub(super) const GROUP: Key =
    key("group", Type::Text, "a name of the jail's /etc/group, or a number", "as it is, or root", "its group");
pub(super) const RESTART: Key =
    key("restart", Type::Bool, "true or false", "false", "a change is taken up by a restart, which the next `start` does");

pub const FILE: Shape = Shape {
    name: "file.options",
    summary: "options of file",
    keys: &[
        MODE,
        OWNER,
        GROUP,
        RESTART,
        key("parents", Type::Bool, "true or false", "true", "the directories above it are made if need be"),
    ],
};

pub const DIR: Shape = Shape { name: "dir.options", summary: "options of dir", keys: &[MODE, OWNER, GROUP] };

pub const SYMLINK: Shape = Shape { name: "symlink.options", summary: "options of symlink and remove", keys: &[RESTART] };

pub const LINE: Shape = Shape {
    name: "line.options",
    summary: "options of line",
    keys: &[
        key("replaces", Type::Text, "the beginning of a line", "none", "lines that begin with it are replaced by this one"),
        key("absent", Type::Bool, "true or false", "false", "the line is to be gone"),
        RESTART,
    ],
};

pub const ITEMS: &[Item] = &[
    Item {
        name: "file",
        group: Group::Files,
        forms: &[
            method("Jail", &[text("path"), of("content", Type::Any)], CHANGE),
            method("Jail", &[text("path"), of("content", Type::Any), map("options", &FILE)], CHANGE),
        ],
        summary: "sees to it that a file inside the jail holds this, with this mode and owner",
        details: "The content is a text, a blob, or a list of them. It is written whole or not at all, and only if it differs; what \
                  differs is in `diff`. The path is one of the jail's own, below /etc, /var, /home, /root, /srv, /opt or /tmp; no \
                  link in it leads outside of the jail.",
        errors: &[Kind::Path, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
if !web.file("/etc/motd", "hello\n", #{ mode: "0640" }).changed { throw "it was there"; }
if web.file("/etc/motd", "hello\n").changed { throw "written twice"; }
print(web.file("/etc/motd", "good bye\n").diff);"#,
        ),
    },
    Item {
        name: "dir",
        group: Group::Files,
        forms: &[method("Jail", &[text("path")], CHANGE), method("Jail", &[text("path"), map("options", &DIR)], CHANGE)],
        summary: "sees to it that a directory is there, and those above it",
        details: "",
        errors: &[Kind::Path, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
print(web.dir("/srv/site/images", #{ mode: "0750", owner: "www-data" }));
if web.dir("/srv/site/images").changed { throw "made twice"; }"#,
        ),
    },
    Item {
        name: "symlink",
        group: Group::Files,
        forms: &[
            method("Jail", &[text("path"), text("target")], CHANGE),
            method("Jail", &[text("path"), text("target"), map("options", &SYMLINK)], CHANGE),
        ],
        summary: "sees to it that a symbolic link is there, with this target",
        details: "What the target leads to need not be there; it is read inside the jail.",
        errors: &[Kind::Path, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
print(web.symlink("/etc/localtime", "/usr/share/zoneinfo/UTC").change);"#,
        ),
    },
    Item {
        name: "line",
        group: Group::Files,
        forms: &[
            method("Jail", &[text("path"), text("line")], CHANGE),
            method("Jail", &[text("path"), text("line"), map("options", &LINE)], CHANGE),
        ],
        summary: "sees to it that a text file has this line, once, and leaves the others as they are",
        details: "A file that is not there is made. The line is added at the end, or put where the first line that begins with \
                  `replaces` is.",
        errors: &[Kind::Path, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
web.line("/etc/app.conf", "port = 80");
print(web.line("/etc/app.conf", "port = 8080", #{ replaces: "port =" }).diff);
web.line("/etc/app.conf", "port = 8080", #{ absent: true });"#,
        ),
    },
    Item {
        name: "remove",
        group: Group::Files,
        forms: &[method("Jail", &[text("path")], CHANGE), method("Jail", &[text("path"), map("options", &SYMLINK)], CHANGE)],
        summary: "sees to it that nothing is at this path: a file or link, or a directory with all in it, is removed",
        details: "Links are removed, never followed. /etc, /var and their like are refused.",
        errors: &[Kind::Path, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
web.file("/srv/site/index.html", "x");
print(web.remove("/srv/site").change);
if web.remove("/srv/site").changed { throw "removed twice"; }"#,
        ),
    },
];
