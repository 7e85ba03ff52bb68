//! What a script may ask of the host around the jails.

use super::item::{Group, Item, Needs, Property, Type, TypeItem, example, free, property, text};
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

pub const TYPES: &[TypeItem] = &[TypeItem {
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
}];
