//! How values print: tables, trees, diffs, sizes and durations in units. What a jail chose itself never reaches the terminal as it
//! is. Pure, but for [`page`], which runs a pager, and for a jail's handle, whose state is asked for.

mod literal;
mod native;
mod page;
mod paint;
mod rows;
#[cfg(test)]
mod tests;
mod text;
mod verb;

use std::os::fd::AsFd;

use rhai::Dynamic;

pub use page::{Pager, deliver};
use paint::Paint;

use crate::jail::terminal_size;
use crate::script::{Fault, seen};
use crate::telemetry::printable_json;

/// In which form values print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As suits each.
    #[default]
    Auto,
    /// What `to_json()` and `--json` give.
    Json,
    /// Rows and columns, wherever they can be made.
    Table,
}

/// What they print on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub width: usize,
    pub lines: usize,
    /// It takes SGR sequences (ECMA-48).
    pub colour: bool,
}

/// Of a terminal that does not tell.
const USUAL: (usize, usize) = (24, 80);
/// Narrower ones are written on as if they were so wide.
const NARROWEST: usize = 20;

impl Screen {
    /// The one on standard output, as large as it is now.
    pub fn of_terminal(colour: bool) -> Screen {
        let (lines, width) = terminal_size(std::io::stdout().as_fd()).unwrap_or(USUAL);
        Screen { width: width.max(NARROWEST), lines, colour }
    }
}

/// A value as text, its last line ended; empty for nothing.
///
/// # Errors
/// In [`Form::Json`] a value that has no JSON: a secret, a function, a result that is not known.
pub fn show(value: &Dynamic, form: Form, screen: Screen) -> Result<String, Fault> {
    // What a closure captured is shared; it prints as what it is.
    let value = &value.flatten_clone();
    if value.is_unit() {
        return Ok(String::new());
    }
    let paint = Paint(screen.colour);
    Ok(match (form, seen::seen(value)) {
        (Form::Json, _) => json(value)?,
        (Form::Auto, Some(seen)) => verb::show(&seen, screen.width, paint),
        (Form::Table, Some(seen)) => verb::table(&seen, screen.width, paint),
        (Form::Auto, None) => native::show(value, screen.width, paint),
        (Form::Table, None) => rows::show(value, screen.width, paint),
    })
}

fn json(value: &Dynamic) -> Result<String, Fault> {
    let tree = seen::json(value)?;
    Ok(printable_json(serde_json::to_string_pretty(&tree).unwrap_or_default()) + "\n")
}
