//! snapshot, rollback, clone, rename, export_to, import_from, gc, bases.

use super::item::Type::{Bool, Integer, List, Nothing, Text};
use super::item::View::{Archives, Bases, Disk, Garbage, Snapshots};
use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, free, map, property, text, verb};
use super::shape::{Key, Shape, key};
use crate::script::Kind;

const COPIED: Type = Type::Value("Copied");
const JAIL: Type = Type::Value("Jail");

const LIVE: Key = key("live", Bool, "true or false", "false", "freezes a jail that runs meanwhile, which is refused otherwise");
const OF_SNAPSHOT: Key = key("snapshot", Text, "a snapshot's name", "the jail as it is", "whose files are taken");

pub const SNAPSHOT: Shape = Shape { name: "snapshot.options", summary: "options of snapshot", keys: &[LIVE] };

pub const CLONE: Shape = Shape {
    name: "clone.options",
    summary: "options of clone",
    keys: &[
        key("ports", List, "as in a spec", "none", "what only the new jail may bind; those of the old one stay its own"),
        OF_SNAPSHOT,
        LIVE,
    ],
};

pub const EXPORT: Shape = Shape { name: "export_to.options", summary: "options of export_to", keys: &[OF_SNAPSHOT, LIVE] };

pub const IMPORT: Shape = Shape {
    name: "import_from.options",
    summary: "options of import_from",
    keys: &[
        key("name", Text, "a jail's name", "the name it was exported under", "what the jail is called"),
        key("sha256", Text, "64 hexadecimal digits", "any", "the sum that the archive must have"),
    ],
};

pub const GC: Shape = Shape {
    name: "gc.options",
    summary: "options of gc",
    keys: &[key("dry_run", Bool, "true or false", "false", "only tells which bases would go")],
};

const AWAY: &[Kind] = &[Kind::Running, Kind::Locked, Kind::Value, Kind::Path];

pub const ITEMS: &[Item] = &[
    Item {
        name: "snapshot",
        group: Group::Copies,
        forms: &[
            verb(&[], COPIED),
            verb(&[text("label")], COPIED),
            verb(&[map("options", &SNAPSHOT)], COPIED),
            verb(&[text("label"), map("options", &SNAPSHOT)], COPIED),
        ],
        summary: "keeps the jail's files and settings as they are now, under a label or the time in UTC",
        details: "Shares blocks where the file system can, copies elsewhere.",
        errors: AWAY,
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
print(web.snapshot("before"));"#,
        ),
    },
    Item {
        name: "snapshots",
        group: Group::Copies,
        forms: &[verb(&[], Type::Listing(Snapshots))],
        summary: "the jail's snapshots, the oldest first",
        details: "As `jailmgr snapshot --list`.",
        errors: &[],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
web.snapshot("before");
for row in web.snapshots() { print(`${row.name}: ${row.bytes} bytes`); }"#,
        ),
    },
    Item {
        name: "rollback",
        group: Group::Copies,
        forms: &[verb(&[text("label")], COPIED)],
        summary: "brings the files and settings of a jail that is down back to a snapshot",
        details: "In one step, or not at all. The snapshot stays.",
        errors: AWAY,
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
web.snapshot("before");
jail("web", #{ profile: "low" }).create();
web.rollback("before");
if jail("web", #{}).create().change != "unchanged" { throw "it is not as before"; }"#,
        ),
    },
    Item {
        name: "delete_snapshot",
        group: Group::Copies,
        forms: &[verb(&[text("label")], Nothing)],
        summary: "removes a snapshot",
        details: "",
        errors: &[Kind::Locked, Kind::Value],
        example: example(
            Needs::Host,
            r#"create("web", #{});
snapshot("web", "before");
delete_snapshot("web", "before");
if snapshots("web").len != 0 { throw "it is still there"; }"#,
        ),
    },
    Item {
        name: "clone",
        group: Group::Copies,
        forms: &[verb(&[text("to")], JAIL), verb(&[text("to"), map("options", &CLONE)], JAIL)],
        summary: "a new jail with the files and the spec of this one, down, with ports of its own",
        details: "It appears whole or not at all.",
        errors: AWAY,
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{ ports: [8080] });
web.create();
let staging = web.clone("staging", #{ ports: [8081] });
print(staging.name);"#,
        ),
    },
    Item {
        name: "rename",
        group: Group::Copies,
        forms: &[verb(&[text("to")], JAIL)],
        summary: "gives a jail that is down another name",
        details: "Its snapshots go with it.",
        errors: AWAY,
        example: example(
            Needs::Host,
            r#"create("web", #{});
print(rename("web", "shop").name);"#,
        ),
    },
    Item {
        name: "export_to",
        group: Group::Copies,
        forms: &[verb(&[text("file")], COPIED), verb(&[text("file"), map("options", &EXPORT)], COPIED)],
        summary: "writes the jail to one archive: .tar, .tar.gz or .tar.zst",
        details: "It holds sums of all it carries. The file appears whole or not at all.",
        errors: AWAY,
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
print(web.export_to("web.tar.zst"));"#,
        ),
    },
    Item {
        name: "import_from",
        group: Group::Copies,
        forms: &[free(&[text("file")], COPIED), free(&[text("file"), map("options", &IMPORT)], COPIED)],
        summary: "makes a jail of an archive that export_to or jailmgr export wrote",
        details: "Compared with the sums it carries before it gets its name. `sha256` of the result is the archive's.",
        errors: &[Kind::Archive, Kind::Value, Kind::Path, Kind::Spec],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
web.export_to("web.tar.gz");
let copy = import_from("web.tar.gz", #{ name: "copy" });
print(`${copy.name}: ${copy.files} files`);"#,
        ),
    },
    Item {
        name: "gc",
        group: Group::Copies,
        forms: &[free(&[], Type::Listing(Garbage)), free(&[map("options", &GC)], Type::Listing(Garbage))],
        summary: "removes bases that no jail pins, and what crashes left",
        details: "As `jailmgr gc`. Lists what went.",
        errors: &[],
        example: example(Needs::Host, "for row in gc(#{ dry_run: true }) { print(`${row.kind} ${row.what}`); }"),
    },
    Item {
        name: "bases",
        group: Group::Copies,
        forms: &[free(&[], Type::Listing(Bases))],
        summary: "the bases that were imported, by name and version",
        details: "As `jailmgr base list`.",
        errors: &[],
        example: example(Needs::Host, "if bases().len != 0 { throw \"a new host has none\"; }"),
    },
    Item {
        name: "disk_use",
        group: Group::Copies,
        forms: &[free(&[], Type::Listing(Disk)), verb(&[], Type::Record(Disk))],
        summary: "what jails take on the disk: their files and their snapshots",
        details: "Blocks that snapshots share are counted for each.",
        errors: &[],
        example: example(
            Needs::Host,
            r#"create("web", #{});
for row in disk_use() { print(`${row.name}: ${row.bytes} bytes in ${row.files} files`); }
if disk_use("web").snapshots != 0 { throw "a new jail has none"; }"#,
        ),
    },
    Item {
        name: "archives",
        group: Group::Copies,
        forms: &[free(&[text("directory")], Type::Listing(Archives))],
        summary: "the archives of jails in a directory of this host, the oldest first",
        details: "Other files are passed over.",
        errors: &[],
        example: example(
            Needs::Host,
            r#"create("web", #{});
export_to("web", "web.tar.zst");
for row in archives(".") { print(`${row.file}: ${row.jail}`); }"#,
        ),
    },
    Item {
        name: "delete_archive",
        group: Group::Copies,
        forms: &[free(&[text("file")], Nothing)],
        summary: "removes an archive of a jail",
        details: "Any other file is refused.",
        errors: &[Kind::Archive],
        example: example(
            Needs::Host,
            r#"create("web", #{});
export_to("web", "web.tar.zst");
delete_archive("web.tar.zst");
if archives(".").len != 0 { throw "it is still there"; }"#,
        ),
    },
];

const PROPERTIES: &[Property] = &[
    property("name", Text, "what the copy is called: a snapshot, a file or a jail"),
    property("files", Integer, "entries, directories among them"),
    property("bytes", Integer, "of all files together"),
    property("shared_files", Integer, "files that share their blocks with the original"),
    property("left_out", Integer, "sockets and device nodes, which are not copied"),
    property("sha256", Text, "of an archive that was read; otherwise nothing"),
];

pub const TYPES: &[TypeItem] = &[TypeItem {
    name: "Copied",
    summary: "what was copied, and under which name it is now",
    details: "Prints as the name, the number of files and their size.",
    properties: PROPERTIES,
    example: example(
        Needs::Host,
        r#"create("web", #{});
let copy = snapshot("web", "before");
if copy.name != "before" || copy.left_out != 0 { throw copy; }"#,
    ),
}];
