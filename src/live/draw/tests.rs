use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::live::key::Key;
use crate::live::sample::{Detail, Health, Jail, Memory, Sample};
use crate::live::view::tests::{jail, sample, view};
use crate::telemetry::processes::{Process, Tree};

const COLOURED: Look = Look { colour: true, blocks: true };
const PLAIN: Look = Look { colour: false, blocks: true };

fn screen(view: &mut View, width: u16, height: u16, look: Look) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view, look)).unwrap();
    terminal.backend().to_string()
}

/// Styles of a screen: each cell's foreground by its first letter.
fn colours(view: &mut View, look: Look) -> String {
    let mut terminal = Terminal::new(TestBackend::new(80, 8)).unwrap();
    terminal.draw(|frame| draw(frame, view, look)).unwrap();
    let buffer = terminal.backend().buffer();
    let colour = |cell: &ratatui::buffer::Cell| match cell.fg {
        Color::Reset => '.',
        other => other.to_string().chars().next().unwrap_or('?'),
    };
    buffer.content.chunks(80).map(|row| row.iter().map(colour).collect::<String>() + "\n").collect()
}

/// Some jails over twenty seconds.
fn busy() -> View {
    let jails = |second: u64| {
        vec![
            Jail {
                cpu_usec: second * 873_000,
                memory: Memory::Charged { bytes: 480 << 20, limit: Some(512 << 20) },
                processes: 14,
                ..jail("web")
            },
            Jail {
                cpu_usec: (second / 4) * 200_000,
                memory: Memory::Charged { bytes: 1 << 30, limit: None },
                health: Some(Health { ready: 2, services: 3, ill: false }),
                restarts: Some(12),
                ..jail("database-of-orders")
            },
            Jail { state: "backoff".into(), restarts: Some(7), denials: Some(40 + 30 * second), processes: 0, ..jail("mail") },
            Jail { state: "up".into(), restarts: None, health: None, since: None, denials: None, ..jail("shell") },
            Jail { state: "orphaned".into(), ..jail("old") },
        ]
    };
    let mut view = view(jails(0));
    for second in 1..=10 {
        view.take(Ok(sample(2 * second, jails(2 * second))));
    }
    view
}

#[test]
fn each_size_of_a_screen_shows_what_matters_most() {
    let shown = [(80, 24), (40, 12), (200, 10), (20, 5), (30, 3), (1, 1)].map(|(width, height)| {
        let mut view = busy();
        format!("{width}x{height}\n{}", screen(&mut view, width, height, PLAIN))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn colours_tell_states_apart_and_stay_away_where_they_are_not_wanted() {
    insta::assert_snapshot!(colours(&mut busy(), COLOURED));
    assert!(colours(&mut busy(), PLAIN).chars().all(|c| c == '.' || c == '\n'));
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let text = screen(&mut busy(), 160, 12, Look { colour: false, blocks: false });
    assert!(text.is_ascii() && text.contains("####"), "{text}");
}

#[test]
fn a_filter_being_typed_the_help_and_an_empty_host_have_their_screens() {
    let mut filter = busy();
    for key in [Key::Char('/'), Key::Char('m')] {
        filter.press(key);
    }
    let mut help = busy();
    help.press(Key::Char('?'));
    let mut kept = busy();
    for key in [Key::Char('/'), Key::Char('z'), Key::Enter, Key::Char(' '), Key::Char('m'), Key::Char('m')] {
        kept.press(key);
    }
    let shown = [filter, help, kept, view(Vec::new())].map(|mut view| screen(&mut view, 72, 20, PLAIN));
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_jails_own_words_are_shown_and_not_obeyed() {
    let mut view = busy();
    view.press(Key::Char('n'));
    view.press(Key::End);
    view.press(Key::Enter);
    let process = |pid, ppid, command: &str| Process { pid, ppid, state: 'S', ticks: 6_123, command: command.into() };
    let detail = Detail {
        name: "web".parse().unwrap(),
        last_exit: Some("exit status 1; restarted".into()),
        processes: Tree::new(vec![
            process(8252, 1, "jailctl: supervise jail=web jid=3"),
            process(6488, 8252, "httpd \u{1b}]0;pwned\u{7}"),
        ]),
        denials: Ok(vec!["2026-11-23T22:15:59.007Z ping (pid 812) was denied ping (family inet)".into()]),
        log: (1..30).map(|n| format!("2026-11-23T22:15:59.007Z stdout: GET /{n}")).collect(),
    };
    let jails = view.sample().unwrap().jails.clone();
    view.take(Ok(Sample { detail: Some(detail), ..sample(22, jails) }));
    let first = screen(&mut view, 100, 16, PLAIN);
    view.press(Key::End);
    view.press(Key::Up);
    insta::assert_snapshot!(format!("{first}\n{}", screen(&mut view, 60, 12, PLAIN)));
}

#[test]
fn five_hundred_jails_are_drawn_as_fast_as_fifty() {
    // The fastest of many: what else the machine does meanwhile takes no time from that.
    let fastest = |count: usize| {
        let mut view = view((0..count).map(|number| jail(&format!("jail-{number}"))).collect());
        let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
        let mut draw_once = |view: &mut View| {
            let begun = std::time::Instant::now();
            view.press(Key::Down);
            terminal.draw(|frame| draw(frame, view, COLOURED)).unwrap();
            begun.elapsed()
        };
        let fastest = (0..60).map(|_| draw_once(&mut view)).min();
        (fastest.unwrap(), view.top())
    };
    let ((few, _), (many, top)) = (fastest(50), fastest(500));
    assert_eq!(top, 61 - 46);
    assert!(many < 3 * few, "{many:?} against {few:?}");
}
