use proptest::prelude::*;

use super::*;
use crate::live::sample::{Health, Memory};
use crate::telemetry::processes::Tree;

pub fn jail(name: &str) -> Jail {
    Jail {
        jid: Jid::new(name.bytes().fold(1, |sum, byte| sum * 31 % 65_521 + u32::from(byte))).unwrap(),
        name: name.parse().unwrap(),
        state: "running".into(),
        cpu_usec: 0,
        cpu_percent: 0.0,
        memory: Memory::Virtual(154_025_984),
        processes: 1,
        restarts: Some(0),
        denials: Some(0),
        health: Some(Health { ready: 1, services: 1, ill: false }),
        since: Some(1_795_472_000),
    }
}

pub fn sample(at: u64, jails: Vec<Jail>) -> Sample {
    Sample { at: Duration::from_secs(at), now: 1_795_472_159 + at, jails, detail: None }
}

pub fn head() -> Head {
    Head { body: "lsm".into(), kernel: "6.12.9".into() }
}

pub fn view(jails: Vec<Jail>) -> View {
    let mut view = View::new(head(), Order::Cpu, Duration::from_secs(2));
    view.fit(20);
    view.take(Ok(sample(0, jails)));
    view
}

fn names(view: &View) -> String {
    view.seen().map(|(jail, ..)| jail.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn selected(view: &View) -> String {
    view.seen().find(|(.., selected)| *selected).map_or(String::new(), |(jail, ..)| jail.name.to_string())
}

fn press(view: &mut View, keys: &str) {
    for key in keys.chars() {
        view.press(if key == '\n' { Key::Enter } else { Key::Char(key) });
    }
}

fn three() -> View {
    view(vec![
        Jail { cpu_percent: 5.0, processes: 9, restarts: None, ..jail("b") },
        Jail { cpu_percent: 5.0, memory: Memory::Virtual(1 << 40), denials: Some(3), ..jail("a") },
        Jail { cpu_percent: 90.0, restarts: Some(4), state: "backoff".into(), ..jail("c") },
    ])
}

#[test]
fn a_letter_orders_and_the_same_again_turns_it_round() {
    let mut view = three();
    assert_eq!(names(&view), "c a b");
    for (keys, order) in
        [("m", "a b c"), ("n", "a b c"), ("n", "c b a"), ("p", "b a c"), ("r", "c a b"), ("d", "a b c"), ("R", "b c a")]
    {
        press(&mut view, keys);
        assert_eq!(names(&view), order, "after {keys}");
    }
}

#[test]
fn the_selected_jail_stays_so_wherever_it_goes() {
    let mut view = three();
    press(&mut view, "j");
    assert_eq!(selected(&view), "a");
    view.take(Ok(sample(2, vec![jail("c"), Jail { cpu_usec: 9_000_000, ..jail("a") }, jail("b")])));
    assert_eq!((names(&view).as_str(), selected(&view).as_str()), ("a b c", "a"));
    view.take(Ok(sample(4, vec![jail("c"), jail("b")])));
    assert_eq!(selected(&view), "b", "the row of a jail that went stays");
}

#[test]
fn a_filter_shows_names_and_states_with_it_as_it_is_typed() {
    let mut view = three();
    press(&mut view, "/BACK");
    assert_eq!((names(&view).as_str(), view.filter.as_str()), ("c", "back"));
    press(&mut view, "q");
    assert_eq!(names(&view), "", "while a filter is typed q is a letter");
    view.press(Key::Backspace);
    press(&mut view, "\nj\n");
    assert_eq!(view.wanted().map(ToString::to_string).as_deref(), Some("c"));
    view.press(Key::Escape);
    assert_eq!(names(&view), "c", "the jail was left, the filter stays");
    view.press(Key::Escape);
    assert_eq!(names(&view), "c a b");
    press(&mut view, "/x");
    view.press(Key::Escape);
    assert_eq!((names(&view).as_str(), &view.mode), ("c a b", &Mode::List));
}

#[test]
fn keys_ask_the_loop_for_what_only_it_can_do() {
    let mut view = three();
    assert_eq!(view.press(Key::Char(' ')), Effect::None);
    assert!(view.paused);
    assert_eq!(view.press(Key::Char(' ')), Effect::Look);
    assert_eq!(view.press(Key::Enter), Effect::Look);
    assert_eq!(view.press(Key::Char('q')), Effect::None, "out of the jail");
    assert_eq!(view.press(Key::Redraw), Effect::Redraw);
    press(&mut view, "?");
    assert_eq!(view.press(Key::Char('q')), Effect::None, "out of the help");
    assert_eq!(view.press(Key::Char('q')), Effect::Quit);
    press(&mut view, "/");
    assert_eq!(view.press(Key::Interrupt), Effect::Quit);
}

#[test]
fn the_time_between_looks_has_steps_and_ends() {
    let mut view = three();
    press(&mut view, "+");
    assert_eq!(view.delay, Duration::from_secs(5));
    press(&mut view, "++++++");
    assert_eq!(view.delay, Duration::from_secs(60));
    press(&mut view, "----------");
    assert_eq!(view.delay, Duration::from_millis(250));
    view.delay = Duration::from_secs(3);
    press(&mut view, "-");
    assert_eq!(view.delay, Duration::from_secs(2));
}

#[test]
fn a_failed_look_keeps_what_was_seen_and_says_why() {
    let mut view = three();
    view.take(Err("read the registry: no such file".into()));
    assert_eq!((view.trouble.as_deref(), view.len()), (Some("read the registry: no such file"), 3));
    view.take(Ok(sample(2, Vec::new())));
    assert_eq!((view.trouble.as_deref(), view.len(), view.cpu()), (None, 0, 0.0));
    press(&mut view, "jkG\n");
    assert_eq!(view.wanted(), None);
}

#[test]
fn more_of_a_jail_is_shown_of_the_one_that_was_asked_for() {
    let mut view = three();
    press(&mut view, "\n");
    let detail = |name: &str| Detail {
        name: name.parse().unwrap(),
        last_exit: None,
        processes: Tree::new(Vec::new()),
        denials: Ok(Vec::new()),
        log: Vec::new(),
    };
    view.take(Ok(Sample { detail: Some(detail("a")), ..sample(1, vec![jail("a"), jail("c")]) }));
    let wanted = view.wanted().unwrap().clone();
    assert!(view.detail(&wanted).is_none(), "an answer that was under way when another jail was chosen");
    view.take(Ok(Sample { detail: Some(detail("c")), ..sample(2, vec![jail("a"), jail("c")]) }));
    assert!(view.detail(&wanted).is_some());
}

#[derive(Debug, Clone)]
enum Event {
    Press(Key),
    Take(Vec<u8>),
    Fit(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let keys = vec![Key::Up, Key::Down, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Enter, Key::Escape, Key::Backspace];
    prop_oneof![
        prop::sample::select(keys).prop_map(Event::Press),
        "[a-zR/?+ -]".prop_map(|text| Event::Press(Key::Char(text.chars().next().unwrap()))),
        prop::collection::vec(0_u8..40, 0..40).prop_map(Event::Take),
        (0_usize..50).prop_map(Event::Fit),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_the_selected_row_is_one_that_is_seen(events in prop::collection::vec(event(), 0..60)) {
        let mut view = view(Vec::new());
        for (at, event) in events.into_iter().enumerate() {
            match event {
                Event::Press(key) => drop(view.press(key)),
                Event::Fit(height) => view.fit(height),
                Event::Take(numbers) => {
                    let numbers: std::collections::BTreeSet<u8> = numbers.into_iter().collect();
                    let jails = numbers.into_iter().map(|number| Jail { cpu_usec: u64::from(number), ..jail(&format!("j{number}")) });
                    view.take(Ok(sample(at as u64, jails.collect())));
                }
            }
            prop_assert_eq!(view.seen().filter(|(.., selected)| *selected).count(), usize::from(!view.is_empty()));
            prop_assert!(view.seen().count() <= view.height);
        }
    }
}
