//! Keys that mean more to us than to rustyline: what begins a row below begins under the line's first letter, and
//! one step further in for each row that left brackets open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustyline::{
    Cmd, ConditionalEventHandler, Event, EventContext, EventHandler, KeyCode, KeyEvent, Modifiers, Movement, RepeatCount,
};

use super::validate::{State, state};

/// Spaces for each row with open brackets.
const STEP: usize = 4;

/// Columns that the prompt takes now; rows below begin there.
pub type Margin = Arc<AtomicUsize>;

pub fn bindings(margin: &Margin) -> Vec<(Event, EventHandler)> {
    let handler = |handler: Key| EventHandler::Conditional(Box::new(handler));
    let mut all = vec![
        (KeyEvent::new('\r', Modifiers::NONE), handler(Key::Enter { always: false, margin: margin.clone() })),
        (KeyEvent(KeyCode::Enter, Modifiers::NONE), handler(Key::Enter { always: false, margin: margin.clone() })),
        (KeyEvent(KeyCode::Enter, Modifiers::ALT), handler(Key::Enter { always: true, margin: margin.clone() })),
    ];
    for backspace in [KeyEvent(KeyCode::Backspace, Modifiers::NONE), KeyEvent::new('\x08', Modifiers::NONE)] {
        all.push((backspace, handler(Key::Backspace { margin: margin.clone() })));
    }
    all.into_iter().map(|(key, handler)| (Event::from(key), handler)).collect()
}

enum Key {
    /// `always`: a row below even if the line is whole.
    Enter { always: bool, margin: Margin },
    /// One step out, where nothing else is on the row.
    Backspace { margin: Margin },
}

impl ConditionalEventHandler for Key {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        match self {
            Key::Enter { always, margin } => {
                let row = below(context.line(), context.pos(), *always, margin.load(Ordering::Relaxed))?;
                Some(Cmd::Insert(1, row))
            }
            Key::Backspace { margin } => {
                let back = outward(context.line(), context.pos(), margin.load(Ordering::Relaxed))?;
                Some(Cmd::Kill(Movement::BackwardChar(back)))
            }
        }
    }
}

/// The break of the line with what the row below begins with; `None`: the line is done.
fn below(line: &str, at: usize, always: bool, margin: usize) -> Option<String> {
    let before = line.get(..at)?;
    match (state(line), state(before)) {
        (State::Whole, _) if !always => None,
        // Nothing is added to a text: white space counts there.
        (_, State::Open { in_text: true, .. }) => Some("\n".into()),
        (_, State::Open { depth, .. }) => Some(format!("\n{}", " ".repeat(margin + STEP * depth))),
        (_, State::Whole) => Some(format!("\n{}", " ".repeat(margin))),
    }
}

/// Spaces to take away at once.
fn outward(line: &str, at: usize, margin: usize) -> Option<u16> {
    let before = line.get(..at)?;
    let (above, row) = before.rsplit_once('\n')?;
    let is_text = matches!(state(above), State::Open { in_text: true, .. });
    (!is_text && row.len() >= margin + STEP && row.bytes().all(|b| b == b' ')).then_some(STEP as u16)
}

/// A line as it would stand without its prompt: rows below lose the margin, unless they begin inside of a text.
pub fn dedented(line: &str, margin: usize) -> String {
    let mut rows = line.split('\n');
    let mut whole = rows.next().unwrap_or_default().to_owned();
    for row in rows {
        let in_text = matches!(state(&whole), State::Open { in_text: true, .. });
        let spaces = row.len() - row.trim_start_matches(' ').len();
        whole.push('\n');
        whole += if in_text { row } else { &row[spaces.min(margin)..] };
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_below_begins_under_the_first_letter_and_further_in_for_open_brackets() {
        let whole = |line: &str| below(line, line.len(), false, 5);
        assert_eq!(whole("f(#{"), Some(format!("\n{}", " ".repeat(9))));
        assert_eq!(whole("1 +").as_deref(), Some("\n     "));
        assert_eq!(whole("apply(`a").as_deref(), Some("\n"));
        assert_eq!(whole("1"), None);
        assert_eq!(below("1", 1, true, 5).as_deref(), Some("\n     "));
        assert_eq!(below("f(1)", 2, true, 0).as_deref(), Some("\n    "));
    }

    #[test]
    fn backspace_goes_one_step_out_where_nothing_else_is_on_the_row() {
        assert_eq!(outward("f(\n         ", 12, 5), Some(4));
        assert_eq!(outward("f(\n     ", 8, 5), None);
        assert_eq!(outward("f(\n         a", 13, 5), None);
        assert_eq!(outward("f(`\n         ", 13, 5), None);
    }

    #[test]
    fn the_margin_is_no_part_of_the_line_but_a_text_keeps_its_own() {
        assert_eq!(dedented("f(\n         1\n     )", 5), "f(\n    1\n)");
        assert_eq!(dedented("f(`a\n     b`,\n     2)", 5), "f(`a\n     b`,\n2)");
        assert_eq!(dedented("a\n  b", 5), "a\nb");
    }
}
