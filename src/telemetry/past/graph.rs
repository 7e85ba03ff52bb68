//! For a terminal: a line for each measured thing, with the past as bars.

use std::fmt::Write;

use super::{Measured, Past, Span};
use crate::telemetry::ago;

/// Columns of the names and the numbers around the bars.
const NAMES: usize = 12;
const NUMBERS: usize = 25;
/// Fewer bars tell nothing; more are not seen at once.
const BARS: std::ops::RangeInclusive<usize> = 10..=120;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const SIGNS: [char; 7] = ['_', '.', '-', '=', '+', '*', '#'];

/// The jails, each with its past. `width`: of the terminal; `blocks`: it shows more than ASCII.
pub fn graph(jails: &[Past], span: Span, width: usize, blocks: bool) -> String {
    let count = width.saturating_sub(NAMES + NUMBERS).clamp(*BARS.start(), *BARS.end());
    let seconds = span.to.saturating_sub(span.from);
    let each = (seconds as f64 / count as f64).round().max(1.0) as u64;
    let mut text = format!("the last {}; a column is the most of {}\n", ago(seconds), ago(each));
    for jail in jails {
        let _ = write!(text, "\n{} (jid {})", jail.name, jail.jid);
        if jail.is_empty() {
            text += ": no supervisor has looked after it\n";
            continue;
        }
        text += "\n";
        for measured in Measured::ALL {
            let Some(series) = jail.series(measured) else {
                let _ = writeln!(text, "  {:<9} not counted here", measured.name());
                continue;
            };
            let bars = bars(&series.parts(span, count), measured.floor(), blocks);
            let (now, most) = (series.latest(), series.most());
            let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| measured.show(value));
            let numbers = format!("{:>7} now {:>7} most", shown(now), shown(most));
            let _ = writeln!(text, "  {:<9} {bars} {numbers}", measured.name());
        }
    }
    text
}

/// A bar for each part; nothing where nobody looked.
fn bars(parts: &[Option<f64>], floor: f64, blocks: bool) -> String {
    let heights: &[char] = if blocks { &BLOCKS } else { &SIGNS };
    let most = parts.iter().flatten().fold(floor, |most, part| most.max(*part));
    let bar = |part: &Option<f64>| match part {
        None => ' ',
        Some(part) => heights[((part / most * heights.len() as f64).ceil() as usize).clamp(1, heights.len()) - 1],
    };
    parts.iter().map(bar).collect()
}
