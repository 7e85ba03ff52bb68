//! One picture of the page: a measured thing over time, as SVG.

use std::fmt::Write;

use super::{Measured, Series, Span};
use crate::telemetry::short;

/// Size of a picture, and of the part that is drawn on, in its own units.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 20.0;
/// Half the width of a time below the axis.
const HALF_CLOCK: f64 = 24.0;

/// Parts that the past is cut into.
pub const PARTS: usize = 240;

/// Of times of the day that are round, seconds: the axis shows those that leave it readable.
const ROUND: [u64; 10] = [10, 60, 300, 600, 1800, 3600, 7200, 10_800, 14_400, 21_600];

/// `limit`: drawn as a line if it is not far above all values.
pub fn chart(measured: Measured, series: &Series, span: Span, limit: Option<f64>) -> String {
    let parts = series.parts(span, PARTS);
    let most = parts.iter().flatten().fold(measured.floor(), |most, value| most.max(*value));
    let limit = limit.filter(|limit| *limit <= most * 4.0);
    let top = ceiling(measured, limit.map_or(most, |limit| most.max(limit)));
    let (inner_width, inner_height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let y = |value: f64| TOP + inner_height * (1.0 - (value / top).clamp(0.0, 1.0));
    let x = |part: f64| LEFT + inner_width * part / PARTS as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{name} over time\" data-from=\"{from}\" data-to=\"{to}\" \
         data-unit=\"{name}\" data-left=\"{LEFT}\" data-right=\"{RIGHT}\" data-values=\"{values}\">",
        name = measured.name(),
        from = span.from,
        to = span.to,
        values = parts.iter().map(|part| part.map_or(String::new(), |value| measured.show(value))).collect::<Vec<_>>().join(","),
    );
    for share in [0.0, 0.5, 1.0] {
        let (at, label) = (y(top * share), axis(measured, top * share));
        let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{end:.1}\"/>", end = WIDTH - RIGHT);
        let _ = write!(svg, "<text class=\"y\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>", x = LEFT - 6.0, y = at + 3.5);
    }
    let seconds = span.to.saturating_sub(span.from).max(1);
    let step = ROUND.into_iter().find(|step| seconds / step <= 6).unwrap_or(86_400);
    for at in (span.from.next_multiple_of(step)..=span.to).step_by(step as usize) {
        let place = x((at - span.from) as f64 / seconds as f64 * PARTS as f64);
        if place > WIDTH - HALF_CLOCK {
            break;
        }
        let clock = if step < 60 { clock(at, true) } else { clock(at, false) };
        let _ = write!(svg, "<text class=\"x\" x=\"{place:.1}\" y=\"{y:.1}\">{clock}</text>", y = HEIGHT - 5.0);
    }
    for (first, run) in runs(&parts) {
        let mut line = String::new();
        for (at, value) in run.iter().enumerate() {
            // A part is as wide as it lasted: what was seen once is not a point without width.
            let (from, until) = (x((first + at) as f64), x((first + at + 1) as f64));
            let height = y(*value);
            let _ = write!(line, "{}{from:.1} {height:.1}H{until:.1}", if at == 0 { "M" } else { "L" });
        }
        let (from, until, ground) = (x(first as f64), x((first + run.len()) as f64), y(0.0));
        let _ = write!(svg, "<path class=\"area\" d=\"{line}L{until:.1} {ground:.1}L{from:.1} {ground:.1}Z\"/>");
        let _ = write!(svg, "<path class=\"line\" d=\"{line}\"/>");
    }
    if let Some(limit) = limit {
        let at = y(limit);
        let _ = write!(svg, "<path class=\"limit\" d=\"M{LEFT} {at:.1}H{end:.1}\"/>", end = WIDTH - RIGHT);
        let _ = write!(
            svg,
            "<text class=\"limit\" x=\"{x:.1}\" y=\"{y:.1}\">limit {label}</text>",
            x = WIDTH - RIGHT - 4.0,
            y = at + 11.0,
            label = measured.show(limit)
        );
    }
    svg + "<path class=\"cursor\" d=\"\"/></svg>"
}

/// Values that follow each other without a gap, each with the part it begins at.
fn runs(parts: &[Option<f64>]) -> Vec<(usize, Vec<f64>)> {
    let mut runs: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut is_open = false;
    for (at, part) in parts.iter().enumerate() {
        match (part, runs.last_mut().filter(|_| is_open)) {
            (Some(value), Some((_, run))) => run.push(*value),
            (Some(value), None) => runs.push((at, vec![*value])),
            (None, _) => {}
        }
        is_open = part.is_some();
    }
    runs
}

/// The round number at the top of the axis: 1, 2 or 5 times a power, of two for bytes, with a half that is round too.
fn ceiling(measured: Measured, most: f64) -> f64 {
    if measured == Measured::Memory {
        let mut top = f64::from(1 << 20);
        while top < most {
            top *= 2.0;
        }
        return top;
    }
    let mut power = 1.0;
    loop {
        for step in [1.0, 2.0, 4.0, 6.0, 8.0] {
            if step * power >= most {
                return step * power;
            }
        }
        power *= 10.0;
    }
}

fn axis(measured: Measured, value: f64) -> String {
    match measured {
        Measured::Memory => short(value as u64),
        Measured::Cpu => format!("{value}%"),
        Measured::Processes | Measured::Denials => format!("{value}"),
    }
}

/// Of the day, UTC.
fn clock(at: u64, seconds: bool) -> String {
    let text = format!("{:02}:{:02}", at / 3600 % 24, at / 60 % 60);
    if seconds { format!("{text}:{:02}", at % 60) } else { text }
}
