//! Profiles as values of scripts, and as a jail keeps them.

use crate::harness::Place;

/// A profile that says why, as a script makes it.
const PROBE: &str = r#"let p = profile(#{
    name: "network_probe", base: "high",
    grant: #{ raw_socket: "pings its peers" }, deny: ["privileged_port"], reasons: #{ privileged_port: "serves nobody" },
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
        "p.holds(\"raw_socket\")",
        "p.must_deny",
        "p.grant.raw_socket",
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
        "p.grant([\"ptrace\", \"chroot\"], \"debugging\").deny(\"raw_socket\")",
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
    assert!(toml.contains("raw_socket = \"pings its peers\""), "{toml}");
    let info = place.run("jailctl", &["info", "probe"]).go().stdout;
    let lines: Vec<&str> =
        info.lines().filter(|line| ["profile", "granted", "denied"].iter().any(|key| line.starts_with(key))).collect();
    assert_eq!(
        lines,
        ["profile      network_probe", "granted      raw_socket: pings its peers", "denied       privileged_port: serves nobody"]
    );
    let rights = place.run("jailctl", &["info", "-o", "json", "probe"]).go().stdout;
    assert!(rights.contains("\"reason\": \"pings its peers\""), "{rights}");
    let change = format!("{PROBE}jail(\"probe\", #{{ profile: p.grant(\"ptrace\", \"gdb on itself\") }}).create()");
    insta::assert_snapshot!(place.run("jailsh", &["-e", &change]).go().stdout);
}
