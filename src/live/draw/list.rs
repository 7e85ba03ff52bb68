//! The table of jails.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::Span;

use super::{Look, line};
use crate::live::columns::{Column, fitting};
use crate::live::order::Order;
use crate::live::sample::{Jail, Memory};
use crate::live::track::Track;
use crate::live::view::View;

pub fn draw(frame: &mut Frame, area: Rect, view: &mut View, look: Look) {
    view.fit(usize::from(area.height.saturating_sub(1)));
    let Some(sample) = view.sample() else { return };
    let longest = sample.jails.iter().map(|jail| jail.name.as_str().len()).max().unwrap_or(0);
    let charged = sample.jails.iter().any(|jail| matches!(jail.memory, Memory::Charged { .. }));
    let columns = fitting(area.width, longest);
    line(frame, area, 0, heading(&columns, charged, view, look));
    if view.is_empty() {
        let why = if sample.jails.is_empty() { "no jails" } else { "no jail is called so, and none is in such a state" };
        line(frame, area, 1, vec![Span::styled(why, look.dim())]);
    }
    for (row, (jail, track, selected)) in view.seen().enumerate() {
        line(frame, area, row + 1, cells(&columns, jail, track, sample.now, selected, look));
    }
}

fn heading(columns: &[(Column, u16)], charged: bool, view: &View, look: Look) -> Vec<Span<'static>> {
    let ordered = |column| {
        let order = match column {
            Column::Name => Order::Name,
            Column::Cpu => Order::Cpu,
            Column::Memory => Order::Memory,
            Column::Processes => Order::Processes,
            Column::Restarts => Order::Restarts,
            Column::Denials => Order::Denials,
            _ => return false,
        };
        order == view.order
    };
    let style = |column| if ordered(column) { look.selected().patch(look.bold()) } else { look.bold() };
    let cell = |(column, width): &(Column, u16)| (padded(*column, column.heading(charged), *width), style(*column));
    joined(columns.iter().map(cell), look.plain())
}

fn cells(columns: &[(Column, u16)], jail: &Jail, track: &Track, now: u64, selected: bool, look: Look) -> Vec<Span<'static>> {
    let row = if selected { look.selected() } else { look.plain() };
    let cell = |(column, width): &(Column, u16)| {
        let count = usize::from(*width);
        let (text, style) = match column {
            Column::Minute => (minute(&track.parts(count), look), look.coloured(Color::Cyan)),
            Column::Limit if jail.memory.part().is_some() => {
                let part = jail.memory.part().unwrap_or_default();
                (bar(part, count, look), full(part, look))
            }
            Column::State => (padded(*column, &jail.state, *width), look.state(&jail.state)),
            Column::Rate if track.denial_rate > 0.0 => {
                (padded(*column, &column.cell(jail, track, now), *width), look.coloured(Color::Red))
            }
            Column::Health if jail.health.is_some_and(|health| health.ill || health.ready < health.services) => {
                (padded(*column, &column.cell(jail, track, now), *width), look.coloured(Color::Yellow))
            }
            _ => (padded(*column, &column.cell(jail, track, now), *width), look.plain()),
        };
        (text, style.patch(row))
    };
    joined(columns.iter().map(cell), row)
}

fn joined(cells: impl Iterator<Item = (String, Style)>, between: Style) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (text, style) in cells {
        if !spans.is_empty() {
            spans.push(Span::styled(" ", between));
        }
        spans.push(Span::styled(text, style));
    }
    spans
}

/// A text of this width; names and states are ASCII.
fn padded(column: Column, text: &str, width: u16) -> String {
    let width = usize::from(width);
    // A number that is too wide is not cut: a wrong number is worse than a crooked table.
    match column.is_number() {
        true => format!("{text:>width$}"),
        false if text.len() > width && width > 1 => format!("{text:.0$}~", width - 1),
        false => format!("{text:<width$.width$}"),
    }
}

/// Percent of a processor over the last minute, against one processor, or the most there was.
fn minute(parts: &[Option<f64>], look: Look) -> String {
    let heights: &[char] = if look.blocks {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &['_', '.', '-', '=', '+', '*', '#']
    };
    let most = parts.iter().flatten().fold(100.0_f64, |most, part| most.max(*part));
    let sign = |part: &Option<f64>| match part {
        None => ' ',
        Some(part) => heights[((part / most * heights.len() as f64).ceil() as usize).clamp(1, heights.len()) - 1],
    };
    parts.iter().map(sign).collect()
}

fn bar(part: f64, width: usize, look: Look) -> String {
    let full = ((part * width as f64).round() as usize).min(width);
    let (on, off) = if look.blocks { ('█', '░') } else { ('#', '.') };
    std::iter::repeat_n(on, full).chain(std::iter::repeat_n(off, width - full)).collect()
}

/// The fuller the worse.
fn full(part: f64, look: Look) -> Style {
    look.coloured(match part {
        0.9.. => Color::Red,
        0.7.. => Color::Yellow,
        _ => Color::Green,
    })
}
