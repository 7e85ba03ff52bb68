//! Who waits for whom.

use crate::stage::Stage;

/// In the order in which they were told.
fn told<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(word)).collect()
}

#[test]
fn jails_start_after_those_they_need_and_stop_before_them() {
    let Some(stage) = Stage::new("fl-ord") else { return };
    for (name, needs) in [("fl-ord-a", "fl-ord-b"), ("fl-ord-b", "fl-ord-z"), ("fl-ord-z", ""), ("fl-ord-lone", "")] {
        stage.create(name, &["-a", "-x", "/bin/sleep 1000"]);
        if !needs.is_empty() {
            stage.set(name, &format!("depends_on = [{needs:?}]"));
        }
    }
    let said = stage.must("jailmgr", &["start", "fl-ord-a"]);
    assert_eq!(told(&said, "Started jail "), ["fl-ord-z", "fl-ord-b", "fl-ord-a"], "what it needs starts too, and nothing else");
    let said = stage.must("jailmgr", &["start", "--all", "-j", "4"]);
    assert_eq!(said.lines().last(), Some("4 jails: 1 started, 3 already running"), "{said}");
    let said = stage.must("jailmgr", &["stop", "--all"]);
    let order: Vec<&str> = told(&said, "Stopped jail ").into_iter().filter(|name| *name != "fl-ord-lone").collect();
    assert_eq!(order, ["fl-ord-a", "fl-ord-b", "fl-ord-z"]);
    assert_eq!(stage.left(), [""; 0]);
}

#[test]
fn jails_that_need_each_other_are_told_once_and_the_others_start() {
    let Some(stage) = Stage::new("fl-circle") else { return };
    for (name, needs) in
        [("fl-circle-a", "fl-circle-b"), ("fl-circle-b", "fl-circle-a"), ("fl-circle-c", "fl-circel-x"), ("fl-circle-x", "")]
    {
        stage.create(name, &["-a", "-x", "/bin/sleep 1000"]);
        if !needs.is_empty() {
            stage.set(name, &format!("depends_on = [{needs:?}]"));
        }
    }
    let said = stage.run("jailmgr", &["start", "--all"]);
    assert_eq!(said.status, Some(1));
    let circle = "jailmgr: jails depend on each other in a circle: fl-circle-a -> fl-circle-b -> fl-circle-a; take one of them out of a depends_on";
    let stranger = "jailmgr: jail fl-circle-c: depends_on: no jail named fl-circel-x; did you mean fl-circle-x?";
    assert_eq!(said.stderr.lines().collect::<Vec<_>>(), [circle, stranger]);
    assert!(said.stdout.contains("Started jail fl-circle-x\n4 jails: 1 started, 3 failed\n"), "{}", said.stdout);
}

#[test]
fn output_for_programs_has_no_progress_in_it() {
    let Some(stage) = Stage::new("fl-plain") else { return };
    for name in ["fl-plain-a", "fl-plain-b"] {
        stage.create(name, &["-a", "-x", "/bin/sleep 1000"]);
    }
    let said = stage.run("jailmgr", &["start", "--all"]);
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));
    let mut lines: Vec<&str> = said.stdout.lines().collect();
    lines.sort();
    assert_eq!(lines, ["2 jails: 2 started", "Started jail fl-plain-a", "Started jail fl-plain-b"]);
}
