//! The verbs that look at jails, without one that runs.

use std::time::{Duration, Instant};

use crate::harness::Place;

fn with_jails() -> Place {
    let place = Place::new();
    for (name, autostart) in [("web-1", true), ("web-2", false), ("db", false)] {
        let mut arguments = vec!["create", "-x", "/bin/true", name];
        if autostart {
            arguments.insert(1, "-a");
        }
        assert_eq!(place.run("jailmgr", &arguments).go().status, Some(0));
    }
    place
}

#[test]
fn a_listing_has_four_forms_and_headings_only_if_wanted() {
    let place = with_jails();
    let runs: [(&str, &[&str]); 9] = [
        ("jailmgr", &["list", "-o", "table"]),
        ("jailmgr", &["list", "-H"]),
        ("jailmgr", &["list", "-o", "tsv"]),
        ("jailmgr", &["list", "-T", "-H"]),
        ("jailmgr", &["list", "-o", "name"]),
        ("jailmgr", &["status", "-o", "json", "db"]),
        ("jailctl", &["status"]),
        ("jailctl", &["status", "web-2", "db"]),
        ("jailctl", &["list", "-o", "name"]),
    ];
    insta::assert_snapshot!(runs.iter().map(|(tool, arguments)| place.run(tool, arguments).go().to_string()).collect::<String>());
}

#[test]
fn a_pattern_stands_for_the_jails_it_matches_each_once() {
    let place = with_jails();
    let runs: [&[&str]; 4] =
        [&["status", "web-*"], &["status", "d?", "web-[!1]", "*"], &["stop", "-j", "1", "web-*", "web-1"], &["stop", "x*"]];
    insta::assert_snapshot!(runs.iter().map(|arguments| place.run("jailmgr", arguments).go().to_string()).collect::<String>());
}

#[test]
fn a_jail_that_cannot_be_restarted_does_not_keep_the_others_from_it() {
    let place = with_jails();
    let outcome = place.run("jailmgr", &["restart", "web-*"]).go();
    // The simulation refuses to run anything, which is the failure here.
    assert_eq!((outcome.status, outcome.stderr.lines().count()), (Some(1), 2), "{outcome}");
}

#[test]
fn a_jail_that_cannot_be_brought_up_leaves_no_files() {
    let place = with_jails();
    let before = place.run("jailmgr", &["list"]).go().stdout;
    let runs: [&[&str]; 3] = [&["create", "-n", "new"], &["create", "-n", "db"], &["create", "-n", "db", "-l", "low"]];
    insta::assert_snapshot!(runs.iter().map(|arguments| place.run("jailctl", arguments).go().to_string()).collect::<String>());
    assert_eq!(place.run("jailmgr", &["list"]).go().stdout, before);
}

#[test]
fn waiting_ends_when_the_state_is_there_or_the_time_is_over() {
    let place = with_jails();
    for state in ["stopped", "down"] {
        let outcome = place.run("jailctl", &["wait", "db", "--for", state]).go();
        assert_eq!((outcome.status, outcome.stdout.as_str(), outcome.stderr.as_str()), (Some(0), "", ""), "{outcome}");
    }
    let begun = Instant::now();
    let outcome = place.run("jailctl", &["wait", "db", "--for", "running", "--timeout", "300ms"]).go();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(124), "jailctl: jail db is still down\n"), "{outcome}");
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[test]
fn top_prints_as_many_snapshots_as_asked_for_where_there_is_no_terminal() {
    let place = Place::new();
    let runs: [&[&str]; 3] = [
        &["top", "-n", "2", "-d", "10ms"],
        &["top", "-n", "2", "-d", "10ms", "-o", "json"],
        &["top", "-n", "1", "-T", "-s", "mem"],
    ];
    insta::assert_snapshot!(runs.iter().map(|arguments| place.run("jailctl", arguments).go().to_string()).collect::<String>());
}
