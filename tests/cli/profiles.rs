//! Profiles as values of scripts, and as a jail keeps them.

use crate::harness::Place;

/// A profile that says why, as a script makes it.
const PROBE: &str = r#"let p = profile(#{
    name: "network_probe", base: "high",
    grant: #{ ping: "pings its peers" }, deny: ["privileged_port"], reasons: #{ privileged_port: "serves nobody" },
    must_allow: ["ping"], must_deny: ["mount", "bind 80"],
});
"#;

#[test]
fn a_profile_is_a_value_that_prints_compares_and_converts() {
    let place = Place::new();
    let run = |text: &str| place.run("jailsh", &["-e", &format!("{PROBE}{text}")]).go();
    let texts = [
        "p",
        "p.label",
        "p.rights()",
        "p.holds(\"ping\")",
        "p.must_deny",
        "p.grant.ping",
        "p.to_json()",
        "profile(p.to_map()) == p",
        "print(p.to_toml())",
        "profile(\"medium\") == \"medium\"",
        "profile(\"medium\").to_map()",
        "profile(\"medium\").diff(p)",
        "p.diff(p)",
        "p.diff(\"high\").removed[0].right",
        "p.extend(#{ grant: [\"ptrace\"], must_allow: [\"ptrace\"] }).must_allow",
        "profile(\"high\").extend(p)",
        "p.grant([\"ptrace\", \"chroot\"], \"debugging\").deny(\"ping\")",
        "profile(\"low\").restrict(\"high\") == \"high\"",
        "profile(\"low\").restrict(\"high\").rights() == profile(\"high\").rights()",
        "jail(\"web\", #{ profile: p }).spec.profile.name",
    ];
    let shown = |text: &&str| format!("> {text}\n{}", run(text).to_string().split_once('\n').expect("a line").1);
    insta::assert_snapshot!(texts.iter().map(shown).collect::<String>());
}

#[test]
fn a_profile_explains_each_right_by_what_decides_it() {
    let place = Place::new();
    insta::assert_snapshot!(place.run("jailsh", &["-e", &format!("{PROBE}p.explain()")]).go().stdout);
    let rows = "let held = []; for row in p.explain() { if row.held { held.push(row.right) } } held == p.rights()";
    assert_eq!(place.run("jailsh", &["-e", &format!("{PROBE}{rows}")]).go().stdout, "true\n");
}

#[test]
fn what_is_no_profile_is_told_at_the_call() {
    let place = Place::new();
    let texts = [
        "profile(\"hgih\")",
        "profile(1)",
        "profile(#{ bse: \"low\" })",
        "profile(\"low\").grant(\"rawsocket\")",
        "profile(\"low\").grant(\"process_see\", \"curious\")",
        "profile(\"low\").grant(7)",
        "profile(\"low\").extend(#{ base: \"high\" })",
        "profile(\"low\").restrict([])",
        "let profile = 1;",
    ];
    insta::assert_snapshot!(texts.iter().map(|text| place.run("jailsh", &["-e", text]).go().to_string()).collect::<String>());
}

#[test]
fn a_jail_keeps_why_its_rights_were_granted_and_denied() {
    let place = Place::new();
    let create = format!("{PROBE}jail(\"probe\", #{{ profile: p }}).create()");
    assert_eq!(place.run("jailsh", &["-e", &create]).go().stdout, "created\n");
    assert_eq!(place.run("jailsh", &["-e", &create]).go().stdout, "unchanged\n");
    let toml = std::fs::read_to_string(place.data().join("jails/probe/jail.toml")).expect("a spec");
    assert!(toml.contains("ping = \"pings its peers\""), "{toml}");
    let info = place.run("jailctl", &["info", "probe"]).go().stdout;
    let lines: Vec<&str> =
        info.lines().filter(|line| ["profile", "granted", "denied"].iter().any(|key| line.starts_with(key))).collect();
    assert_eq!(
        lines,
        ["profile      network_probe", "granted      ping: pings its peers", "denied       privileged_port: serves nobody"]
    );
    let rights = place.run("jailctl", &["info", "-o", "json", "probe"]).go().stdout;
    assert!(rights.contains("\"reason\": \"pings its peers\""), "{rights}");
    let change = format!("{PROBE}jail(\"probe\", #{{ profile: p.grant(\"ptrace\", \"gdb on itself\") }}).create()");
    insta::assert_snapshot!(place.run("jailsh", &["-e", &change]).go().stdout);
}

/// A library with a profile that breaks its word.
const BROKEN: &str = r#"
fn careful() { profile(#{ must_allow: ["bind 80"], must_deny: ["ping", "open /dev/sda"] }) }
fn careless() { careful().extend(#{ name: "careless", grant: ["ping"], must_allow: ["ptrace"] }) }
fn with_a_parameter(base) { profile(base) }
fn something_else() { 42 }
private fn hidden() { throw "never called" }
"#;

#[test]
fn the_proof_of_a_library_is_a_table_and_a_broken_promise_is_1() {
    let place = Place::new().file("mine.rhai", BROKEN).file("one.toml", "profile = { must_deny = [\"mount\"] }");
    let runs: [&[&str]; 4] = [
        &["profile", "check", "mine.rhai"],
        &["profile", "check", "one.toml"],
        &["profile", "check", "--json", "one.toml"],
        &["profile", "check", "-T", "one.toml"],
    ];
    insta::assert_snapshot!(runs.map(|arguments| place.run("jailsh", arguments).go().to_string()).concat());
    let value = format!(
        "{BROKEN} let proof = careless().check(); print(proof.ok); for found in proof.failed() {{ print(found.example); }}"
    );
    assert_eq!(place.run("jailsh", &["-e", &value]).go().stdout, "false\nptrace\nping\n");
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn the_standard_profiles_keep_their_word_and_give_a_reason_for_each_right() {
    let place = Place::new();
    let outcome = place.run("jailsh", &["profile", "check"]).go();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    for name in NAMES {
        assert!(outcome.stdout.lines().any(|line| line.starts_with(name)), "{name}:\n{outcome}");
        let reasons = format!(
            "import \"std/profiles\" as p; let it = p::{name}();
             for right in it.rights() {{ if !(right in it.grant) || it.grant[right] == \"\" {{ throw right; }} }}
             if it.must_allow.is_empty() || it.must_deny.is_empty() {{ throw \"no proof\"; }}"
        );
        let outcome = place.run("jailsh", &["-e", &reasons]).go();
        assert_eq!(outcome.status, Some(0), "{name}: {outcome}");
    }
    let same =
        "import \"std/profiles\" as p; [p::low().rights() == profile(\"low\").rights(), p::medium().label, p::high().label]";
    assert_eq!(place.run("jailsh", &["-e", same]).go().stdout, "[true, \"medium\", \"high\"]\n");
}

const NAMES: [&str; 11] = [
    "low",
    "medium",
    "high",
    "web_server",
    "database",
    "mail",
    "ssh_server",
    "dns_server",
    "build_worker",
    "interactive_shell",
    "network_probe",
];

#[test]
fn profiles_are_shown_and_compared_by_name() {
    let place = Place::new();
    let runs: [&[&str]; 4] = [
        &["profile", "show", "--toml", "network_probe"],
        &["profile", "diff", "high", "network_probe"],
        &["profile", "diff", "low", "low"],
        &["profile", "show", "-o", "name", "high"],
    ];
    insta::assert_snapshot!(runs.map(|arguments| place.run("jailsh", arguments).go().to_string()).concat());
    let diff = place.run("jailsh", &["profile", "diff", "--json", "high", "network_probe"]).go().stdout;
    let diff: serde_json::Value = serde_json::from_str(&diff).expect("JSON");
    assert_eq!(diff["added"][0]["right"], "raw_socket");
}

#[test]
fn what_names_no_profile_or_proves_nothing_is_65() {
    let place = Place::new()
        .file("none.rhai", "fn f() { 1 }")
        .file("plain.toml", "profile = \"low\"")
        .file("bad.rhai", "fn f() { profile(\"hgih\") }")
        .file("host.rhai", "fn f() { list() }")
        .file("bad.toml", "profile = { must_deny = [\"bnid 80\"] }");
    let runs: [&[&str]; 8] = [
        &["profile", "check", "web_sever"],
        &["profile", "check", "none.rhai"],
        &["profile", "check", "plain.toml"],
        &["profile", "check", "bad.rhai"],
        &["profile", "check", "host.rhai"],
        &["profile", "check", "bad.toml"],
        &["profile", "show", "none.rhai"],
        &["profile", "check", "absent.toml"],
    ];
    insta::assert_snapshot!(runs.map(|arguments| place.run("jailsh", arguments).go().to_string()).concat());
}

#[test]
fn a_score_says_what_it_is_made_of_compares_two_and_fails_above_a_threshold() {
    let place = Place::new().file("mine.toml", "profile = { base = \"high\", grant = { kernel_module = \"loads its own\" } }");
    let runs: [&[&str]; 9] = [
        &["score", "network_probe"],
        &["score", "mine.toml"],
        &["score", "medium", "network_probe"],
        &["score", "high", "high"],
        &["score", "-T", "-H", "high"],
        &["score", "low", "medium", "--threshold", "1.5"],
        &["score", "--threshold", "11", "low"],
        &["score"],
        &["score", "web_sever"],
    ];
    insta::assert_snapshot!(runs.map(|arguments| place.run("jailsh", arguments).go().to_string()).concat());
}

#[test]
fn a_jails_score_counts_what_its_services_can_do_as_root() {
    let place = Place::new();
    place.run("jailmgr", &["create", "-l", "high", "-x", "/bin/sleep 60", "web"]).go();
    let runs: [&[&str]; 3] = [&["score", "--jail", "web"], &["score", "--jail", "web", "high"], &["score", "--jail", "wbe"]];
    insta::assert_snapshot!(runs.map(|arguments| place.run("jailsh", arguments).go().to_string()).concat());
}
