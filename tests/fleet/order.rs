//! Who waits for whom.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stage::Stage;
use crate::subject::wait_until;

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

#[test]
fn a_restart_takes_several_jails_down_and_up_in_the_order_of_their_needs() {
    let Some(stage) = Stage::new("fl-again") else { return };
    for (name, needs) in [("fl-again-a", "fl-again-z"), ("fl-again-z", ""), ("fl-again-m", "")] {
        stage.create(name, &["-a", "-x", "/bin/sleep 1000"]);
        if !needs.is_empty() {
            stage.set(name, &format!("depends_on = [{needs:?}]"));
        }
    }
    stage.must("jailmgr", &["start", "--all"]);
    let before = services(&stage);
    // Would not start again, so it is not stopped.
    stage.set("fl-again-m", "no_such_key = 1");
    let said = stage.run("jailmgr", &["restart", "--all", "-j", "4"]);
    assert_eq!(said.status, Some(1), "{}{}", said.stdout, said.stderr);
    assert_eq!(told(&said.stdout, "Restarted jail "), ["fl-again-z", "fl-again-a"]);
    assert!(said.stdout.contains("3 jails: 2 restarted, 1 failed\n  failed   fl-again-m: "), "{}", said.stdout);
    let after = services(&stage);
    assert_eq!(before["fl-again-m"], after["fl-again-m"]);
    assert_ne!(before["fl-again-a"], after["fl-again-a"]);
    // The one that needs was stopped first: its supervisor saw no end of the other.
    assert!(stage.run("jailmgr", &["stop", "--all"]).stdout.contains("3 jails: 3 stopped"));
    assert_eq!(stage.left(), [""; 0]);
}

/// The pid of each jail's service.
fn services(stage: &Stage) -> BTreeMap<String, Value> {
    let jails: Value = serde_json::from_str(&stage.must("jailmgr", &["status", "-o", "json"])).unwrap();
    let pair = |jail: &Value| (jail["name"].as_str().unwrap().to_owned(), jail["service"].clone());
    jails.as_array().unwrap().iter().map(pair).collect()
}

#[test]
fn programs_get_the_summary_alone_as_json_or_tsv() {
    let Some(stage) = Stage::new("fl-json") else { return };
    stage.create("fl-json-a", &["-a", "-x", "/bin/sleep 1000"]);
    stage.create("fl-json-b", &["-a", "-x", "/bin/no-such-program"]);
    let said = stage.run("jailmgr", &["start", "--all", "-j", "1", "-o", "json"]);
    assert_eq!(said.status, Some(1));
    let ends: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout));
    assert_eq!(ends[0], serde_json::json!({"name": "fl-json-a", "result": "started", "reason": null}));
    assert_eq!((&ends[1]["name"], &ends[1]["result"]), (&"fl-json-b".into(), &"failed".into()));
    assert!(ends[1]["reason"].as_str().unwrap().contains("did not start"), "{ends}");
    assert_eq!(stage.must("jailmgr", &["restart", "--all", "--tsv", "-H"]), "fl-json-a\trestarted\t-\n");
    assert_eq!(stage.must("jailmgr", &["stop", "-T", "fl-json-a"]), "NAME\tRESULT\tREASON\nfl-json-a\tstopped\t-\n");
}

#[test]
fn a_dependency_in_back_off_holds_up_who_needs_it_and_is_named_as_the_reason() {
    let Some(stage) = Stage::new("fl-off") else { return };
    // Is ready in its first run, and never again.
    let once = "/bin/sh -c 'test -e /tmp/ran && exit 3; : > /tmp/ran; : > /tmp/up; sleep 1; rm /tmp/up; exit 3'";
    stage.create("fl-off-db", &["-a", "-x", once]);
    stage.create("fl-off-web", &["-a", "-x", "/bin/sleep 1000"]);
    stage.must("jailmgr", &["config", "--set", "restart=always", "fl-off-db"]);
    stage.set("fl-off-db", "ready = { command = [\"/usr/bin/test\", \"-e\", \"/tmp/up\"] }");
    stage.set("fl-off-web", "depends_on = [\"fl-off-db\"]");
    stage.must("jailmgr", &["start", "fl-off-db"]);
    wait_until("the database backs off", || stage.must("jailmgr", &["status", "fl-off-db"]).contains("backoff"));
    let said = stage.run("jailmgr", &["start", "--all"]);
    assert_eq!(said.status, Some(1), "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("2 jails: 1 failed, 1 skipped"), "{}{}", said.stdout, said.stderr);
    assert!(said.stderr.contains("jail fl-off-web was skipped: it needs fl-off-db, which is not ready"), "{}", said.stderr);
    assert!(said.stderr.contains("jail fl-off-db runs but is not ready: its service is in state "), "{}", said.stderr);
}

#[test]
fn a_frozen_jail_is_shown_as_frozen_until_it_is_thawed() {
    let Some(stage) = Stage::new("fl-ice") else { return };
    stage.create("fl-ice-a", &["-x", "/bin/sleep 1000"]);
    stage.must("jailmgr", &["start", "fl-ice-a"]);
    stage.must("jailctl", &["freeze", "fl-ice-a"]);
    assert!(stage.must("jailctl", &["status", "fl-ice-a"]).contains("frozen"));
    let state = |verb: &[&str]| {
        let jails: Value = serde_json::from_str(&stage.must("jailmgr", verb)).unwrap();
        jails[0]["state"].clone()
    };
    assert_eq!((state(&["status", "--json"]), state(&["list", "--json"])), ("frozen".into(), "frozen".into()));
    assert!(stage.must("jailmgr", &["list", "-v"]).contains("frozen"));
    stage.must("jailctl", &["thaw", "fl-ice-a"]);
    assert_eq!(state(&["status", "--json"]), "running");
}
