//! What a script has for itself: its arguments, its end, its errors; and what every value of ours can.

use super::item::{Form, Group, Item, Needs, Parameter, Property, Receiver, Type, TypeItem, example, free, of, property};

const fn any(parameters: &'static [Parameter], result: Type) -> Form {
    Form { on: Receiver::AnyValue, parameters, result }
}

pub const ITEMS: &[Item] = &[
    Item {
        name: "exit",
        group: Group::Script,
        forms: &[free(&[of("status", Type::Integer)], Type::Nothing)],
        summary: "ends the script with this exit status, 0 to 255",
        details: "",
        errors: &[crate::script::Kind::Value],
        example: example(Needs::Nothing, "print(\"all is well\");\nexit(0);"),
    },
    Item {
        name: "sleep",
        group: Group::Script,
        forms: &[free(&[of("seconds", Type::Integer)], Type::Nothing), free(&[of("seconds", Type::Float)], Type::Nothing)],
        summary: "waits so many seconds",
        details: "Ctrl-C ends it.",
        errors: &[],
        example: example(Needs::Nothing, "sleep(0.01);"),
    },
    Item {
        name: "to_string",
        group: Group::Values,
        forms: &[any(&[], Type::Text)],
        summary: "the value as print shows it",
        details: "",
        errors: &[],
        example: example(Needs::Nothing, "let shown = jail(\"web\").to_string();\nif shown != \"jail web\" { throw shown; }"),
    },
    Item {
        name: "to_debug",
        group: Group::Values,
        forms: &[any(&[], Type::Text)],
        summary: "the value as debug shows it",
        details: "",
        errors: &[],
        example: example(Needs::Nothing, "print(jail(\"web\").to_debug());"),
    },
    Item {
        name: "to_map",
        group: Group::Values,
        forms: &[any(&[], Type::Map)],
        summary: "the value as a map, or as a list of maps",
        details: "Of texts, numbers, lists and maps alone.",
        errors: &[],
        example: example(Needs::Nothing, "for key in jail(\"web\").to_map().keys() { print(key); }"),
    },
    Item {
        name: "to_json",
        group: Group::Values,
        forms: &[any(&[], Type::Text)],
        summary: "the value as JSON",
        details: "",
        errors: &[],
        example: example(Needs::Host, "create(\"web\", #{});\nprint(list().to_json());"),
    },
];

const ERROR: &[Property] = &[
    property("kind", Type::Text, "what sort, as `not_running`; see below"),
    property("message", Type::Text, "what is wrong"),
    property("hint", Type::Text, "what would be right; may be nothing"),
    property("jail", Type::Text, "the jail's name; may be nothing"),
    property("verb", Type::Text, "the verb that threw it; may be nothing"),
    property("errno", Type::Text, "`ENOENT` and the like; may be nothing"),
    property("place", Type::List, "line and column of the call; may be nothing"),
    property("file", Type::Text, "the script or module of the call; may be nothing"),
];

pub const TYPES: &[TypeItem] = &[TypeItem {
    name: "Error",
    summary: "an error of a verb, as catch gets it",
    details: "Prints as its message and its hint. Ctrl-C and limits end a script and cannot be caught.\n\n\
              An error that nobody catches ends the script with a status: 65 for name, spec and archive, 69 for unavailable, 77 \
              for not_permitted, 124 for timed_out, 126 for not_executable, 127 for not_found, otherwise 1.",
    properties: ERROR,
    example: example(
        Needs::Nothing,
        r#"try {
    jail("web", #{ comand: ["httpd"] });
} catch (error) {
    if error.kind != "spec" { throw error; }
    print(`${error.verb}: ${error.hint}`);
}"#,
    ),
}];

/// A name that is there without being called.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Variable {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: Type,
    pub summary: &'static str,
}

pub const VARIABLES: &[Variable] =
    &[Variable { name: "args", kind: Type::List, summary: "the arguments of the script, a list of texts; cannot be changed" }];
