use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::kernel::{Bytes, JailStats, Limits, Usage};
use crate::telemetry::Measure;
use crate::telemetry::views::tests::web;

const HOUR: Span = Span { from: 1_800_000_000, to: 1_800_003_600 };

/// A busy quarter at the end of the hour, after a while in which nobody looked.
fn points() -> Vec<Point> {
    let point = |step: u64| {
        let at = HOUR.from + step * 5;
        let busy = step.saturating_sub(540) * 5;
        Point {
            at,
            cpu_usec: busy * 730_000,
            memory_bytes: Some((20 << 20) + busy * (16 << 10)),
            processes: 3 + busy % 7,
            denials: Some(busy * 2),
        }
    };
    (0..=720).filter(|step| !(300..=420).contains(step)).map(point).collect()
}

fn past() -> Past {
    Past::new("web".parse().unwrap(), Jid::new(3).unwrap(), points(), HOUR)
}

fn head() -> Head {
    Head { host: "host <1>".into(), body: "lsm".into(), kernel: "6.12.57".into(), span: HOUR }
}

fn reported(past: Past) -> Reported {
    let usage = Usage { memory_bytes: Some(34 << 20), ..Usage::default() };
    let limits = Limits { memory: Some(Bytes(64 << 20)), processes: Some(12), ..Limits::default() };
    let now = Measure { stats: web(), usage, limits, supervised: true, restarts: Some(1), started_ms: None };
    Reported { past, now, state: "running".into(), since: Some(HOUR.to - 7200) }
}

#[test]
fn counters_become_rates_and_a_time_that_nobody_saw_is_a_gap() {
    let past = past();
    let cpu = past.series(Measured::Cpu).unwrap();
    assert_eq!(cpu.latest(), Some(73.0));
    let parts = cpu.parts(HOUR, 12);
    assert_eq!(parts[4..8], [Some(0.0), None, None, Some(0.0)], "{parts:?}");
    assert_eq!(parts[11], Some(73.0));
    assert_eq!(past.series(Measured::Denials).unwrap().most(), Some(2.0));
    assert_eq!(past.series(Measured::Memory).unwrap().latest(), Some(((20 << 20) + 900 * (16 << 10)) as f64));
}

#[test]
fn what_nobody_counts_is_no_series_and_a_new_jail_of_the_name_is_no_rate() {
    let point = |at, cpu_usec| Point { at, cpu_usec, memory_bytes: None, processes: 1, denials: None };
    let span = Span { from: 0, to: 60 };
    let past = Past::new("web".parse().unwrap(), Jid::new(3).unwrap(), vec![point(10, 9_000_000), point(15, 100)], span);
    assert_eq!(past.series(Measured::Memory), None);
    assert_eq!(past.series(Measured::Denials), None);
    assert_eq!(past.series(Measured::Cpu).unwrap().most(), None);
    assert_eq!(past.series(Measured::Processes).unwrap().most(), Some(1.0));
}

#[test]
fn only_the_span_is_kept_with_the_point_before_it() {
    let span = Span { from: HOUR.from + 1000, to: HOUR.from + 1010 };
    let kept = Past::new("web".parse().unwrap(), Jid::new(3).unwrap(), points(), span);
    assert_eq!(kept.points.iter().map(|point| point.at - HOUR.from).collect::<Vec<_>>(), [1000, 1005, 1010]);
}

#[test]
fn a_graph_shows_the_past_of_each_jail() {
    let fresh = Past::new("shell".parse().unwrap(), Jid::new(9).unwrap(), Vec::new(), HOUR);
    let mut uncounted = past();
    uncounted.points.iter_mut().for_each(|point| point.denials = None);
    insta::assert_snapshot!(graph(&[past(), uncounted, fresh], HOUR, 100, true));
}

#[test]
fn a_graph_has_a_width_and_an_ascii_form() {
    insta::assert_snapshot!(graph(&[past()], HOUR, 60, false));
    let widest = |width| graph(&[past()], HOUR, width, true).lines().map(|line| line.chars().count()).max().unwrap();
    assert_eq!((widest(80), widest(120)), (80, 120));
}

#[test]
fn programs_get_the_points() {
    let json = past().json();
    assert_eq!(json["name"], "web");
    assert_eq!(json["points"].as_array().unwrap().len(), points().len());
    assert_eq!(json["points"][0]["memory_bytes"], 20 << 20);
}

#[test]
fn what_comes_from_a_jail_is_text_of_the_page_and_never_markup() {
    let mut hostile = reported(past());
    hostile.state = "<script>alert(1)</script>\u{202e}".into();
    let page = page(&head(), &[hostile]);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}"), "{page}");
    assert_eq!(page.matches("<script>").count(), 1, "the page's own");
    assert!(page.contains("<title>Jails of host &lt;1&gt;</title>"));
    assert!(!page.contains("src=") && !page.contains("url(") && !page.contains("@import"));
}

#[test]
fn the_pictures_of_a_page_are_well_formed_and_show_limits_and_gaps() {
    let page = page(&head(), &[reported(past())]);
    let pictures: Vec<&str> = page.split("<svg").skip(1).filter_map(|rest| rest.split("</svg>").next()).collect();
    assert_eq!(pictures.len(), 4);
    for picture in &pictures {
        let svg = format!("<svg{picture}</svg>");
        let mut reader = quick_xml::Reader::from_str(&svg);
        reader.config_mut().check_end_names = true;
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                Ok(_) => {}
                Err(error) => panic!("{error} in {svg}"),
            }
        }
        assert_eq!(svg.matches("class=\"line\"").count(), 2, "one gap: {svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
    assert!(pictures[1].contains("limit 64M"), "{}", pictures[1]);
    assert!(pictures[2].contains("limit 12"), "{}", pictures[2]);
    assert!(!pictures[0].contains("class=\"limit\""));
}

#[test]
fn an_empty_host_and_a_jail_without_a_past_are_told_in_words() {
    assert!(page(&head(), &[]).contains("No jail is in the kernel."));
    let fresh = Past::new("web".parse().unwrap(), Jid::new(3).unwrap(), Vec::new(), HOUR);
    let page = page(&head(), &[reported(fresh)]);
    assert!(page.contains("No supervisor has looked after it") && !page.contains("<svg"), "{page}");
}

#[test]
fn the_frame_of_a_page() {
    let quiet = Measure { stats: JailStats { denials: Some(BTreeMap::new()), ..web() }, ..reported(past()).now };
    let fresh = Past::new("web".parse().unwrap(), Jid::new(3).unwrap(), Vec::new(), HOUR);
    let page = page(&head(), &[Reported { now: quiet, ..reported(fresh) }]);
    let (_, body) = page.split_once("</style>").unwrap();
    insta::assert_snapshot!(body.split_once("<script>").unwrap().0);
}

proptest! {
    #[test]
    fn any_points_make_a_page(
        numbers in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<Option<u64>>(), any::<u64>()), 0..40),
        from in 0_u64..1 << 40, length in 0_u64..200_000, width in 0_usize..300,
    ) {
        let span = Span { from, to: from.saturating_add(length) };
        let point = |(at, cpu_usec, memory_bytes, processes): (u64, u64, Option<u64>, u64)| {
            Point { at: span.from.saturating_add(at % (length + 1)), cpu_usec, memory_bytes, processes, denials: memory_bytes }
        };
        let mut points: Vec<Point> = numbers.into_iter().map(point).collect();
        points.sort_by_key(|point| point.at);
        let past = Past::new("web".parse().unwrap(), Jid::new(3).unwrap(), points, span);
        let text = graph(std::slice::from_ref(&past), span, width, true);
        prop_assert!(text.lines().count() <= 8);
        let text = page(&Head { span, ..head() }, &[reported(past)]);
        prop_assert!(!text.contains("NaN"));
    }
}
