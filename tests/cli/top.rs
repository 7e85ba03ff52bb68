//! `jailctl top` on a terminal: the view with keys, and the terminal given back.

use std::os::unix::process::ExitStatusExt;

use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::termios::{Termios, tcgetattr};

use crate::harness::Place;
use crate::terminal::Terminal;

fn top(place: &Place, variables: &[(&'static str, &str)]) -> Terminal {
    let run = place.run("jailctl", &["top"]).with("TERM", "xterm-256color");
    Terminal::start(variables.iter().fold(run, |run, (key, value)| run.with(key, value)).command(), (14, 60))
}

/// How a terminal is set before anybody does: the program may be faster than to be looked at.
fn untouched() -> Termios {
    tcgetattr(openpty(None, None).expect("a pty").slave).expect("a terminal")
}

#[test]
fn keys_work_and_leaving_gives_the_terminal_back() {
    let place = Place::new();
    let mut terminal = top(&place, &[]);
    let before = untouched();
    terminal.see("no jails");
    assert!(terminal.is_alternate() && terminal.modes() != before);
    terminal.press("/we");
    terminal.see("filter: we");
    terminal.press("\r?");
    terminal.see("any key goes back");
    terminal.press(" ");
    terminal.see("only \"we\"");
    terminal.resize(8, 30);
    terminal.wait("line of the new width", |screen| screen.lines().nth(2) == Some("NAME         STATE      CPU%"));
    terminal.press("q");
    assert_eq!(terminal.end().code(), Some(0));
    assert!(!terminal.is_alternate() && terminal.modes() == before);
    assert_eq!(place.leftovers(), Vec::<String>::new());
}

#[test]
fn a_signal_that_ends_it_and_ctrl_c_give_the_terminal_back_too() {
    let place = Place::new();
    let mut ended = top(&place, &[]);
    let before = untouched();
    ended.see("no jails");
    ended.signal(Signal::SIGTERM);
    let status = ended.end();
    assert_eq!((status.code(), status.signal()), (Some(143), None));
    assert!(!ended.is_alternate() && ended.modes() == before);
    let mut left = top(&place, &[]);
    left.see("no jails");
    left.press("\u{3}");
    assert_eq!(left.end().code(), Some(0));
    assert!(!left.is_alternate() && left.modes() == before);
}

#[test]
fn nothing_is_coloured_for_who_does_not_want_it() {
    let place = Place::new();
    let colours = |variables: &[(&'static str, &str)]| {
        let mut terminal = top(&place, variables);
        terminal.see("no jails");
        terminal.press(" ");
        terminal.see("paused");
        terminal.press("q");
        terminal.end();
        // Yellow, as the 256 colours have it.
        String::from_utf8_lossy(&terminal.raw).contains("\u{1b}[38;5;3")
    };
    assert!(colours(&[]) && !colours(&[("NO_COLOR", "1")]));
}

#[test]
fn a_terminal_that_cannot_be_painted_on_gets_snapshots() {
    let place = Place::new();
    let mut terminal = top(&place, &[("TERM", "dumb")]);
    terminal.see("no jails");
    assert!(!terminal.raw.contains(&0x1b));
    terminal.press("\u{3}");
    assert_eq!(terminal.end().signal(), Some(Signal::SIGINT as i32));
}
