//! Of what does not parse.

use super::{Example, Explanation};
use crate::script::Code;

pub const TABLE: &[Explanation] = &[
    Explanation {
        code: Code::SYNTAX,
        title: "the script cannot be read",
        text: "At this place stands what the language does not allow there. Nothing of the script was run.",
        example: Example::Script("let = 1;"),
        remedy: "Look at the caret, and at what is missing just before it.",
    },
    Explanation {
        code: Code::ENDS_EARLY,
        title: "the script ends too early",
        text: "Something was begun and not finished: an expression, a list, a map, or a text in quotes.",
        example: Example::Script("let total = 40 +"),
        remedy: "Finish it. An editor that shows pairs of brackets finds one that is not closed.",
    },
    Explanation {
        code: Code::UNKNOWN_VARIABLE,
        title: "a variable that was never made",
        text: "No let, const, parameter or loop gives this name here. A function sees its parameters and the constants of its \
               file, not the variables around it; a module does not see the script's.",
        example: Example::Script("let port = 8080;\nprint(prot);"),
        remedy: "Correct the name, or hand the value over as a parameter.",
    },
    Explanation {
        code: Code::RESERVED,
        title: "a name of jailsh was given to something else",
        text: "The names of verbs stand for the verbs in every script and module, so that a reader can trust them.",
        example: Example::Script("let list = [1, 2];"),
        remedy: "Pick another name.",
    },
    Explanation {
        code: Code::EVAL,
        title: "text is not run as code",
        text: "eval is switched off: a text from outside could otherwise become part of the script.",
        example: Example::Script("eval(\"40 + 2\");"),
        remedy: "Write the code out, or choose among functions with if or switch.",
    },
    Explanation {
        code: Code::COMPUTED_IMPORT,
        title: "an import whose module is computed",
        text: "import takes the name in quotes, so that everybody, and every tool, sees what a script consists of.",
        example: Example::Script("let name = \"lib/web\";\nimport name as web;"),
        remedy: "Import all that may be needed, each by its name.",
    },
    Explanation {
        code: Code::LARGE_INTEGER,
        title: "an integer that does not fit into 64 bits",
        text: "Integers go from -9223372036854775808 to 9223372036854775807. A larger one would silently become a float.",
        example: Example::Script("let many = 9223372036854775808;"),
        remedy: "Use a smaller number, or write it with .0 if a float is meant.",
    },
    Explanation {
        code: Code::SAME_KEY,
        title: "a key that is twice in a map",
        text: "One of the two values would be lost.",
        example: Example::Script("jail(\"web\", #{ ports: [80], ports: [443] });"),
        remedy: "Keep one of them, or join the values.",
    },
    Explanation {
        code: Code::NOT_CALLED,
        title: "a function that is not called",
        text: "The name of a function without parentheses is no value.",
        example: Example::Script("print(stats);"),
        remedy: "Call it, as stats(). A function to be handed on is written |x| stats(x).",
    },
    Explanation {
        code: Code::TAKEN,
        title: "a function that would stand before one of jailsh",
        text: "With this name and number of parameters it would be called where a script means jailsh's own. A method for a type, \
               as fn array.first(), is everybody's who imports the module, and so has to be a new one.",
        example: Example::Script("fn exit(status) {\n    print(status);\n}"),
        remedy: "Pick another name.",
    },
];
