//! Of what ended a script from outside. None of it can be caught.

use super::{Example, Explanation};
use crate::script::Code;

pub const TABLE: &[Explanation] = &[
    Explanation {
        code: Code::INTERRUPTED,
        title: "somebody pressed Ctrl-C",
        text: "The script ended where it was. What it had begun inside jails goes on.",
        example: Example::Told("Ctrl-C, or SIGINT, while a script runs."),
        remedy: "Run it again: what is as it should be is left alone.",
    },
    Explanation {
        code: Code::OPERATIONS,
        title: "the script took too many steps",
        text: "A script may take two thousand million steps, which is minutes of computing.",
        example: Example::With(&["--max-operations", "1000"], "loop { }"),
        remedy: "Look for a loop without end, or raise --max-operations.",
    },
    Explanation {
        code: Code::MEMORY,
        title: "the script holds too much memory",
        text: "A script may hold 256 MiB, its lists, maps and texts together, and the modules that it imports.",
        example: Example::With(&["--max-memory", "16"], "let rows = [0];\nloop { rows += rows; }"),
        remedy: "Keep less at a time, or raise --max-memory.",
    },
    Explanation {
        code: Code::DEADLINE,
        title: "the script took longer than it may",
        text: "With --deadline a script ends when its time is over, also in a verb that waits. The exit status is 124.",
        example: Example::With(&["--deadline", "100ms"], "sleep(60);"),
        remedy: "Look for what it waits for, or raise --deadline.",
    },
    Explanation {
        code: Code::DEPTH,
        title: "functions call each other too deep",
        text: "Calls may be nested 64 deep.",
        example: Example::Script("fn count(n) {\n    count(n + 1)\n}\ncount(0);"),
        remedy: "Look for a function that calls itself without end; use a loop.",
    },
    Explanation {
        code: Code::SIZE,
        title: "a text grew too long",
        text: "One text may be 16 MiB long.",
        example: Example::Script("let line = \"0123456789\";\nloop { line += line; }"),
        remedy: "Work on one piece at a time.",
    },
    Explanation {
        code: Code::IMPORTS,
        title: "too much is imported",
        text: "A script may consist of 256 modules and 8 MiB of text, and imports may be nested 16 deep.",
        example: Example::Told("Modules that import modules that import modules, 17 of them."),
        remedy: "Import less, or put small modules together.",
    },
    Explanation {
        code: Code::OUTPUT,
        title: "nobody reads what the script prints",
        text: "Standard output was closed, as by head, which ends after some lines.",
        example: Example::Told("jailsh FILE | head -1, of a script that goes on printing."),
        remedy: "Read all of it, or write it to a file.",
    },
];
