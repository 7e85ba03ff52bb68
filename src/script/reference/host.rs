//! What a script may ask of the host around the jails.

use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, free, of, property, text};
use crate::script::Kind;

pub const ITEMS: &[Item] = &[
    Item {
        name: "http_get",
        group: Group::Host,
        forms: &[free(&[text("url")], Type::Value("Response"))],
        summary: "fetches a page over plain HTTP from this machine's loopback address",
        details: "Redirects are not followed; 5 seconds and 8 MiB at most. Other machines cannot be asked.",
        errors: &[Kind::Http],
        example: example(
            Needs::Nothing,
            r#"try {
    print(http_get("http://127.0.0.1:9/").status);
} catch (error) {
    print(error.kind);
}"#,
        ),
    },
    Item {
        name: "env",
        group: Group::Host,
        forms: &[free(&[text("variable")], Type::Text), free(&[text("variable"), of("default", Type::Any)], Type::Any)],
        summary: "a variable of the environment that jailsh was started in",
        details: "Without a default, one that is not set is an error. A plan keeps its digest, not its value.",
        errors: &[Kind::Name, Kind::Value],
        example: example(
            Needs::Nothing,
            r#"let domain = env("DOMAIN", "example.org");
print(`for ${domain}, with ${env("PATH")}`);"#,
        ),
    },
    Item {
        name: "facts",
        group: Group::Host,
        forms: &[free(&[], Type::Value("Facts"))],
        summary: "what is known of this host",
        details: "A plan keeps a digest of each that was read, and is not performed when one is no longer so.",
        errors: &[],
        example: example(
            Needs::Nothing,
            r#"let host = facts();
print(`${host.hostname}: ${host.cpus} processors, Linux ${host.kernel}`);"#,
        ),
    },
    Item {
        name: "secret",
        group: Group::Host,
        forms: &[free(&[text("name")], Type::Value("Secret"))],
        summary: "a secret, to be handed on by its name",
        details: "The file NAME of /etc/jailsh/secrets, or before that of $CREDENTIALS_DIRECTORY; root's own, with no right for others. \
                  It can be given to env and input of exec, and to the content of files, by itself or as a part of a list; \
                  it becomes no text (printed or interpolated it is its name), and a plan holds its name alone.",
        errors: &[Kind::Name, Kind::Secret, Kind::NotPermitted],
        example: example(
            Needs::Nothing,
            r#"try {
    let password = secret("database");
    jail("app").file("/etc/app.conf", ["password = ", password, "\n"], #{ mode: "0600" });
} catch (error) {
    print(error.kind);
}"#,
        ),
    },
    Item {
        name: "planning",
        group: Group::Host,
        forms: &[free(&[], Type::Bool)],
        summary: "is a plan made of this script, so that nothing of it is done?",
        details: "`if !planning()` keeps what only a real run can tell out of a plan.",
        errors: &[],
        example: example(Needs::Nothing, "if planning() { throw \"this runs\"; }"),
    },
];

const PROPERTIES: &[Property] = &[
    property("status", Type::Integer, "of the answer, as 200"),
    property("body", Type::Text, "the page; bytes that are no UTF-8 are replaced"),
];

const FACTS: &[Property] = &[
    property("hostname", Type::Text, "its name"),
    property("kernel", Type::Text, "release of its kernel, as `uname -r`"),
    property("architecture", Type::Text, "of its processors, as x86_64"),
    property("cpus", Type::Integer, "processors that jailsh may use"),
    property("memory", Type::Integer, "physical memory, in bytes"),
    property("version", Type::Text, "of jailsh"),
    property("body", Type::Text, "what enforces jails here: lsm, landlock or sim"),
    property("data_dir", Type::Text, "where base layers and jails are kept"),
];

pub const TYPES: &[TypeItem] = &[FACTS_TYPE, SECRET_TYPE, RESPONSE_TYPE];

const FACTS_TYPE: TypeItem = TypeItem {
    name: "Facts",
    summary: "what is known of this host",
    details: "Prints a line each; body and data_dir need a body that can be used here.",
    properties: FACTS,
    example: example(
        Needs::Host,
        "for line in facts().to_string().split(\"\\n\") { print(line); }\nif facts().cpus < 1 { throw \"none\"; }",
    ),
};

const SECRET_TYPE: TypeItem = TypeItem {
    name: "Secret",
    summary: "a secret by its name",
    details: "Prints as `secret(\"name\")`; to join it with text, put it into one (`${...}`), to_map and to_json are errors.",
    properties: &[property("name", Type::Text, "as it was given")],
    example: example(Needs::Nothing, r#"try { print(secret("database")); } catch (error) { print(error); }"#),
};

const RESPONSE_TYPE: TypeItem = TypeItem {
    name: "Response",
    summary: "an answer of a web server",
    details: "Prints as its body.",
    properties: PROPERTIES,
    example: example(
        Needs::Jail,
        r#"let web = jail("web", #{
    command: ["/usr/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"],
    profile: "medium",
    ports: [8080],
    ready: #{ port: 8080 },
});
web.create();
web.apply("echo hello > /srv/index.html", #{ ephemeral: true });
web.start();
let page = http_get("http://127.0.0.1:8080/index.html");
if page.status != 200 { throw page; }
print(page.body);
web.stop();
web.destroy();"#,
    ),
};
