//! jailsh check and jailsh explain.

use serde_json::Value;

use crate::harness::Place;

#[test]
fn check_tells_all_that_is_wrong_at_once_and_runs_nothing() {
    let place = Place::new()
        .file(
            "a.rhai",
            "import \"lib/b\" as b;\nprint(\"it runs\");\nlet web = jail(\"web\", #{ prts: [80] });\nweb.strat();\nb::work(1);\n",
        )
        .file("lib/b.rhai", "fn work() {\n    crate(\"web\", #{ ports: [99999] });\n}\n")
        .file("c.rhai", "let x = ;\n")
        .file("good.rhai", "create(\"web\", #{ ports: [80] });\n");
    let runs: [&[&str]; 4] =
        [&["check", "a.rhai", "c.rhai", "good.rhai"], &["check", "good.rhai"], &["check"], &["check", "none.rhai"]];
    let said = runs.map(|arguments| place.run("jailsh", arguments).go().to_string()).concat();
    insta::assert_snapshot!(said);
    assert_eq!(place.leftovers(), [""; 0]);
    let piped = place.run("jailsh", &["check", "-"]).input("nothing_here();").go();
    assert_eq!(piped.status, Some(65), "{piped}");
}

#[test]
fn checks_json_has_a_map_for_each_finding() {
    let place =
        Place::new().file("a.rhai", "frobnicate();\nlet = 1;\n").file("b.rhai", "frobnicate();\nexec(\"web\", \"ls\");\n");
    let outcome = place.run("jailsh", &["check", "--json", "b.rhai", "a.rhai"]).go();
    assert_eq!(outcome.status, Some(65), "{outcome}");
    let findings: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let places: Vec<String> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|found| format!("{}:{}:{} {}", found["file"].as_str().unwrap(), found["line"], found["column"], found["code"]))
        .collect();
    assert_eq!(places, ["a.rhai:2:5 \"E0101\"", "b.rhai:1:1 \"E0201\"", "b.rhai:2:1 \"E0202\""]);
    assert_eq!(place.run("jailsh", &["check", "--json", "-"]).input("1").go().stdout.trim(), "[]");
}

#[test]
fn explain_lists_codes_and_tells_of_each_of_rights_and_of_profiles() {
    let place = Place::new();
    let runs: [&[&str]; 17] = [
        &["explain"],
        &["explain", "e0303"],
        &["explain", "not_running"],
        &["explain", "E0402"],
        &["explain", "E0207"],
        &["explain", "mount"],
        &["explain", "process_see"],
        &["explain", "mont"],
        &["explain", "module"],
        &["explain", "ipc"],
        &["explain", "CAP_NET_RAW"],
        &["explain", "netlink:audit"],
        &["explain", "device"],
        &["explain", "medium"],
        &["explain", "web_server"],
        &["explain", "web_servr"],
        &["explain", "nothing like it"],
    ];
    insta::assert_snapshot!(runs.map(|arguments| place.run("jailsh", arguments).go().to_string()).concat());
}

#[test]
fn every_profile_of_the_library_explains_itself() {
    let place = Place::new();
    let listed = place.run("jailsh", &["profile", "check", "--tsv", "--no-header"]).bare().go().stdout;
    let profiles: std::collections::BTreeSet<&str> = listed.lines().filter_map(|line| line.split('\t').next()).collect();
    assert!(["low", "medium", "high", "web_server", "database"].iter().all(|name| profiles.contains(name)), "{profiles:?}");
    for profile in profiles {
        let told = place.run("jailsh", &["explain", profile]).bare().go();
        assert_eq!(told.status, Some(0), "{told}");
        let starts = told.stdout.starts_with(&format!("{profile}: a ")) && told.stdout.contains("\nIt grants:\n\n");
        assert!(starts && told.stdout.contains("\nIt denies:\n\n"), "{told}");
        assert!(told.stdout.lines().all(|line| line.chars().count() <= 80), "{told}");
    }
}
