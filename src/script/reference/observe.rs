//! stats, status, list, denials, processes, prometheus, kernel.

use super::item::Type::{Bool, Float, Integer, List, Map, Text};
use super::item::View::{Archives, Bases, Disk, Garbage, Jails, Rights, Snapshots, Stats, Status};
use super::item::{Group, Item, Needs, Property, Type, TypeItem, column, example, free, method, property, verb};
use crate::script::Kind;

const PROCESSES: Type = Type::Value("Processes");

pub const ITEMS: &[Item] = &[
    Item {
        name: "list",
        group: Group::Observation,
        forms: &[free(&[], Type::Listing(Jails))],
        summary: "the jails of the data directory, up or down",
        details: "As `jailmgr list`.",
        errors: &[],
        example: example(
            Needs::Host,
            r#"create("web", #{ autostart: true });
for row in list() { print(`${row.name}: ${row.state}`); }"#,
        ),
    },
    Item {
        name: "stats",
        group: Group::Observation,
        forms: &[free(&[], Type::Listing(Stats)), verb(&[], Type::Record(Stats))],
        summary: "what the jails that are up use: processor, processes, memory, denials",
        details: "As `jailctl stats`. Without a jail a listing of all that are up; of one jail its record.",
        errors: &[Kind::NotRunning],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
if web.stats().proc < 1 { throw "no process"; }
print(stats());
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "status",
        group: Group::Observation,
        forms: &[verb(&[], Type::Record(Status))],
        summary: "the jail's state, since when, restarts, and how its service last ended",
        details: "As `jailctl status`.",
        errors: &[],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
if web.status().state != "down" { throw web.status(); }"#,
        ),
    },
    Item {
        name: "denials",
        group: Group::Observation,
        forms: &[verb(&[], Map)],
        summary: "how often the kernel refused something since the jail was brought up, by right",
        details: "Rights that were never refused are left out. The landlock body counts none.",
        errors: &[Kind::NotRunning],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
for right in web.denials().keys() { print(right); }
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "processes",
        group: Group::Observation,
        forms: &[free(&[], PROCESSES), verb(&[], PROCESSES)],
        summary: "the processes of one jail or of all, below their supervisors, as the host sees them",
        details: "",
        errors: &[Kind::NotRunning],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
print(web.processes());
let sleeps = |process| process.command.contains("sleep");
if !web.processes().to_array().some(sleeps) { throw "no service"; }
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "prometheus",
        group: Group::Observation,
        forms: &[free(&[], Text)],
        summary: "the statistics of all jails that are up, in Prometheus' text format",
        details: "As `jailctl stats -P`.",
        errors: &[],
        example: example(Needs::Host, "print(prometheus());"),
    },
    Item {
        name: "kernel",
        group: Group::Observation,
        forms: &[free(&[], Type::Value("Kernel"))],
        summary: "the kernel body that holds the jails, and what enforces each right",
        details: "",
        errors: &[],
        example: example(
            Needs::Host,
            r#"for right in kernel().rights {
    if right.status == "not_enforceable" { print(`${right.right}: ${right.why}`); }
}"#,
        ),
    },
    Item {
        name: "len",
        group: Group::Observation,
        forms: &[
            method("Listing", &[], Integer),
            method("Processes", &[], Integer),
            method("Difference", &[], Integer),
            method("Log", &[], Integer),
        ],
        summary: "how many rows, processes or lines",
        details: "A listing and a log have it as a property too.",
        errors: &[],
        example: example(Needs::Host, "if list().len() != 0 || list().len != 0 { throw \"there are jails\"; }"),
    },
    Item {
        name: "to_array",
        group: Group::Observation,
        forms: &[method("Listing", &[], List), method("Processes", &[], List), method("Log", &[], List)],
        summary: "the rows, processes or lines as a list of maps",
        details: "",
        errors: &[],
        example: example(
            Needs::Host,
            r#"create("web", #{ autostart: true });
let started = list().to_array().filter(|row| row.autostart);
print(started.map(|row| row.name));"#,
        ),
    },
];

const LISTING: &[Property] = &[property("len", Integer, "how many rows")];

const RECORD: &[Property] = &[
    column(Jails, "name", Text, "its name"),
    column(Jails, "root", Text, "the root as the host names it"),
    column(Jails, "supervise_cmd", Text, "the service as a shell would take it"),
    column(Jails, "autostart", Bool, "nothing: the spec cannot be read"),
    column(Jails, "jid", Integer, "nothing while it is down"),
    column(Jails, "profile", Text, "with + or - where rights were added or taken away"),
    column(Jails, "ports", Text, "with commas, as 80,53/udp"),
    column(Jails, "state", Text, "as in status"),
    column(Stats, "id", Integer, "its jid"),
    column(Stats, "name", Text, "its name"),
    column(Stats, "cpu1s", Integer, "ticks of 1/100 s used in the last second"),
    column(Stats, "cpu10s", Float, "mean of the last ten seconds"),
    column(Stats, "proc", Integer, "live processes"),
    column(Stats, "refs", Integer, "processes, zombies, and the supervisor"),
    column(Stats, "vmem", Integer, "sum of the virtual sizes, in bytes"),
    column(Stats, "root", Text, "the root as the host names it"),
    column(Stats, "denials", Map, "counts by right, since it was brought up"),
    column(Stats, "uptime", Integer, "seconds since it was brought up"),
    column(Status, "name", Text, "its name"),
    column(Status, "jid", Integer, "nothing: it is not in the kernel"),
    column(
        Status,
        "state",
        Text,
        "starting, running, backoff, restarting, stopping, stopped, failed, degraded, frozen, orphaned, up, down or unreadable",
    ),
    column(Status, "procs", Integer, "processes, zombies included"),
    column(Status, "supervisor", Integer, "pid of a live one"),
    column(Status, "service", Integer, "pid"),
    column(Status, "restarts", Integer, "of the service, by this supervisor"),
    column(Status, "since", Integer, "when the state was entered, seconds since the epoch"),
    column(Snapshots, "name", Text, "its name"),
    column(Snapshots, "taken", Text, "when, in UTC"),
    column(Snapshots, "files", Integer, "entries"),
    column(Snapshots, "bytes", Integer, "of all files together"),
    column(Snapshots, "live", Bool, "it was taken of a jail that ran"),
    column(Garbage, "kind", Text, "what sort of thing"),
    column(Garbage, "what", Text, "its name"),
    column(Garbage, "bytes", Integer, "that were freed"),
    column(Archives, "file", Text, "its path"),
    column(Archives, "jail", Text, "whose it is"),
    column(Archives, "exported", Text, "when, in UTC"),
    column(Archives, "bytes", Integer, "of the file"),
    column(Disk, "name", Text, "the jail's"),
    column(Disk, "files", Integer, "entries of its data"),
    column(Disk, "bytes", Integer, "that they take"),
    column(Disk, "snapshots", Integer, "how many there are"),
    column(Disk, "snapshot_bytes", Integer, "of all their files"),
    column(Bases, "base", Text, "NAME@VERSION"),
    column(Bases, "imported", Text, "when, in UTC"),
    column(Bases, "files", Integer, "entries"),
    column(Bases, "bytes", Integer, "of all files together"),
    column(Bases, "verified", Bool, "its sum was known beforehand"),
    column(Bases, "sha256", Text, "of the archive; may be nothing"),
    column(Bases, "source", Text, "what it was imported from"),
    column(Rights, "right", Text, "its name"),
    column(Rights, "held", Bool, "the profile holds it"),
    column(Rights, "by", Text, "what decides: the level, grant or deny"),
    column(Rights, "reason", Text, "why it was granted or denied, else why it matters"),
    column(Status, "last_exit", Text, "how the service last ended, and why it is not running"),
];

const KERNEL: &[Property] = &[
    property("body", Text, "lsm, landlock or sim"),
    property("abi", Integer, "version of its interface"),
    property("kernel", Text, "the kernel's release"),
    property("rights", List, "maps of right, status (enforced, weaker, not_enforceable), and by, gap or why"),
    property("notes", List, "texts: what holds less than one might think"),
];

pub const TYPES: &[TypeItem] = &[
    TypeItem {
        name: "Listing",
        summary: "a table; prints as jailctl and jailmgr print it",
        details: "`listing[0]` is its first record, `for row in listing` goes through them.",
        properties: LISTING,
        example: example(Needs::Host, "create(\"web\", #{});\nlet jails = list();\nprint(jails);\nprint(jails[0].name);"),
    },
    TypeItem {
        name: "Record",
        summary: "one row of a listing; its columns are its properties",
        details: "A column that says nothing of this row is `()`: `record.jid ?? 0`.",
        properties: RECORD,
        example: example(
            Needs::Host,
            "create(\"web\", #{});\nlet row = status(\"web\");\nprint(`${row.name}: ${row.state}, jid ${row.jid ?? 0}`);",
        ),
    },
    TypeItem {
        name: "Processes",
        summary: "processes in tree order; prints like ps axd",
        details: "Each map of `to_array()` has pid, ppid, state (a letter, as ps), ticks (of 1/100 s), command and depth.",
        properties: &[],
        example: example(Needs::Host, "if processes().len() != 0 { throw \"somebody runs\"; }"),
    },
    TypeItem {
        name: "Kernel",
        summary: "what the kernel body holds",
        details: "Prints as `jailsh kmod status`.",
        properties: KERNEL,
        example: example(Needs::Host, "print(`${kernel().body} on ${kernel().kernel}`);"),
    },
];
