//! Of what does not fit together.

use super::{Example, Explanation};
use crate::script::Code;

pub const TABLE: &[Explanation] = &[
    Explanation {
        code: Code::INTERPRETER,
        title: "the interpreter cannot go on",
        text: "An error of the language itself that has no code of its own; the message says which.",
        example: Example::Script("fn me() {\n    this.len()\n}\nme();"),
        remedy: "Look at the caret and at the message.",
    },
    Explanation {
        code: Code::UNKNOWN_FUNCTION,
        title: "a function that is not there",
        text: "Neither jailsh, nor the language, nor this file has a function or method of this name.",
        example: Example::Script("cretae(\"web\", #{ });"),
        remedy: "Correct the name; `jailsh doc` lists all. A function of a module is called with the module: web::start_all().",
    },
    Explanation {
        code: Code::ARGUMENTS,
        title: "a function that does not take these arguments",
        text: "The name is right, but not the number or the types of what stands in the parentheses. The hint lists what it takes.",
        example: Example::Script("create(\"web\", 8080);"),
        remedy: "See `jailsh doc NAME`. A number becomes a text with to_string(), a text a number with parse_int().",
    },
    Explanation {
        code: Code::NO_PROPERTY,
        title: "a key or property that is not there",
        text: "A map has no such key. Reading one that is missing is an error, so that a slip is not taken for nothing.",
        example: Example::Script("let site = #{ port: 8080 };\nprint(site.prot);"),
        remedy: "Correct the name, or ask first: if \"port\" in site { ... }.",
    },
    Explanation {
        code: Code::INDEX,
        title: "an index beyond the end",
        text: "A list or text has fewer elements. They are counted from 0; -1 is the last.",
        example: Example::Script("let ports = [80, 443];\nprint(ports[2]);"),
        remedy: "Ask for len() first, or go through it with for.",
    },
    Explanation {
        code: Code::ARITHMETIC,
        title: "a number that cannot be computed",
        text: "An integer grew beyond 64 bits, something was divided by zero, or a text is no number.",
        example: Example::Script("let jails = 0;\nprint(100 / jails);"),
        remedy: "Ask before dividing; compute with floats where numbers get large.",
    },
    Explanation {
        code: Code::WRONG_TYPE,
        title: "a value of another type than is needed here",
        text: "A condition is true or false, and nothing else; for goes through lists, ranges, maps' keys and listings.",
        example: Example::Script("let ports = [80];\nif ports.len() { print(\"some\"); }"),
        remedy: "Compare it, as in if ports.len() > 0.",
    },
    Explanation {
        code: Code::NOT_IN_MODULE,
        title: "a module has no such function or value",
        text: "What is private, and variables without export, stay inside the module.",
        example: Example::Importing {
            module: ("greet", "fn hello(name) {\n    `hello ${name}`\n}"),
            script: "import \"greet\" as greet;\nprint(greet::helo(\"you\"));",
        },
        remedy: "Correct the name, or export it in the module.",
    },
    Explanation {
        code: Code::CONSTANT,
        title: "a constant was to be changed",
        text: "What const names, and args, stays as it is.",
        example: Example::Script("const PORT = 8080;\nPORT = 8081;"),
        remedy: "Use let, or make a new value.",
    },
    Explanation {
        code: Code::UNUSED,
        title: "a value is made and dropped",
        text: "`jailsh check` alone tells this: jail() describes a jail and does nothing, nor do profile() and facts().",
        example: Example::With(&["check"], "jail(\"web\", #{ ports: [8080] });\nprint(\"done\");"),
        remedy: "Call a verb of it: jail(\"web\", #{ ports: [8080] }).create().",
    },
    Explanation {
        code: Code::THROWN,
        title: "the script threw this error itself",
        text: "throw ended the script, and nothing caught it.",
        example: Example::Script("throw \"the disk is full\";"),
        remedy: "Look at what is thrown where the caret points; try and catch go on after it.",
    },
];
