//! `jailmgr config`: looked at first, replaced then, shown last.

use std::fs;

use crate::harness::Place;

fn with_web() -> Place {
    let place = Place::new();
    let made = place.run("jailmgr", &["create", "-x", "/bin/true", "web"]).go();
    assert_eq!(made.status, Some(0), "{made}");
    place
}

fn spec(place: &Place) -> String {
    fs::read_to_string(place.data().join("jails/web/jail.toml")).unwrap()
}

#[test]
fn a_spec_is_shown_set_and_shown_again() {
    let place = with_web();
    let runs: [&[&str]; 6] = [
        &["config", "web"],
        &["config", "--set", "profile=medium", "--set", "ports=[80, 443]", "--set", "log.tag=x", "web"],
        &["config", "--set", "profile=medium", "web"],
        &["config", "--set", "env.GREETING=hello there", "--set", "user=www-data", "web"],
        &["config", "web"],
        &["config", "--json", "web"],
    ];
    insta::assert_snapshot!(runs.iter().map(|run| place.run("jailmgr", run).go().to_string()).collect::<String>());
}

#[test]
fn what_is_wrong_changes_nothing_and_is_told_as_create_tells_it() {
    let place = with_web();
    let before = spec(&place);
    let runs: [&[&str]; 4] = [
        &["config", "--set", "profle=medium", "web"],
        &["config", "--set", "ports=[0]", "web"],
        &["config", "--set", "profile.base=low", "web"],
        &["config", "--set", "command=/bin/sh", "web"],
    ];
    let mut text = String::new();
    for run in runs {
        let outcome = place.run("jailmgr", run).go();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(65), ""), "{outcome}");
        text += &outcome.to_string();
    }
    assert_eq!(spec(&place), before);
    insta::assert_snapshot!(text);
}

#[test]
fn an_edit_keeps_comments_and_shows_the_difference() {
    let place = with_web();
    let edit = |script: &str| place.run("jailmgr", &["config", "--edit", "web"]).with("EDITOR", script).go();
    let changed = edit("sed -i -e '1i # mine' -e s/high/medium/");
    assert_eq!(changed.stdout, "Changed jail web\n  profile: \"high\" -> \"medium\"\n", "{changed}");
    assert!(spec(&place).starts_with("# mine\n"));
    assert_eq!(edit("true").stdout, "Unchanged jail web\n");
    assert!(!place.leftovers().iter().any(|path| path.starts_with("[place]/tmp")), "a temporary file stays");
}

#[test]
fn an_edit_that_went_wrong_changes_nothing() {
    let place = with_web();
    let before = spec(&place);
    // A path of the test's own: what lies at the machine's well-known ones is not the test's to know.
    let absent = place.work().join("no-editor");
    let edit = |key: &'static str, script: &str| place.run("jailmgr", &["config", "--edit", "web"]).with(key, script).go();
    let text: String = [
        edit("EDITOR", "sed -i s/high/hgih/"),
        edit("VISUAL", "false"),
        edit("EDITOR", absent.to_str().unwrap()),
        edit("EDITOR", "vi '"),
    ]
    .into_iter()
    .map(|outcome| {
        assert_ne!(outcome.status, Some(0), "{outcome}");
        outcome.to_string()
    })
    .collect();
    assert_eq!(spec(&place), before);
    insta::assert_snapshot!(text);
}

#[test]
fn a_spec_that_cannot_be_read_is_shown_as_it_is_and_can_be_mended() {
    let place = with_web();
    place.write_spec("web", "profile = \u{1b}[2J\n");
    let shown = place.run("jailmgr", &["config", "web"]).go();
    assert_eq!((shown.status, shown.stdout.as_str()), (Some(0), "profile = \\u{1b}[2J\n"), "{shown}");
    let set = place.run("jailmgr", &["config", "--set", "profile=low", "web"]).go();
    assert_eq!(set.status, Some(65), "{set}");
    assert!(!set.stderr.contains('\u{1b}'), "{set}");
    let mended = place.run("jailmgr", &["config", "--edit", "web"]).with("EDITOR", "sed -i 's/.*/profile = \"low\"/'").go();
    assert!(mended.stdout.starts_with("Changed jail web\n  it could not be read before"), "{mended}");
    assert_eq!(spec(&place), "profile = \"low\"\n");
}
