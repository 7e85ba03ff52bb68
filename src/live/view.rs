//! What is shown: a value that only keys and samples change.

use std::collections::HashMap;
use std::time::Duration;

use super::key::Key;
use super::order::Order;
use super::sample::{Detail, Head, Jail, Sample};
use super::track::Track;
use crate::kernel::{JailName, Jid};

/// What may lie between two samples, in milliseconds.
const DELAYS: [u64; 8] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
type Delays = std::iter::Map<std::array::IntoIter<u64, 8>, fn(u64) -> Duration>;

/// More than any name or state has.
const MAX_FILTER: usize = 64;

/// What the keys go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    List,
    /// A filter is typed.
    Filter,
    Help,
    /// One jail, from this line on.
    Jail {
        name: JailName,
        from: usize,
    },
}

/// What a key asks of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    None,
    /// A new sample, at once.
    Look,
    Redraw,
    Quit,
}

#[derive(Debug, Clone)]
pub struct View {
    pub head: Head,
    pub order: Order,
    pub reversed: bool,
    /// In lower case; shown are the jails whose name or state has it.
    pub filter: String,
    pub mode: Mode,
    pub paused: bool,
    pub delay: Duration,
    /// Why the last look failed.
    pub trouble: Option<String>,
    sample: Option<Sample>,
    tracks: HashMap<Jid, Track>,
    /// Of the sample's jails, those that are shown, in order.
    shown: Vec<usize>,
    selected: Option<JailName>,
    /// Where the selected row is, and was when its jail went away.
    row: usize,
    top: usize,
    height: usize,
    /// Lines of the jail that is looked at, and lines for them, as last drawn.
    lines: (usize, usize),
}

impl View {
    pub fn new(head: Head, order: Order, delay: Duration) -> View {
        View {
            head,
            order,
            reversed: false,
            filter: String::new(),
            mode: Mode::List,
            paused: false,
            delay,
            trouble: None,
            sample: None,
            tracks: HashMap::new(),
            shown: Vec::new(),
            selected: None,
            row: 0,
            top: 0,
            height: 1,
            lines: (0, 1),
        }
    }

    /// The jail that more is wanted of.
    pub fn wanted(&self) -> Option<&JailName> {
        match &self.mode {
            Mode::Jail { name, .. } => Some(name),
            _ => None,
        }
    }

    pub fn sample(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }

    /// How many are shown.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The jails that fit: with each, its track, and whether it is selected.
    pub fn seen(&self) -> impl Iterator<Item = (&Jail, &Track, bool)> {
        let jails = self.sample.as_ref().map_or(&[][..], |sample| &sample.jails);
        let rows = self.shown.iter().enumerate().skip(self.top).take(self.height);
        rows.filter_map(move |(row, at)| Some((&jails[*at], self.tracks.get(&jails[*at].jid)?, row == self.row)))
    }

    /// The first row that is drawn, from 0.
    pub fn top(&self) -> usize {
        self.top
    }

    pub fn jail(&self, name: &JailName) -> Option<(&Jail, &Track)> {
        let jail = self.sample.as_ref()?.jails.iter().find(|jail| jail.name == *name)?;
        Some((jail, self.tracks.get(&jail.jid)?))
    }

    pub fn detail(&self, name: &JailName) -> Option<&Detail> {
        self.sample.as_ref()?.detail.as_ref().filter(|detail| detail.name == *name)
    }

    /// Percent of one processor that all jails use.
    pub fn cpu(&self) -> f64 {
        // Not `sum`: that of nothing is -0.
        self.tracks.values().map(Track::cpu).fold(0.0, |sum, cpu| sum + cpu)
    }

    pub fn take(&mut self, seen: Result<Sample, String>) {
        let sample = match seen {
            Ok(sample) => sample,
            Err(why) => {
                self.trouble = Some(why);
                return;
            }
        };
        self.trouble = None;
        for jail in &sample.jails {
            self.tracks
                .entry(jail.jid)
                .and_modify(|track| track.add(sample.at, jail))
                .or_insert_with(|| Track::new(sample.at, jail));
        }
        self.tracks.retain(|jid, _| sample.jails.iter().any(|jail| jail.jid == *jid));
        self.sample = Some(sample);
        self.arrange();
    }

    /// So many rows fit. Before each drawing.
    pub fn fit(&mut self, height: usize) {
        self.height = height.max(1);
        self.scroll();
    }

    /// The jail looked at has so many lines, and so many fit. Before each drawing.
    pub fn fit_lines(&mut self, lines: usize, height: usize) {
        self.lines = (lines, height.max(1));
        self.scroll_lines(0);
    }

    pub fn press(&mut self, key: Key) -> Effect {
        match (key, &self.mode) {
            (Key::Interrupt, _) => Effect::Quit,
            (Key::Redraw, _) => Effect::Redraw,
            (_, Mode::Filter) => self.type_filter(key),
            (_, Mode::Help) => {
                self.mode = Mode::List;
                Effect::None
            }
            (Key::Char('q'), Mode::List) => Effect::Quit,
            (Key::Char('q') | Key::Escape | Key::Enter | Key::Backspace, Mode::Jail { .. }) => {
                self.mode = Mode::List;
                Effect::None
            }
            (Key::Char('?' | 'h'), _) => {
                self.mode = Mode::Help;
                Effect::None
            }
            (Key::Char(' '), _) => {
                self.paused = !self.paused;
                if self.paused { Effect::None } else { Effect::Look }
            }
            (Key::Char('+' | '='), _) => self.change_delay(|mut delays, now| delays.find(|delay| *delay > now)),
            (Key::Char('-'), _) => self.change_delay(|delays, now| delays.rev().find(|delay| *delay < now)),
            (_, Mode::Jail { .. }) => self.press_in_jail(key),
            (_, Mode::List) => self.press_in_list(key),
        }
    }

    fn press_in_list(&mut self, key: Key) -> Effect {
        let last = self.shown.len().saturating_sub(1);
        match key {
            Key::Up | Key::Char('k') => self.select(self.row.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.select(self.row + 1),
            Key::PageUp => self.select(self.row.saturating_sub(self.height)),
            Key::PageDown => self.select(self.row + self.height),
            Key::Home | Key::Char('g') => self.select(0),
            Key::End | Key::Char('G') => self.select(last),
            Key::Char('/') => self.mode = Mode::Filter,
            Key::Escape => self.filter_by(String::new()),
            Key::Char('R' | 'i') => {
                self.reversed = !self.reversed;
                self.arrange();
            }
            Key::Enter => {
                let jails = self.sample.as_ref().map_or(&[][..], |sample| &sample.jails);
                if let Some(at) = self.shown.get(self.row) {
                    self.mode = Mode::Jail { name: jails[*at].name.clone(), from: 0 };
                    return Effect::Look;
                }
            }
            Key::Char(key) => {
                if let Some((_, _, order)) = Order::ALL.into_iter().find(|(known, _, _)| *known == key) {
                    self.reversed = self.order == order && !self.reversed;
                    self.order = order;
                    self.arrange();
                }
            }
            _ => {}
        }
        Effect::None
    }

    fn press_in_jail(&mut self, key: Key) -> Effect {
        let page = self.lines.1 as isize;
        match key {
            Key::Up | Key::Char('k') => self.scroll_lines(-1),
            Key::Down | Key::Char('j') => self.scroll_lines(1),
            Key::PageUp => self.scroll_lines(-page),
            Key::PageDown => self.scroll_lines(page),
            Key::Home | Key::Char('g') => self.scroll_lines(isize::MIN / 2),
            Key::End | Key::Char('G') => self.scroll_lines(isize::MAX / 2),
            _ => {}
        }
        Effect::None
    }

    fn type_filter(&mut self, key: Key) -> Effect {
        let mut filter = self.filter.clone();
        match key {
            Key::Enter => self.mode = Mode::List,
            Key::Escape => {
                self.mode = Mode::List;
                self.filter_by(String::new());
            }
            Key::Clear => self.filter_by(String::new()),
            Key::Backspace => {
                // The one that takes the last character away also leaves, as in a pager.
                if filter.pop().is_none() {
                    self.mode = Mode::List;
                }
                self.filter_by(filter);
            }
            Key::Char(c) if filter.len() < MAX_FILTER && !c.is_control() => {
                filter.extend(c.to_lowercase());
                self.filter_by(filter);
            }
            _ => {}
        }
        Effect::None
    }

    fn filter_by(&mut self, filter: String) {
        self.filter = filter;
        self.arrange();
    }

    fn change_delay(&mut self, next: fn(Delays, Duration) -> Option<Duration>) -> Effect {
        let delays: Delays = DELAYS.into_iter().map(Duration::from_millis);
        self.delay = next(delays, self.delay).unwrap_or(self.delay);
        Effect::None
    }

    fn select(&mut self, row: usize) {
        self.row = row.min(self.shown.len().saturating_sub(1));
        self.selected = self.shown.get(self.row).and_then(|at| Some(self.sample.as_ref()?.jails[*at].name.clone()));
        self.scroll();
    }

    /// Filters and orders. A jail that was selected stays so wherever it goes; without one, the row stays.
    fn arrange(&mut self) {
        let jails = self.sample.as_ref().map_or(&[][..], |sample| &sample.jails);
        let has = |jail: &Jail| {
            let name = jail.name.as_str().to_lowercase();
            name.contains(&self.filter) || jail.state.contains(&self.filter)
        };
        self.shown = (0..jails.len()).filter(|at| has(&jails[*at])).collect();
        let with_cpu = |at: usize| (&jails[at], self.tracks.get(&jails[at].jid).map_or(0.0, Track::cpu));
        let mut shown = std::mem::take(&mut self.shown);
        shown.sort_by(|a, b| self.order.compare(self.reversed, with_cpu(*a), with_cpu(*b)));
        let row = self.selected.as_ref().and_then(|name| shown.iter().position(|at| jails[*at].name == *name));
        self.shown = shown;
        self.row = row.unwrap_or(self.row).min(self.shown.len().saturating_sub(1));
        self.scroll();
    }

    fn scroll(&mut self) {
        let most = self.shown.len().saturating_sub(self.height);
        self.top = self.top.min(most).min(self.row).max((self.row + 1).saturating_sub(self.height));
    }

    fn scroll_lines(&mut self, by: isize) {
        let most = self.lines.0.saturating_sub(self.lines.1);
        if let Mode::Jail { from, .. } = &mut self.mode {
            *from = from.saturating_add_signed(by).min(most);
        }
    }
}

#[cfg(test)]
pub mod tests;
