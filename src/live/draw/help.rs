//! What the keys do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{Look, line};

const KEYS: [(&str, &str); 16] = [
    ("c m n p r d", "order by CPU, memory, name, processes, restarts, denials"),
    ("", "(the same key again turns it round)"),
    ("R", "turn the order round"),
    ("/", "show only jails with this in name or state"),
    ("Esc", "show all again"),
    ("arrows j k", "go up and down"),
    ("PgUp PgDn", "a screen at a time"),
    ("g G", "to the first, to the last"),
    ("Enter", "processes, denials and log of one jail"),
    ("space", "hold on, go on"),
    ("+ -", "look less often, more often"),
    ("Ctrl-L", "draw all of the screen anew"),
    ("q Ctrl-C", "leave"),
    ("", ""),
    ("CPU%", "is that of one processor since the last look, MINUTE its last minute"),
    ("OF LIMIT", "is charged memory against the group's limit"),
];

pub fn draw(frame: &mut Frame, area: Rect, look: Look) {
    for (at, (key, does)) in KEYS.into_iter().enumerate() {
        line(frame, area, at, vec![Span::styled(format!("{key:<12}"), look.bold()), Span::raw(does)]);
    }
}
