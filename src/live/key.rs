//! The keys that mean something here.

use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C, and Ctrl-D.
    Interrupt,
    /// Ctrl-U: the line away.
    Clear,
    /// Ctrl-L: all of the screen anew.
    Redraw,
}

impl Key {
    /// `None` for what is no key, or none of ours.
    pub fn of(event: &Event) -> Option<Key> {
        let Event::Key(key) = event else { return None };
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let held = |modifier| key.modifiers.contains(modifier);
        Some(match key.code {
            KeyCode::Char('c' | 'd') if held(KeyModifiers::CONTROL) => Key::Interrupt,
            KeyCode::Char('u') if held(KeyModifiers::CONTROL) => Key::Clear,
            KeyCode::Char('l') if held(KeyModifiers::CONTROL) => Key::Redraw,
            KeyCode::Char(_) if held(KeyModifiers::CONTROL) || held(KeyModifiers::ALT) => return None,
            KeyCode::Char(c) => Key::Char(c),
            KeyCode::Enter => Key::Enter,
            KeyCode::Esc => Key::Escape,
            KeyCode::Backspace => Key::Backspace,
            KeyCode::Up => Key::Up,
            KeyCode::Down => Key::Down,
            KeyCode::PageUp => Key::PageUp,
            KeyCode::PageDown => Key::PageDown,
            KeyCode::Home => Key::Home,
            KeyCode::End => Key::End,
            _ => return None,
        })
    }
}
