//! kill, freeze, thaw, update, wait, logs.

use super::item::Type::{Any, Integer, List, Map, Nothing, Text};
use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, map, of, property, text, verb};
use super::shape::{Shape, key};
use super::spec::{LIMITS, PROFILE};
use crate::script::Kind;

const LOG: Type = Type::Value("Log");

pub const UPDATE: Shape = Shape {
    name: "update.policy",
    summary: "what update changes",
    keys: &[
        key("profile", Any, "as in a spec", "as it is", "what the jail may do from now on").shape(&PROFILE),
        key("audit", List, "names of rights, or [\"all\"]", "none", "rights whose use is let through and told from now on"),
        key("enforce", List, "names of rights, or [\"all\"]", "none", "audited rights that are denied again"),
        key("ports", List, "as in a spec", "as they are", "the ports that only this jail may bind from now on"),
        key(
            "connect",
            List,
            "destinations, as in a spec",
            "as it is",
            "where alone it may connect and send to from now on; [\"any\"] for anywhere",
        ),
        key("limits", Map, "limits of a spec; \"none\" lifts one", "as they are", "the limits that change").shape(&LIMITS),
    ],
};

pub const WAIT: Shape = Shape {
    name: "wait.options",
    summary: "options of wait",
    keys: &[key("timeout", Any, "seconds, or a text like \"500ms\" or \"2m\"", "no end", "how long at most")],
};

pub const ITEMS: &[Item] = &[
    Item {
        name: "wait",
        group: Group::Lifecycle,
        forms: &[verb(&[text("state")], Text), verb(&[text("state"), map("options", &WAIT)], Text)],
        summary: "waits until the jail is running, stopped, failed, up or down, and gives its state",
        details: "Waiting for running throws when the service has been given up.",
        errors: &[Kind::TimedOut, Kind::Status, Kind::Value],
        example: example(
            Needs::Host,
            r#"let web = jail("web", #{});
web.create();
if web.wait("down", #{ timeout: "5s" }) != "down" { throw "it is up"; }"#,
        ),
    },
    Item {
        name: "kill",
        group: Group::Lifecycle,
        forms: &[verb(&[], Integer), verb(&[text("signal")], Integer)],
        summary: "sends a signal, TERM if none is named, to every process of the jail, and gives how many there were",
        details: "A name with or without SIG, or a number as a text. The supervisor may start the service again.",
        errors: &[Kind::NotRunning, Kind::Value],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"], restart: "never" });
web.create();
web.start();
if web.kill("KILL") < 1 { throw "nobody was there"; }
web.wait("stopped", #{ timeout: 10 });
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "freeze",
        group: Group::Lifecycle,
        forms: &[verb(&[], Nothing)],
        summary: "stops every process of the jail where it is",
        details: "Until `thaw`.",
        errors: &[Kind::NotRunning],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
web.freeze();
print(web.status().state);
web.thaw();
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "thaw",
        group: Group::Lifecycle,
        forms: &[verb(&[], Nothing)],
        summary: "lets a frozen jail run on",
        details: "",
        errors: &[Kind::NotRunning],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
web.freeze();
web.thaw();
if web.status().state == "frozen" { throw "it is frozen"; }
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "update",
        group: Group::Lifecycle,
        forms: &[verb(&[map("policy", &UPDATE)], Type::Value("Change"))],
        summary: "gives a jail that is up another policy, until it is restarted",
        details: "Its spec stays as it is. The landlock body cannot; the lsm body can.",
        errors: &[Kind::NotRunning, Kind::Spec, Kind::PortTaken, Kind::NotEnforceable],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
try { print(web.update(#{ profile: "low" })); } catch (error) { print(error.message); }
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "logs",
        group: Group::Observation,
        forms: &[verb(&[], LOG), verb(&[of("count", Integer)], LOG)],
        summary: "the last lines of the jail's service and of its supervisor, or only so many",
        details: "They are kept from the start of the service until the jail is taken down, at most 256 KiB.",
        errors: &[Kind::NotRunning, Kind::Value],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/bin/sh", "-c", "echo hello; exec sleep 1000"] });
web.create();
web.start();
print(web.logs(5));
web.stop();
web.destroy();"#,
        ),
    },
];

const PROPERTIES: &[Property] = &[property("len", Integer, "how many lines")];

pub const TYPES: &[TypeItem] = &[TypeItem {
    name: "Log",
    summary: "lines of a service and its supervisor; prints as jailctl logs",
    details: "`for line in log` goes through maps of seq, time, stream (stdout, stderr or supervisor), lost (lines lost right \
              before) and text.",
    properties: PROPERTIES,
    example: example(
        Needs::Jail,
        r#"let web = jail("web", #{ command: ["/bin/sh", "-c", "echo hello; exec sleep 1000"] });
web.create();
web.start();
for line in web.logs() { print(`${line.stream}: ${line.text}`); }
web.stop();
web.destroy();"#,
    ),
}];
