//! The loop: keys, samples, drawing.

use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ratatui::crossterm::event::{self, Event};

use super::draw::{Look, draw};
use super::feed::Feed;
use super::key::Key;
use super::screen::Screen;
use super::view::{Effect, View};

/// Longest wait for a key: how late a signal that ends us is seen.
const PATIENCE: Duration = Duration::from_millis(250);
/// The same while a sample is under way: how late it is drawn.
const EAGER: Duration = Duration::from_millis(20);

/// Between keys that were typed together.
const INSTANT: Duration = Duration::from_millis(1);

/// Why the view ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By a key.
    Left,
    By(Signal),
}

#[derive(Debug, thiserror::Error)]
#[error("cannot draw on the terminal: {0}; use jailctl top -n 1")]
pub struct LiveError(#[from] io::Error);

/// Shows the view on the terminal until it is left, and gives the terminal back as it was.
pub fn run(view: &mut View, feed: &mut dyn Feed, look: Look) -> Result<Ended, LiveError> {
    let mut screen = Screen::enter()?;
    feed.ask(view.wanted().cloned());
    let mut asked = true;
    let mut next = Instant::now() + view.delay;
    let mut stale = true;
    loop {
        if let Some(signal) = screen.ended_by() {
            return Ok(Ended::By(signal));
        }
        if asked && let Some(seen) = feed.take() {
            view.take(seen);
            asked = false;
            stale = true;
        }
        if stale {
            screen.terminal.draw(|frame| draw(frame, view, look))?;
            stale = false;
        }
        if !asked && !view.paused && Instant::now() >= next {
            feed.ask(view.wanted().cloned());
            asked = true;
            next = Instant::now() + view.delay;
            continue;
        }
        let wait = if asked { EAGER } else { PATIENCE };
        let wait = if view.paused { wait } else { wait.min(next.saturating_duration_since(Instant::now()).max(EAGER)) };
        if !event::poll(wait)? {
            continue;
        }
        // All that was typed, then one drawing. A poll without any time would pass over keys that were read already.
        while event::poll(INSTANT)? {
            let event = event::read()?;
            stale |= matches!(event, Event::Resize(..));
            let Some(key) = Key::of(&event) else { continue };
            stale = true;
            match view.press(key) {
                Effect::Quit => return Ok(Ended::Left),
                Effect::Redraw => screen.terminal.clear()?,
                Effect::Look => next = Instant::now(),
                Effect::None => next = next.min(Instant::now() + view.delay),
            }
        }
    }
}
