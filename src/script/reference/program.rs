//! script: a program text, run inside a jail.

use super::exec::{CREATES, EXEC, ONLYIF, OUTPUT, UNLESS};
use super::item::{Group, Item, Needs, Type, example, map, method, of};
use super::shape::{Shape, key};
use crate::script::Kind;

pub const SCRIPT: Shape = Shape {
    name: "script.options",
    summary: "options of script",
    keys: &[
        key("args", Type::List, "texts", "[]", "its arguments"),
        EXEC.keys[1],
        EXEC.keys[0],
        EXEC.keys[2],
        EXEC.keys[3],
        EXEC.keys[4],
        key("check", Type::Bool, "true or false", "true", "a status other than 0 is an error"),
        EXEC.keys[6],
        key("interpreter", Type::List, "a command", "what its first line says after #!, or /bin/sh", "what runs it"),
        CREATES,
        UNLESS,
        ONLYIF,
    ],
};

pub const ITEMS: &[Item] = &[Item {
    name: "script",
    group: Group::Commands,
    forms: &[
        method("Jail", &[of("source", Type::Any)], OUTPUT),
        method("Jail", &[of("source", Type::Any), map("options", &SCRIPT)], OUTPUT),
    ],
    summary: "runs a program text in a jail that is up, in whatever language",
    details: "The source is a file of the host, beside the script if relative, or `#{ text: \"...\" }`. While it runs it lies in the \
              jail's /tmp, and its user alone can read it.",
    errors: &[Kind::Path, Kind::Spec, Kind::NotRunning, Kind::NotFound, Kind::NotExecutable, Kind::Status, Kind::TimedOut],
    example: example(
        Needs::Jail,
        r#"let web = jail("web", #{ command: ["/usr/bin/sleep", "1000"] });
web.create();
web.start();
let source = #{ text: "echo $GREETING $1 > /tmp/greeting" };
let options = #{ args: ["world"], env: #{ GREETING: "hello" }, user: "www-data" };
options.creates = "/tmp/greeting";
web.script(source, options);
if !web.script(source, options).skipped { throw "run twice"; }
print(web.exec(["cat", "/tmp/greeting"]));
web.stop();
web.destroy();"#,
    ),
}];
