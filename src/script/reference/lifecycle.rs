//! create, start, stop, restart, supervise, destroy.

use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, free, map, method, property, text, verb};
use super::shape::{Shape, key};
use super::spec::{self, SPEC};
use crate::script::Kind;

pub const CHANGE: Type = Type::Value("Change");

pub const SUPERVISE: Shape = Shape {
    name: "supervise.options",
    summary: "options of supervise",
    keys: &[key(
        "restart",
        Type::Text,
        "always, on-failure or never",
        "as the jail's jail.toml says",
        "whether the service is started again when it ends",
    )
    .words(spec::restarts)],
};

pub const ITEMS: &[Item] = &[
    Item {
        name: "create",
        group: Group::Lifecycle,
        forms: &[method("Jail", &[], CHANGE), free(&[text("name"), map("spec", &SPEC)], CHANGE)],
        summary: "makes the jail, or changes one that is there to this spec",
        details: "Writes its jail.toml and makes its files, in one step. The same spec again changes nothing. What differs is in \
                  `diff`; a jail that runs has most of it when it is restarted.",
        errors: &[Kind::Spec, Kind::PortTaken, Kind::Locked],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{ profile: "low" });
if web.create().change != "created" { throw "it was there"; }
if web.create().change != "unchanged" { throw "it changed"; }
print(create("web", #{ profile: "medium" }));"#,
        ),
    },
    Item {
        name: "start",
        group: Group::Lifecycle,
        forms: &[verb(&[], CHANGE)],
        summary: "brings the jail up and starts its services under a supervisor",
        details: "Returns when every service is ready, or throws the reason and undoes what it did. Gives `started`, \
                  `started, after cleaning up` or `already running`.",
        errors: &[Kind::Status, Kind::Spec, Kind::NameTaken, Kind::PortTaken, Kind::NotEnforceable],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
print(web.start());
if web.start() != "already running" { throw "started twice"; }
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "stop",
        group: Group::Lifecycle,
        forms: &[verb(&[], CHANGE)],
        summary: "ends the services and every other process of the jail, and takes it down",
        details: "Services get their stop signal and their grace; then all that is left is killed. Returns when the jail is \
                  empty, with `stopped` or `was down`.",
        errors: &[Kind::Busy],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
print(web.stop());
if stop("web") != "was down" { throw "stopped twice"; }
web.destroy();"#,
        ),
    },
    Item {
        name: "restart",
        group: Group::Lifecycle,
        forms: &[verb(&[], CHANGE)],
        summary: "stops the jail and starts it with its spec as it is now",
        details: "A spec that is wrong leaves the jail as it is. Gives `started`.",
        errors: &[Kind::Status, Kind::Spec],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
let before = web.status().service;
web.restart();
if web.status().service == before { throw "the same process"; }
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "supervise",
        group: Group::Lifecycle,
        forms: &[verb(&[], Type::Nothing), verb(&[map("options", &SUPERVISE)], Type::Nothing)],
        summary: "runs the jail's services in the foreground until they end, or until Ctrl-C",
        details: "What `start` leaves to a process of its own, this does in the script's. A jail that it brought up is taken \
                  down again.",
        errors: &[Kind::Supervised, Kind::Spec, Kind::Status],
        example: example(
            Needs::Jail,
            r#"let job = jail("web", #{ command: ["/usr/bin/sleep", "1"] });
job.create();
job.supervise(#{ restart: "never" });
print(`${job}: the service has ended`);
job.destroy();"#,
        ),
    },
    Item {
        name: "destroy",
        group: Group::Lifecycle,
        forms: &[verb(&[], CHANGE)],
        summary: "removes a jail that is down, with its files and its snapshots",
        details: "A jail that runs is refused; stop it first.",
        errors: &[Kind::Running, Kind::Locked],
        example: example(
            Needs::Host,
            r#"create("web", #{});
destroy("web");
if list().len != 0 { throw "it is still there"; }"#,
        ),
    },
];

const PROPERTIES: &[Property] = &[
    property(
        "change",
        Type::Text,
        "what was done, as `created`; `unchanged`; in a plan `would create`; in a run also `failed` or `skipped`",
    ),
    property("changed", Type::Bool, "something was done, or would be"),
    property("failed", Type::Bool, "in a run: it failed, or was skipped because something before it failed"),
    property("error", Type::Text, "why it failed or was skipped, or nothing"),
    property("diff", Type::List, "a text for each key, `KEY: OLD -> NEW`, or line of a file that changed"),
];

pub const TYPES: &[TypeItem] = &[TypeItem {
    name: "Change",
    summary: "what a verb did that changes something",
    details: "Prints as `created`, `unchanged`, or `changed: ` and the differences; equals the text of its `change`.",
    properties: PROPERTIES,
    example: example(
        Needs::Host,
        r#"create("web", #{ ports: [8080] });
let change = create("web", #{ ports: [8081] });
if change.change != "changed" { throw change; }
for line in change.diff { print(line); }"#,
    ),
}];
