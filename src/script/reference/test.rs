//! given, on_exec and their kin, actions, assert, expect: what only tests have.

use super::item::{
    Form, Group, Item, Needs, Parameter, Property, Type, TypeItem, example, free, list, map, method, of, property, text,
};
use super::shape::{Key, Shape, key};
use crate::script::Kind;

const JAIL: Parameter = of("jail", Type::Any);
const RAN: Type = Type::Value("Ran");
const EXPECTATION: Type = Type::Value("Expectation");

const TIMES: Key =
    key("times", Type::Integer, "a number from 0", "always", "it answers so often, then the next one that fits does");
const TIME: &str = "seconds above 0, or a text as \"500ms\" or \"2m\"";

pub const ON_EXEC: Shape = Shape {
    name: "on_exec.reply",
    summary: "how a command ends in a test",
    keys: &[
        key("status", Type::Integer, "0 to 255, or 128+n for signal n", "0", "its status"),
        key("stdout", Type::Text, "any text", "nothing", "what it writes to standard output"),
        key("stderr", Type::Text, "any text", "nothing", "the same of standard error"),
        key("files", Type::Map, "texts or blobs by path", "#{}", "files that it writes in the jail"),
        key("takes", Type::Text, TIME, "no time", "by so much the test's clock goes on"),
        TIMES,
    ],
};

pub const ON_HTTP: Shape = Shape {
    name: "on_http.reply",
    summary: "what a server answers in a test",
    keys: &[
        key("status", Type::Integer, "a status such as 404", "200", "of the answer"),
        key("body", Type::Text, "any text", "nothing", "the page"),
        key("fails", Type::Text, "a reason", "none", "there is no answer, for this reason"),
        TIMES,
    ],
};

pub const ON_SERVICE: Shape = Shape {
    name: "on_service.conduct",
    summary: "how a service behaves in a test",
    keys: &[
        key("service", Type::Text, "the name of one of several services", "every one", "of which service"),
        key("ready_after", Type::Text, TIME, "no time", "until its readiness check succeeds; without one nobody asks"),
        key("fails", Type::Text, "a reason", "none", "it cannot be executed, for this reason"),
        key("crashes_after", Type::Text, TIME, "never", "how long a run lasts"),
        key("status", Type::Integer, "an exit status", "1", "with which it then ends"),
        key("unhealthy_after", Type::Text, TIME, "never", "until its health check fails; without one nobody asks"),
        key("times", Type::Integer, "a number from 0", "every run", "so many runs go wrong, later ones do not"),
        key("says", Type::List, "texts", "[]", "lines that each run writes to standard output"),
    ],
};

const fn nothing(parameters: &'static [Parameter]) -> Form {
    free(parameters, Type::Nothing)
}

const fn item(
    name: &'static str,
    forms: &'static [Form],
    summary: &'static str,
    details: &'static str,
    script: &'static str,
) -> Item {
    Item { name, group: Group::Tests, forms, summary, details, errors: &[Kind::Value], example: example(Needs::Test, script) }
}

const fn assertion(
    name: &'static str,
    forms: &'static [Form],
    summary: &'static str,
    details: &'static str,
    script: &'static str,
) -> Item {
    Item { errors: &[Kind::Assertion], ..item(name, forms, summary, details, script) }
}

pub const ITEMS: &[Item] = &[
    item(
        "given",
        &[nothing(&[JAIL]), nothing(&[JAIL, of("with", Type::Map)])],
        "lets a jail be there before the test",
        "The map holds the keys of a spec, and `files` (texts or blobs by path) and `running` (true: its service runs). The jail \
         has what a new jail has; it is not among the actions.",
        r#"given("db", #{
    command: ["/usr/bin/postgres"],
    files: #{ "/etc/db.conf": "port = 5432\n" },
    running: true,
});
expect(status("db").state).to_equal("running");"#,
    ),
    item(
        "given_env",
        &[nothing(&[text("name"), text("value")])],
        "sets a variable of the environment that scripts read",
        "Without it no variable is set in a test.",
        "given_env(\"DOMAIN\", \"example.org\");\nassert(true);",
    ),
    item(
        "given_fact",
        &[nothing(&[text("name"), of("value", Type::Any)])],
        "says what the host answers when it is asked for this fact",
        "",
        "given_fact(\"cpus\", 4);\nassert(true);",
    ),
    item(
        "given_packages",
        &[nothing(&[text("base"), of("packages", Type::Any)])],
        "says which Debian packages a base has",
        "The packages are a list of names, or a map from names to versions. `packages` installs into jails of that base what is \
         not among them, if `apt` is.",
        r#"given_packages("debian", ["apt", "dpkg"]);
let web = jail("web", #{ base: "debian" });
web.create();
expect(web.packages(["dpkg"]).change).to_equal("present");
expect(web.packages(["nginx"]).change).to_equal("installed");
expect(web.packages(["nginx"]).change).to_equal("present");"#,
    ),
    item(
        "given_secret",
        &[nothing(&[text("name"), text("value")])],
        "says what a secret is",
        "",
        "given_secret(\"db\", \"not a real one\");\nassert(true);",
    ),
    item(
        "on_exec",
        &[nothing(&[JAIL, of("command", Type::Any), map("reply", &ON_EXEC)])],
        "says how a command ends: the first that fits and is not used up answers",
        "The jail may be a pattern of names with `*`. The command is a list of words, in which `*` is any one word and `...` at \
         the end any more; or a text, in which `*` is any text, which stands for the whole command on one line and for the shell \
         text of `apply`. A command that nothing fits is an error that shows the line to add. Guards are commands too.",
        r#"on_exec("web", ["nginx", "-t"], #{ status: 1, stderr: "no such file", times: 1 });
on_exec("*", "nginx *", #{ takes: "2s" });
given("web", #{ command: ["nginx"], running: true });
expect(exec("web", ["nginx", "-t"]).status).to_equal(1);
expect(exec("web", ["nginx", "-t"]).status).to_equal(0);"#,
    ),
    item(
        "on_http",
        &[nothing(&[text("url"), map("reply", &ON_HTTP)])],
        "says what `http_get` gets from addresses that fit, in which `*` is any text",
        "",
        r#"on_http("http://127.0.0.1:8080/*", #{ fails: "connection refused", times: 1 });
on_http("http://127.0.0.1:8080/*", #{ body: "hello" });
assert_throws(|| http_get("http://127.0.0.1:8080/"), "refused");
expect(http_get("http://127.0.0.1:8080/").body).to_equal("hello");"#,
    ),
    item(
        "on_service",
        &[nothing(&[JAIL, map("conduct", &ON_SERVICE)])],
        "says how services of a jail behave from their next start on",
        "Without it a service runs until it is stopped. The supervisor that watches it is the real one's state machine, so its \
         delays, states and reasons are too.",
        r#"on_service("web", #{ crashes_after: "5s", times: 1 });
given("web", #{ command: ["httpd"], restart: "on-failure", running: true });
advance("5s");
expect(status("web").state).to_equal("backoff");
wait("web", "running");
expect(status("web").restarts).to_equal(1);"#,
    ),
    item(
        "advance",
        &[nothing(&[of("time", Type::Any)])],
        "lets time pass: seconds, or a text as \"5m\"",
        "`sleep` and `wait` do the same, and nobody waits. Services go on meanwhile.",
        "let before = clock();\nadvance(\"2m\");\nsleep(30);\nexpect(clock() - before).to_equal(150);",
    ),
    item(
        "clock",
        &[free(&[], Type::Integer)],
        "the test's time, in seconds since the epoch; every test begins at the same",
        "",
        "expect(clock()).to_be_above(0);",
    ),
    item(
        "actions",
        &[free(&[], Type::List)],
        "everything that was done so far, a map each",
        "`text` says it in a few words, `jail` and `action` are as in a plan, and so is the rest; contents are texts, in which \
         secrets and files are named. One that was not done has `failed`.",
        r#"create("web", #{});
expect(actions()[0].action).to_equal("create");"#,
    ),
    item(
        "content_of",
        &[free(&[JAIL, text("path")], Type::Any)],
        "the content of a file in a jail, a text or a blob; nothing if there is no file",
        "",
        r#"given("web", #{ files: #{ "/etc/motd": "hello\n" } });
expect(content_of("web", "/etc/motd")).to_equal("hello\n");
expect(content_of("web", "/etc/none")).to_equal(());"#,
    ),
    item(
        "allows",
        &[free(&[JAIL, text("deed")], Type::Bool)],
        "would the kernel let a jail that is up do it: a right, or a probe as in must_allow",
        "The kernel module's own policy judges, and counts the denial.",
        r#"given("web", #{ command: ["httpd"], profile: "low", ports: [8080], running: true });
assert(allows("web", "bind 8080"));
assert(!allows("web", "mount"));
expect(denials("web").values().len()).to_equal(1);"#,
    ),
    item(
        "run_script",
        &[free(&[text("path")], RAN), free(&[text("path"), list("arguments")], RAN)],
        "runs a whole script over the test's host, with these `args`",
        "The path begins at the directory of the test's file. An error that the script does not catch is thrown here.",
        "assert_throws(|| run_script(\"no_such_script.rhai\", [\"argument\"]), \"path\");",
    ),
    assertion(
        "replay",
        &[nothing(&[text("recording")]), nothing(&[text("recording"), text("script")])],
        "ends the test, with what differs, unless the script does what a recording of it says",
        "The recording is one of `jailsh run --record`. Both paths begin at the directory of the test's file; without a second \
         one the script is the one that was recorded, beside the test. As `jailsh test --replay` does it.",
        "assert_throws(|| replay(\"no_such_recording.jsonl\", \"site.rhai\"), \"path\");",
    ),
    assertion(
        "assert",
        &[nothing(&[of("holds", Type::Bool)]), nothing(&[of("holds", Type::Bool), text("what")])],
        "ends the test unless it is so",
        "",
        "assert(1 + 1 == 2, \"sums are wrong\");",
    ),
    assertion(
        "assert_eq",
        &[nothing(&[of("is", Type::Any), of("expected", Type::Any)])],
        "ends the test, with what differs, unless both are equal",
        "",
        "assert_eq([1, 2].len(), 2);",
    ),
    assertion(
        "assert_ne",
        &[nothing(&[of("is", Type::Any), of("other", Type::Any)])],
        "ends the test if both are equal",
        "",
        "assert_ne(\"a\", \"b\");",
    ),
    assertion(
        "assert_throws",
        &[nothing(&[of("work", Type::Function)]), nothing(&[of("work", Type::Function), text("what")])],
        "ends the test unless the function throws: any error, one of this kind, or one whose text contains this",
        "",
        r#"assert_throws(|| start("web"), "no_such_jail");
assert_throws(|| start("web"), "create it first");"#,
    ),
    assertion(
        "assert_file",
        &[nothing(&[JAIL, text("path"), text("content")])],
        "ends the test, with what differs, unless the file holds this",
        "",
        r#"given("web", #{ files: #{ "/etc/motd": "hello\n" } });
assert_file("web", "/etc/motd", "hello\n");"#,
    ),
    assertion(
        "assert_absent",
        &[nothing(&[JAIL, text("path")])],
        "ends the test if something is at the path",
        "",
        "given(\"web\");\nassert_absent(\"web\", \"/etc/none\");",
    ),
    assertion(
        "assert_idempotent",
        &[nothing(&[of("work", Type::Function)])],
        "runs the function twice, and ends the test if the second time does anything",
        "",
        r#"let web = jail("web", #{});
assert_idempotent(|| { web.create(); web.file("/etc/motd", "hello\n"); });"#,
    ),
    assertion(
        "expect_actions",
        &[nothing(&[list("actions")])],
        "ends the test, with what differs, unless exactly this was done so far, in this order",
        "Each is the `text` of an action, or a map of keys that it must have.",
        r#"let web = jail("web", #{});
web.create();
web.file("/etc/motd", "hello\n");
expect_actions(["web: create", #{ action: "write", path: "/etc/motd", content: "hello\n" }]);"#,
    ),
    item(
        "expect",
        &[free(&[of("value", Type::Any)], EXPECTATION)],
        "a value that something is expected of",
        "",
        "expect(1 + 1).to_equal(2);",
    ),
    assertion(
        "to_equal",
        &[method("Expectation", &[of("expected", Type::Any)], Type::Nothing)],
        "ends the test, with what differs, unless the value is equal",
        "",
        "expect(\"a\" + \"b\").to_equal(\"ab\");",
    ),
    assertion(
        "to_differ_from",
        &[method("Expectation", &[of("other", Type::Any)], Type::Nothing)],
        "ends the test if the value is equal",
        "",
        "expect(1).to_differ_from(2);",
    ),
    assertion(
        "to_contain",
        &[method("Expectation", &[of("part", Type::Any)], Type::Nothing)],
        "ends the test unless the text, list or map contains this part, element or key",
        "",
        "expect([1, 2]).to_contain(2);\nexpect(\"hello\").to_contain(\"ell\");",
    ),
    assertion(
        "to_be_above",
        &[method("Expectation", &[of("bound", Type::Any)], Type::Nothing)],
        "ends the test unless the value is greater",
        "",
        "expect(2).to_be_above(1);",
    ),
    assertion(
        "to_be_below",
        &[method("Expectation", &[of("bound", Type::Any)], Type::Nothing)],
        "ends the test unless the value is smaller",
        "",
        "expect(1).to_be_below(2);",
    ),
];

const OF_RAN: &[Property] = &[
    property("status", Type::Integer, "given to `exit`, or 0"),
    property("stdout", Type::Text, "what it printed"),
    property("actions", Type::List, "what it did, as `actions` shows it"),
];

pub const TYPES: &[TypeItem] = &[
    TypeItem {
        name: "Ran",
        summary: "a script that a test ran",
        details: "Prints as what it printed.",
        properties: OF_RAN,
        example: example(Needs::Test, "assert_throws(|| print(run_script(\"no_such_script.rhai\").stdout));"),
    },
    TypeItem {
        name: "Expectation",
        summary: "a value that something is expected of",
        details: "",
        properties: &[property("value", Type::Any, "the value")],
        example: example(Needs::Test, "let it = expect(2);\nit.to_equal(2);\nit.to_be_above(1);"),
    },
];
