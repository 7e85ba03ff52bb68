//! Colours, where they are wanted.

use crate::telemetry::Cell;

/// Paints if it holds true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(pub bool);

pub const RED: &str = "31";
pub const GREEN: &str = "32";
pub const YELLOW: &str = "33";
pub const CYAN: &str = "36";
pub const DIM: &str = "2";
pub const BOLD: &str = "1";

impl Paint {
    /// `sgr`: parameters of ECMA-48's SGR.
    pub fn with(self, sgr: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn dim(self, text: &str) -> String {
        self.with(DIM, text)
    }

    pub fn cell(self, cell: &Cell) -> String {
        match cell.colour {
            Some(colour) => self.with(colour, &cell.text),
            None => cell.text.clone(),
        }
    }
}
