//! unpack: an archive of the host's, as a directory inside a jail.

use super::exec::CREATES;
use super::files::RESTART;
use super::item::{Group, Item, Needs, Type, example, map, method, text};
use super::lifecycle::CHANGE;
use super::shape::{Shape, key};
use crate::script::Kind;

pub const UNPACK: Shape = Shape {
    name: "unpack.options",
    summary: "options of unpack",
    keys: &[
        key("sha256", Type::Text, "64 hexadecimal digits", "any", "the sum that the archive must have"),
        key("strip", Type::Integer, "0 to 64", "0", "names taken from the beginning of each path; what has no more is left out"),
        key("owner", Type::Text, "a name of the jail's /etc/passwd, or a number", "root", "whose all of it is"),
        key("group", Type::Text, "a name of the jail's /etc/group, or a number", "root", "the group of all of it"),
        CREATES,
        RESTART,
    ],
};

pub const ITEMS: &[Item] = &[Item {
    name: "unpack",
    group: Group::Files,
    forms: &[
        method("Jail", &[text("archive"), text("path")], CHANGE),
        method("Jail", &[text("archive"), text("path"), map("options", &UNPACK)], CHANGE),
    ],
    summary: "sees to it that a directory inside the jail is what a tar archive of the host holds",
    details: "The archive is plain or compressed with gzip or zstd; relative, it lies beside the script. It is checked and unpacked \
              where the jail cannot reach, then put in place in one step: the directory is the old one or the new one. One that \
              is damaged or hostile changes nothing. Setuid bits and capabilities of files are dropped, devices refused.\n\nThe \
              directory holds nothing else: with another archive it is replaced, and with it whatever was put into it since, so \
              keep data elsewhere. One that unpack did not make is never replaced unless it is empty. What was unpacked is noted \
              in it, in .jailsh-unpacked, and not looked through again: remove the directory to have it made anew.",
    errors: &[Kind::Path, Kind::Value, Kind::Archive],
    example: example(
        Needs::Host,
        r#"let web = jail("web", #{});
web.create();
web.export_to("web.tar.gz");
let options = #{ strip: 1, owner: "www-data" };
print(web.unpack("web.tar.gz", "/srv/copy", options));
if web.unpack("web.tar.gz", "/srv/copy", options).changed { throw "unpacked twice"; }"#,
    ),
}];
