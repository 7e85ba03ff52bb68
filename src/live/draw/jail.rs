//! One jail: its processes, what it was denied, what it wrote.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::Span;

use super::{Look, line};
use crate::kernel::JailName;
use crate::live::columns::percent;
use crate::live::view::{Mode, View};
use crate::telemetry::{ago, printable, short};

/// Denials that are shown before the log.
const DENIALS: usize = 8;

pub fn draw(frame: &mut Frame, area: Rect, view: &mut View, name: &JailName, look: Look) {
    let lines = lines(view, name, look);
    view.fit_lines(lines.len(), usize::from(area.height));
    let Mode::Jail { from, .. } = &view.mode else { return };
    for (at, (text, style)) in lines.into_iter().skip(*from).take(usize::from(area.height)).enumerate() {
        line(frame, area, at, vec![Span::styled(text, style)]);
    }
}

fn lines(view: &View, name: &JailName, look: Look) -> Vec<(String, Style)> {
    let mut lines = Vec::new();
    let now = view.sample().map_or(0, |sample| sample.now);
    match view.jail(name) {
        Some((jail, track)) => {
            let since = jail.since.map_or(String::new(), |since| format!(" for {}", ago(now.saturating_sub(since))));
            let restarts =
                jail.restarts.map_or(String::new(), |count| format!(", {count} restart{}", if count == 1 { "" } else { "s" }));
            let memory = short(jail.memory.bytes());
            lines.push((format!("{name}, jid {}, {}{since}", jail.jid, jail.state), look.state(&jail.state).patch(look.bold())));
            lines.push((format!("{}% CPU, {memory}{restarts}", percent(track.cpu())), look.plain()));
        }
        None => lines.push((format!("{name} is not in the kernel any more"), look.coloured(Color::Red))),
    }
    let Some(detail) = view.detail(name) else { return lines };
    lines.extend(detail.last_exit.iter().map(|exit| (format!("last exit: {}", printable(exit)), look.plain())));
    let mut part = |title: &str, content: Vec<String>, none: &str, style: Style| {
        lines.push((String::new(), look.plain()));
        lines.push((title.to_owned(), look.bold()));
        if content.is_empty() {
            lines.push((none.to_owned(), look.dim()));
        }
        lines.extend(content.into_iter().map(|text| (text, style)));
    };
    let tree = detail.processes.to_string().lines().map(str::to_owned).collect();
    part("PROCESSES", tree, "none", look.plain());
    match &detail.denials {
        Ok(denials) => {
            let from = denials.len().saturating_sub(DENIALS);
            part("DENIALS", denials[from..].to_vec(), "none that the kernel still tells of", look.coloured(Color::Red));
        }
        Err(why) => part("DENIALS", Vec::new(), why, look.plain()),
    }
    // The newest first, for it is what one looks for.
    part("LOG, newest first", detail.log.iter().rev().cloned().collect(), "nothing", look.plain());
    lines
}
