//! The lines above and below.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::text::Span;

use super::{Look, line};
use crate::kernel::Processes;
use crate::live::columns::percent;
use crate::live::sample::Memory;
use crate::live::view::{Mode, View};
use crate::telemetry::{printable, short};

pub fn head(frame: &mut Frame, area: Rect, view: &View, look: Look) {
    let Some(sample) = view.sample() else {
        line(frame, area, 0, vec![Span::styled("looking", look.dim())]);
        return;
    };
    let jails = sample.jails.len();
    let processes: u64 = sample.jails.iter().map(|jail| jail.processes).sum();
    let bytes: u64 = sample.jails.iter().map(|jail| jail.memory.bytes()).sum();
    let counted = if sample.jails.iter().all(|jail| matches!(jail.memory, Memory::Charged { .. })) { "" } else { " virtual" };
    let denials =
        sample.jails.iter().filter_map(|jail| jail.denials).fold(None, |sum: Option<u64>, of| Some(sum.unwrap_or(0) + of));
    let mut totals = vec![
        Span::styled(format!("{jails} jail{}", if jails == 1 { "" } else { "s" }), look.bold()),
        Span::raw(format!(", {}, {}% CPU, {}{counted}", Processes(processes as usize), percent(view.cpu()), short(bytes))),
    ];
    totals.extend(denials.map(|denials| Span::raw(format!(", {denials} denial{}", if denials == 1 { "" } else { "s" }))));
    line(frame, area, 0, totals);
    let mut state = vec![Span::raw(format!("{} on {}, every {:?}", view.head.body, view.head.kernel, view.delay))];
    if view.paused {
        state.push(Span::styled(" paused", look.coloured(Color::Yellow).patch(look.bold())));
    }
    if let Some(why) = &view.trouble {
        state.push(Span::styled(format!(" {}", printable(why)), look.coloured(Color::Red)));
    }
    line(frame, area, 1, state);
}

const KEYS: [(&str, &str); 5] = [("q", "leave"), ("?", "help"), ("Enter", "look into"), ("/", "filter"), ("space", "pause")];
const JAIL_KEYS: [(&str, &str); 3] = [("Esc", "back"), ("j k", "scroll"), ("space", "pause")];

pub fn foot(frame: &mut Frame, area: Rect, view: &View, look: Look) {
    let keys = |keys: &[(&'static str, &'static str)]| {
        keys.iter().flat_map(|(key, does)| [Span::styled(*key, look.bold()), Span::raw(format!(" {does}  "))]).collect::<Vec<_>>()
    };
    let spans = match &view.mode {
        Mode::Filter => {
            let cursor = Span::styled(" ", look.selected());
            vec![
                Span::styled("filter: ", look.bold()),
                Span::raw(view.filter.clone()),
                cursor,
                Span::raw("  Enter keeps, Esc drops it"),
            ]
        }
        Mode::Help => vec![Span::raw("any key goes back")],
        Mode::Jail { .. } => keys(&JAIL_KEYS),
        Mode::List => {
            let direction = if view.reversed { ", reversed" } else { "" };
            let mut spans = vec![Span::styled(format!("by {}{direction}", view.order.name()), look.bold()), Span::raw("  ")];
            if !view.filter.is_empty() {
                spans.push(Span::styled(format!("only {:?}  ", view.filter), look.coloured(Color::Yellow)));
            }
            spans.extend(keys(&KEYS));
            spans
        }
    };
    line(frame, area, 0, spans);
}
