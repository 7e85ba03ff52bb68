//! The screen, from what is to be shown. Draws no more jails than fit.

mod help;
mod jail;
mod list;
mod strip;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::view::{Mode, View};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub colour: bool,
    /// Characters beyond ASCII.
    pub blocks: bool,
}

impl Look {
    fn plain(self) -> Style {
        Style::new()
    }

    fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn coloured(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// As listings have them.
    fn state(self, state: &str) -> Style {
        match state {
            "running" | "up" => self.coloured(Color::Green),
            "failed" | "orphaned" | "degraded" => self.coloured(Color::Red),
            "stopped" | "down" => self.plain(),
            _ => self.coloured(Color::Yellow),
        }
    }
}

/// Lines of a screen of this height: above, the headings and what they stand over, below.
struct Areas {
    head: Rect,
    body: Rect,
    foot: Rect,
}

fn areas(whole: Rect) -> Areas {
    let head = match whole.height {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    let foot = u16::from(whole.height > 4);
    let part = |y: u16, height: u16| Rect { y: whole.y + y, height, ..whole };
    let body = whole.height - head - foot;
    Areas { head: part(0, head), body: part(head, body), foot: part(head + body, foot) }
}

/// Draws all of it. The view is told what fits.
pub fn draw(frame: &mut Frame, view: &mut View, look: Look) {
    let areas = areas(frame.area());
    strip::head(frame, areas.head, view, look);
    match view.mode.clone() {
        Mode::Jail { name, .. } => jail::draw(frame, areas.body, view, &name, look),
        Mode::Help => help::draw(frame, areas.body, look),
        Mode::List | Mode::Filter => list::draw(frame, areas.body, view, look),
    }
    strip::foot(frame, areas.foot, view, look);
}

/// One line at this height of the area; what does not fit is cut off.
fn line<'a>(frame: &mut Frame, area: Rect, at: usize, spans: impl Into<Vec<Span<'a>>>) {
    if let Ok(at) = u16::try_from(at)
        && at < area.height
    {
        frame.render_widget(Line::from(spans.into()), Rect { y: area.y + at, height: 1, ..area });
    }
}

#[cfg(test)]
mod tests;
