//! What stands behind the cursor while a line is typed.

use super::shell::Shell;

/// Shown, never typed for anybody.
pub struct Hint(String);

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

pub fn hint(_shell: &Shell, line: &str, at: usize) -> Option<Hint> {
    if at < line.len() || !line.starts_with(':') {
        return None;
    }
    let (command, argument) = super::command::parse(line)?.ok()?;
    argument.is_empty().then(|| Hint(format!(" {}", command.arguments)))
}
