//! What stands before a line, and before the rows below it. Pure.

use unicode_width::UnicodeWidthStr;

use crate::kernel::JailName;

/// Before the rows below; its end where there is less room.
const BELOW: &str = "...> ";

/// Widest prompt that rows below are indented by.
const WIDEST: usize = 24;

/// The prompt, plain and painted: both are of the same width.
pub struct Prompt {
    plain: String,
    painted: String,
}

impl Prompt {
    /// `used`: the jail that verbs apply to.
    pub fn new(used: Option<&JailName>, colour: bool) -> Prompt {
        let (name, paint) = match used {
            Some(jail) => (jail.as_str(), "\x1b[1;36m"),
            None => ("jailsh", "\x1b[1m"),
        };
        let plain = format!("{name}> ");
        let painted = if colour { format!("{paint}{name}>\x1b[0m ") } else { plain.clone() };
        Prompt { plain, painted }
    }

    pub fn plain(&self) -> &str {
        &self.plain
    }

    pub fn width(&self) -> usize {
        self.plain.width()
    }

    /// Columns that the rows below leave free; none where the name of a jail would take the room of what is typed.
    pub fn margin(&self) -> usize {
        if self.width() > WIDEST { 0 } else { self.width() }
    }

    pub fn below(&self) -> String {
        below(self.width())
    }
}

/// What stands before the rows below a prompt of this width.
pub fn below(width: usize) -> String {
    let end = &BELOW[BELOW.len().saturating_sub(width)..];
    format!("{end:>width$}")
}

impl rustyline::Prompt for Prompt {
    fn raw(&self) -> &str {
        &self.plain
    }

    fn styled(&self) -> &str {
        &self.painted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_prompts_take_the_same_columns() {
        for name in ["a", "web", "a-jail-with-a-long-name"] {
            let prompt = Prompt::new(Some(&name.parse().unwrap()), true);
            assert_eq!(prompt.below().width(), prompt.width(), "{name}");
        }
        assert_eq!(Prompt::new(None, false).below(), "   ...> ");
        assert_eq!(below(3), ".> ");
        let widths = |name: &str| Prompt::new(Some(&name.parse().unwrap()), true).margin();
        assert_eq!([widths("web"), widths(&"a".repeat(63))], [5, 0]);
    }
}
