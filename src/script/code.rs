//! The codes of errors: E01 for what does not parse, E02 for what does not fit, E03 for what a verb threw, E04 for what
//! ended a script from outside. A code never changes its meaning, and none is used twice.

use std::fmt;

use serde::Serialize;

use super::Kind;

/// `E0104` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(&'static str);

impl Code {
    pub const SYNTAX: Code = Code("E0101");
    pub const ENDS_EARLY: Code = Code("E0102");
    pub const UNKNOWN_VARIABLE: Code = Code("E0103");
    pub const RESERVED: Code = Code("E0104");
    pub const EVAL: Code = Code("E0105");
    pub const COMPUTED_IMPORT: Code = Code("E0106");
    pub const LARGE_INTEGER: Code = Code("E0107");
    pub const SAME_KEY: Code = Code("E0108");
    pub const NOT_CALLED: Code = Code("E0109");
    pub const TAKEN: Code = Code("E0110");

    pub const INTERPRETER: Code = Code("E0200");
    pub const UNKNOWN_FUNCTION: Code = Code("E0201");
    pub const ARGUMENTS: Code = Code("E0202");
    pub const NO_PROPERTY: Code = Code("E0203");
    pub const INDEX: Code = Code("E0204");
    pub const ARITHMETIC: Code = Code("E0205");
    pub const WRONG_TYPE: Code = Code("E0206");
    pub const NOT_IN_MODULE: Code = Code("E0207");
    pub const CONSTANT: Code = Code("E0208");
    pub const UNUSED: Code = Code("E0209");
    pub const THROWN: Code = Code("E0210");

    pub const INTERRUPTED: Code = Code("E0401");
    pub const OPERATIONS: Code = Code("E0402");
    pub const MEMORY: Code = Code("E0403");
    pub const DEADLINE: Code = Code("E0404");
    pub const DEPTH: Code = Code("E0405");
    pub const SIZE: Code = Code("E0406");
    pub const IMPORTS: Code = Code("E0407");
    pub const OUTPUT: Code = Code("E0408");

    /// All but those of [`Kind`]s.
    #[cfg(test)]
    pub const OWN: [Code; 29] = [
        Code::SYNTAX,
        Code::ENDS_EARLY,
        Code::UNKNOWN_VARIABLE,
        Code::RESERVED,
        Code::EVAL,
        Code::COMPUTED_IMPORT,
        Code::LARGE_INTEGER,
        Code::SAME_KEY,
        Code::NOT_CALLED,
        Code::TAKEN,
        Code::INTERPRETER,
        Code::UNKNOWN_FUNCTION,
        Code::ARGUMENTS,
        Code::NO_PROPERTY,
        Code::INDEX,
        Code::ARITHMETIC,
        Code::WRONG_TYPE,
        Code::NOT_IN_MODULE,
        Code::CONSTANT,
        Code::UNUSED,
        Code::THROWN,
        Code::INTERRUPTED,
        Code::OPERATIONS,
        Code::MEMORY,
        Code::DEADLINE,
        Code::DEPTH,
        Code::SIZE,
        Code::IMPORTS,
        Code::OUTPUT,
    ];

    /// The text is no script, or not yet.
    pub fn is_of_parsing(self) -> bool {
        self.0.starts_with("E01")
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Of a refusal that came through Rhai's parser, which keeps one text of it for us.
    pub fn of_refusal(symbol: &str) -> Code {
        let refusals = [Code::RESERVED, Code::EVAL, Code::COMPUTED_IMPORT, Code::LARGE_INTEGER, Code::TAKEN];
        refusals.into_iter().find(|code| code.0 == symbol).unwrap_or(Code::SYNTAX)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<Kind> for Code {
    fn from(kind: Kind) -> Code {
        Code::of(kind)
    }
}

impl Code {
    pub const fn of(kind: Kind) -> Code {
        Code(match kind {
            Kind::Name => "E0301",
            Kind::Spec => "E0302",
            Kind::NoSuchJail => "E0303",
            Kind::NameTaken => "E0304",
            Kind::PortTaken => "E0305",
            Kind::Running => "E0306",
            Kind::NotRunning => "E0307",
            Kind::Busy => "E0308",
            Kind::Supervised => "E0309",
            Kind::Locked => "E0310",
            Kind::Path => "E0311",
            Kind::Archive => "E0312",
            Kind::NotFound => "E0313",
            Kind::NotExecutable => "E0314",
            Kind::Status => "E0315",
            Kind::TimedOut => "E0316",
            Kind::NotEnforceable => "E0317",
            Kind::Value => "E0318",
            Kind::Unavailable => "E0319",
            Kind::NotPermitted => "E0320",
            Kind::Simulated => "E0321",
            Kind::Http => "E0322",
            Kind::Module => "E0323",
            Kind::Secret => "E0324",
            Kind::Unknown => "E0325",
            Kind::Skipped => "E0326",
            Kind::System => "E0327",
            Kind::NoDouble => "E0328",
            Kind::Script => "E0329",
            Kind::Assertion => "E0330",
        })
    }
}
