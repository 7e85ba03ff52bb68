//! What stands before a line. Pure.

use crate::kernel::JailName;

/// The prompt, plain and painted: both are of the same width.
pub struct Prompt {
    plain: String,
    painted: String,
}

impl Prompt {
    pub fn new(used: Option<&JailName>, colour: bool) -> Prompt {
        let (name, paint) = match used {
            Some(jail) => (jail.to_string(), "\x1b[1;36m"),
            None => ("jailsh".to_owned(), "\x1b[1m"),
        };
        let plain = format!("{name}> ");
        let painted = if colour { format!("{paint}{name}>\x1b[0m ") } else { plain.clone() };
        Prompt { plain, painted }
    }
}

impl rustyline::Prompt for Prompt {
    fn raw(&self) -> &str {
        &self.plain
    }

    fn styled(&self) -> &str {
        &self.painted
    }
}
