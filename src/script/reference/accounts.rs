//! user and group: who is known inside a jail.

use super::item::{Group, Item, Needs, Type, example, map, method, text};
use super::lifecycle::CHANGE;
use super::shape::{Key, Shape, key};
use crate::script::Kind;

const SYSTEM: Key = key("system", Type::Bool, "true or false", "false", "a new one gets a number from 100 to 999");
const ABSENT: Key = key("absent", Type::Bool, "true or false", "false", "it is to be gone");

pub const USER: Shape = Shape {
    name: "user.options",
    summary: "options of user",
    keys: &[
        key("uid", Type::Integer, "1 to 4294967294", "as it is; a free one from 1000", "its number"),
        key(
            "gid",
            Type::Any,
            "a number, or the name of a group",
            "as it is; a group of its own name, made if need be",
            "its own group",
        ),
        key(
            "home",
            Type::Text,
            "an absolute path",
            "as it is; /home/NAME, of a system user /nonexistent",
            "its home, which is not made",
        ),
        key("shell", Type::Text, "an absolute path", "as it is; /bin/sh, of a system user /usr/sbin/nologin", "its shell"),
        key("groups", Type::List, "names of groups", "as it is", "the groups that list it: these and no others"),
        SYSTEM,
        ABSENT,
    ],
};

pub const GROUP: Shape = Shape {
    name: "group.options",
    summary: "options of group",
    keys: &[key("gid", Type::Integer, "1 to 4294967294", "as it is; a free one from 1000", "its number"), SYSTEM, ABSENT],
};

pub const ITEMS: &[Item] = &[
    Item {
        name: "user",
        group: Group::Files,
        forms: &[method("Jail", &[text("name")], CHANGE), method("Jail", &[text("name"), map("options", &USER)], CHANGE)],
        summary: "sees to it that a user is in the jail's /etc/passwd, with what belongs to it, or is gone",
        details: "A new one has no password: nobody logs in as it, commands run as it with `user`. /etc/shadow gets a locked line if \
                  the jail has that file. Lines of others stay byte for byte. The number 0 is root's and nobody else's; a number \
                  that somebody has is refused. A user that goes takes its own group and its memberships along, its files stay. \
                  Passwords are in no diff.",
        errors: &[Kind::Path, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
web.group("deploy", #{ gid: 2000 });
print(web.user("site", #{ system: true, home: "/srv/site", groups: ["deploy"] }).diff);
web.dir("/srv/site", #{ owner: "site", group: "deploy" });
if web.user("site").changed { throw "made twice"; }
web.user("site", #{ absent: true });"#,
        ),
    },
    Item {
        name: "group",
        group: Group::Files,
        forms: &[method("Jail", &[text("name")], CHANGE), method("Jail", &[text("name"), map("options", &GROUP)], CHANGE)],
        summary: "sees to it that a group is in the jail's /etc/group, or is gone",
        details: "Who is in it is said with `user`. One that is a user's own is not removed.",
        errors: &[Kind::Path, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
print(web.group("deploy", #{ system: true }));
print(web.group("deploy", #{ absent: true }).change);"#,
        ),
    },
];
