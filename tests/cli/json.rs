//! docs/json.md and the tools agree, key by key, in order, with types.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jailsh::fleet::{End, Summary};
use jailsh::jail::base::Imported;
use jailsh::jail::proof::{Attempt, Report, Verdict};
use jailsh::jail::{Garbage, Observed, Snapshot, Spec, Taken};
use jailsh::kernel::{Denial, JailInfo, JailStats, Jid, Level, Object, Policy};
use jailsh::supervise::{Point, Record, Source, Status};
use jailsh::telemetry::past::{Past, Span};
use jailsh::telemetry::trail::{self, Trail};
use jailsh::telemetry::{self, Format, Lines, Observation, Probed, Sort, Table};
use serde_json::Value;

use crate::harness::Place;

/// The documented keys of each section, with their types.
fn documented() -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md")).unwrap();
    let mut sections: BTreeMap<String, Vec<(String, Vec<String>)>> = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### ").or_else(|| line.strip_prefix("## ")) {
            names = heading.split(", ").map(str::to_owned).collect();
        } else if let Some(row) = line.strip_prefix("| `") {
            let (key, rest) = row.split_once('`').expect("a key");
            let types: Vec<String> =
                rest.split('|').nth(1).expect("types").split(',').map(|name| name.trim().to_owned()).collect();
            for name in &names {
                sections.entry(name.clone()).or_default().push((key.to_owned(), types.clone()));
            }
        }
    }
    sections
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The map has the documented keys and no other, in order, with a documented type each.
fn check(verb: &str, map: &Value) {
    let rows = documented().remove(verb).unwrap_or_else(|| panic!("docs/json.md has no section {verb}"));
    let map = map.as_object().unwrap_or_else(|| panic!("{verb}: no map: {map}"));
    let keys: Vec<&str> = map.keys().map(String::as_str).collect();
    assert_eq!(keys, rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), "{verb}");
    for (key, types) in rows {
        let found = type_of(&map[&key]);
        assert!(types.iter().any(|name| name == found), "{verb}: {key} is a {found}, documented as {types:?}");
    }
}

fn check_table(verb: &str, table: &Table) {
    let rows: Value = serde_json::from_str(&table.render(Format::Json, false)).unwrap();
    let rows = rows.as_array().unwrap();
    assert!(!rows.is_empty());
    rows.iter().for_each(|row| check(verb, row));
    let heading = table.render(Format::Tsv, false).lines().next().unwrap().to_lowercase();
    let keys: Vec<String> = documented()[verb].iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(heading.replace(' ', "_").replace('%', "_percent").split('\t').collect::<Vec<_>>(), keys, "{verb} as TSV");
}

fn stats() -> JailStats {
    JailStats {
        jid: Jid::new(3).unwrap(),
        name: "web".parse().unwrap(),
        root: "/".into(),
        cpu_ticks_1s: 1,
        cpu_ticks_10s: 0.5,
        processes: 1,
        references: 2,
        vmem_bytes: 4096,
        cpu_usec: 1,
        denials: Some(BTreeMap::from([("mount".parse().unwrap(), 2)])),
        audits: None,
        learning: false,
    }
}

/// One that runs, one that is down, one that cannot be read.
fn observations() -> Vec<Observation> {
    let name = "web".parse().unwrap();
    let spec = Spec::from_toml(&name, "command = ['/bin/true']").unwrap();
    let status = Status {
        pid: 7,
        state: "running".into(),
        since: 1,
        restarts: 1,
        last_exit: Some("x".into()),
        service: Some(8),
        ..Status::default()
    };
    let kernel = JailInfo {
        jid: Jid::new(3).unwrap(),
        name: name.clone(),
        root: "/".into(),
        profile: "high".into(),
        policy: Policy::new(Level::High.rights(), Vec::new()),
        processes: 1,
        held: true,
        closing: false,
    };
    let seen = |spec, kernel, supervisor| Observation {
        jail: Observed { name: name.clone(), spec, kernel, pinned: false },
        root: "/".into(),
        supervisor,
        last: None,
        frozen: false,
    };
    vec![seen(Ok(spec.clone()), Some(kernel), Some(status)), seen(Ok(spec), None, None), seen(Err("no".into()), None, None)]
}

#[test]
fn a_score_has_exactly_the_documented_keys() {
    let place = Place::new();
    let text = place.run("jailsh", &["score", "-o", "json", "network_probe"]).go().stdout;
    let scored: Value = serde_json::from_str(&text).unwrap();
    check("jailsh score", &scored[0]);
    let granted = scored[0]["parts"].as_array().unwrap().iter().find(|part| part["what"] == "ping");
    check("parts", granted.expect("what the profile is for"));
}

#[test]
fn a_trail_its_replay_and_an_answer_have_exactly_the_documented_keys() {
    let place = Place::new();
    let denial = Denial {
        jid: Jid::new(3).unwrap(),
        right: "mount".parse().unwrap(),
        audited: false,
        pid: 8,
        command: "sh".into(),
        object: Object::Nothing,
        subject: None,
        when_ns: 0,
    };
    let mut trail = Trail::default();
    trail.add(&denial, 0);
    let line = trail::Lines::new(Format::Json, true).render(&trail.rest(|_| "web".into()));
    check("jailctl denials", &serde_json::from_str(&line).unwrap());
    place.put("trail", &line);
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&place.run("jailsh", &[&["why", "-o", "json"], arguments].concat()).go().stdout).unwrap()
    };
    let replay = json(&["--profile", "low", "--replay", "trail"]);
    check("jailsh why --replay", &replay);
    check("uses", &replay["uses"][0]);
    let learned = place.run("jailsh", &["learn", "--json", "--from", "trail"]).go().stdout;
    let learned: Value = serde_json::from_str(&learned).unwrap();
    check("jailsh learn", &learned);
    check("needs", &learned["flagged"][0]);
    for action in ["mount", "open /etc/passwd"] {
        let answer = json(&["--profile", "low", action]);
        check("jailsh why", &answer);
        check("steps", &answer["steps"][0]);
    }
}

#[test]
fn a_probe_has_exactly_the_documented_keys() {
    let attempt = Attempt {
        what: "mount".into(),
        verdict: Verdict::Held,
        right: "mount".parse().ok(),
        errno: Some("EPERM".into()),
        detail: None,
    };
    let report = Report {
        jail: "web".parse().unwrap(),
        body: "lsm",
        attempts: vec![attempt],
        denials: Some(BTreeMap::from([("mount".parse().unwrap(), 1)])),
        notes: Vec::new(),
    };
    let told = serde_json::to_value(Probed(&report)).unwrap();
    check("jailsh probe", &told);
    check("attempts", &told["attempts"][0]);
}

#[test]
fn a_past_has_exactly_the_documented_keys() {
    let point = Point { at: 1_800_000_000, cpu_usec: 1, memory_bytes: Some(4096), processes: 1, denials: Some(0) };
    let span = Span { from: point.at - 60, to: point.at };
    let past = Past::new("web".parse().unwrap(), Jid::new(3).unwrap(), vec![point], span).json();
    check("jailctl stats --graph", &past);
    check("points", &past["points"][0]);
}

#[test]
fn each_listing_has_exactly_the_documented_keys() {
    check_table("jailctl stats", &telemetry::stats(&[stats()], |_| Some(5)));
    check_table("jailctl list", &telemetry::jails(&[stats()], |_| None));
    check_table("jailctl top", &telemetry::top(&[stats()], Sort::Cpu));
    check_table("jailctl status", &telemetry::status(&observations(), 10));
    check_table("jailmgr status", &telemetry::status(&observations(), 10));
    check_table("jailmgr list", &telemetry::manager(&observations()));
    let taken = Taken { taken: 1, entries: 2, bytes: 3, shared_files: 0, live: false };
    let snapshot = |taken| Snapshot { name: "one".parse().unwrap(), taken };
    check_table("jailmgr snapshot", &telemetry::snapshots(&[snapshot(Ok(taken)), snapshot(Err("no".into()))]));
    let base = Imported { pin: "box@1".parse().unwrap(), manifest: Err("no".into()) };
    check_table("jailmgr base list", &telemetry::bases(&[base]));
    let garbage = Garbage { kind: "base", what: "box@1".into(), bytes: 1 };
    check_table("jailmgr gc", &telemetry::garbage(&[garbage]));
    let mut summary = Summary::default();
    summary.add("a".parse().unwrap(), End::Started);
    summary.add("b".parse().unwrap(), End::Failed("it ended".into()));
    for verb in ["jailmgr start", "jailmgr stop", "jailmgr restart"] {
        check_table(verb, &telemetry::ends(&summary));
    }
    let record = Record { seq: 1, time_ms: 0, source: Source::Stdout, text: "x".into() };
    check("jailctl logs", &serde_json::from_str(&Lines::new(Format::Json, true).render(&[record])).unwrap());
}

#[test]
fn each_map_has_exactly_the_documented_keys() {
    let place = Place::new();
    place.run("jailmgr", &["create", "-x", "/bin/true", "-r", "80", "web"]).go();
    let json = |tool: &str, arguments: &[&str]| -> Value {
        let outcome = place.run(tool, arguments).go();
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
    };
    let info = json("jailctl", &["info", "-o", "json", "web"]);
    check("jailctl info", &info);
    info["rights"].as_array().unwrap().iter().for_each(|right| check("rights", right));
    place.run("jailmgr", &["config", "--set", "user=www-data", "--set", "env.A=b", "--set", "connect=[]", "web"]).go();
    check("jailmgr config", &json("jailmgr", &["config", "--json", "web"]));
    let doctor = json("jailsh", &["doctor", "-o", "json"]);
    check("jailsh doctor", &doctor);
    doctor["checks"].as_array().unwrap().iter().for_each(|row| check("checks", row));
    let found = place.run("jailsh", &["check", "--json", "-"]).input("frobnicate()").go();
    let found: Value = serde_json::from_str(&found.stdout).expect("findings");
    found.as_array().unwrap().iter().for_each(|finding| check("jailsh check", finding));
    check("jailsh doc", &json("jailsh", &["doc", "--json"]));
    json("jailsh", &["doc", "--json", "len"]).as_array().unwrap().iter().for_each(|page| check("page", page));
    let script = "let web = jail(\"web\", #{ command: [\"/bin/true\"] }); web.create(); web.start();";
    let plan = place.run("jailsh", &["plan", "--json", "-"]).input(script).go();
    let plan: Value = serde_json::from_str(&plan.stdout).expect("a plan");
    check("jailsh plan", &plan);
    check("facts", &plan["facts"][0]);
    let made = plan["actions"][0].as_object().unwrap();
    assert_eq!(made.keys().collect::<Vec<_>>(), ["jail", "action", "spec", "detail", "place"]);
    std::fs::write(place.work().join("a_test.rhai"), "fn test_a() { assert(1 == 2); }").expect("a file of tests");
    let tests = json("jailsh", &["test", "--json"]);
    check("jailsh test", &tests);
    check("tests", &tests["tests"][0]);
    if nix::unistd::geteuid().is_root() {
        check("jailsh kmod status", &json("jailsh", &["kmod", "status", "-o", "json"]));
    }
}

#[test]
fn every_verb_with_json_is_documented() {
    let place = Place::new();
    let documented = documented();
    for tool in ["jailctl", "jailmgr", "jailsh"] {
        for verb in place.verbs(tool) {
            let help = place.run(tool, &[&verb, "--help"]).bare().go().stdout;
            let name = format!("{tool} {verb}");
            assert_eq!(help.contains("--json"), documented.contains_key(&name), "{name}");
        }
    }
}
