//! exec, apply, apply_file.

use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, list, map, property, text, verb};
use super::shape::{Key, Shape, key};
use crate::script::Kind;

pub(super) const OUTPUT: Type = Type::Value("Output");

pub const EXEC: Shape = Shape {
    name: "exec.options",
    summary: "options of exec",
    keys: &[
        key("user", Type::Text, "a name of the jail's /etc/passwd, or a number", "root", "whom it runs as"),
        key("env", Type::Map, "texts or secrets by name", "#{}", "variables beside the clean ones"),
        key("workdir", Type::Text, "a path inside the jail", "the user's home", "the directory that it starts in"),
        key(
            "input",
            Type::Text,
            "a text, a blob, a secret, or a list of them",
            "nothing to read",
            "what it reads from standard input",
        ),
        key(
            "timeout",
            Type::Text,
            "seconds above 0, or a text as \"500ms\" or \"2m\"",
            "none",
            "it and all that it started are killed after this long",
        ),
        key("check", Type::Bool, "true or false", "false, with a guard true", "a status other than 0 is an error"),
        key("ephemeral", Type::Bool, "true or false", "false", "a jail that is down is brought up for it, and taken down again"),
        CREATES,
        UNLESS,
        ONLYIF,
    ],
};

pub(super) const CREATES: Key =
    key("creates", Type::Text, "a path inside the jail", "none", "it need not run if something is there");
pub(super) const UNLESS: Key =
    key("unless", Type::List, "a command that changes nothing", "none", "it need not run if that ends with status 0");
pub(super) const ONLYIF: Key = key(
    "onlyif",
    Type::List,
    "a command that changes nothing",
    "none",
    "it need not run if that ends with another status than 0",
);

pub const APPLY: Shape = Shape {
    name: "apply.options",
    summary: "options of apply and apply_file",
    keys: &[
        key("ephemeral", Type::Bool, "true or false", "false", "a jail that was brought up for it is taken down again"),
        key("capture", Type::Bool, "true or false", "true", "false: what it writes is passed through instead of collected"),
        key("check", Type::Bool, "true or false", "true", "a status other than 0 is an error"),
        CREATES,
        UNLESS,
        ONLYIF,
    ],
};

pub const ITEMS: &[Item] = &[
    Item {
        name: "exec",
        group: Group::Commands,
        forms: &[verb(&[list("argv")], OUTPUT), verb(&[list("argv"), map("options", &EXEC)], OUTPUT)],
        summary: "runs a command in a jail that is up, and collects what it writes",
        details: "No shell reads the list: each text is one argument, the program first, found by the jail's PATH. At most 64 MiB \
                  are collected.",
        errors: &[Kind::Spec, Kind::NotRunning, Kind::NotFound, Kind::NotExecutable, Kind::Status, Kind::TimedOut],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
print(web.exec(["id", "-un"], #{ check: true, timeout: "10s" }));
if web.exec(["false"]).status != 1 { throw "it has succeeded"; }
web.stop();
web.destroy();"#,
        ),
    },
    Item {
        name: "apply",
        group: Group::Commands,
        forms: &[verb(&[text("script")], OUTPUT), verb(&[text("script"), map("options", &APPLY)], OUTPUT)],
        summary: "runs shell text inside the jail, with its /bin/sh",
        details: "A jail that is down is brought up for it, without its services.",
        errors: &[Kind::Spec, Kind::Status],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{});
web.create();
web.apply(`mkdir -p /var/www
           echo hello > /var/www/index.html`, #{ ephemeral: true });
print(web.apply("cat /var/www/index.html", #{ ephemeral: true }));
web.destroy();"#,
        ),
    },
    Item {
        name: "apply_file",
        group: Group::Commands,
        forms: &[verb(&[text("path")], OUTPUT), verb(&[text("path"), map("options", &APPLY)], OUTPUT)],
        summary: "as apply, with the text of a file of the host",
        details: "",
        errors: &[Kind::Path, Kind::Spec, Kind::Status],
        example: example(
            Needs::Jail,
            r#"let web = jail("web", #{});
web.create();
// Lines of KEY=VALUE are shell text too.
print(web.apply_file("/etc/os-release", #{ ephemeral: true }).status);
web.destroy();"#,
        ),
    },
];

const PROPERTIES: &[Property] = &[
    property("status", Type::Integer, "exit status, or 128+n for signal n"),
    property("ok", Type::Bool, "the status is 0"),
    property("stdout", Type::Text, "what it wrote to standard output; bytes that are no UTF-8 are replaced"),
    property("stderr", Type::Text, "the same of standard error"),
    property("skipped", Type::Bool, "its guard said that it need not run"),
];

pub const TYPES: &[TypeItem] = &[TypeItem {
    name: "Output",
    summary: "how a command ended, and what it wrote",
    details: "Prints as its standard output without the last newline. In a plan nothing of it is known, and asking is an error.",
    properties: PROPERTIES,
    example: example(
        Needs::Jail,
        r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
let output = web.exec(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]);
print(`${output.status} ${output.ok} ${output.stdout} ${output.stderr}`);
web.stop();
web.destroy();"#,
    ),
}];
