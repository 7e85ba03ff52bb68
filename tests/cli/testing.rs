//! jailsh test: what is found, what a failure shows, how it ends, what other programs get.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::Place;

const SITE: &str = r#"
let web = jail("web", #{ command: ["/usr/bin/httpd"], ports: [8080] });
web.create();
web.file("/srv/index.html", "hello\n", #{ mode: "0640", owner: "www-data" });
print(web.start());
if web.exec(["httpd", "-t"]).status != 0 {
    throw "the configuration is wrong";
}
exit(7);
"#;

/// A test for each way to fail, and two that pass.
const TESTS: &str = r#"import "lib/checks" as checks;

fn setup() {
    on_exec("web", ["httpd", "-t"], #{ times: 1 });
    on_exec("web", ["httpd", "-t"], #{ status: 1 });
}

fn test_it_serves() {
    let ran = run_script("site.rhai");
    expect(ran.status).to_equal(7);
    expect(ran.stdout).to_equal("started\n");
    expect_actions(["web: create", "web: write /srv/index.html", "web: start", "web: run httpd -t"]);
    expect(actions()[1].content).to_equal("hello\n");
}

fn test_a_wrong_configuration_is_told() {
    run_script("site.rhai");
    assert_throws(|| run_script("site.rhai"), "the configuration is wrong");
}

fn test_a_file_differs() {
    run_script("site.rhai");
    assert_file("web", "/srv/index.html", "hallo\n");
}

fn test_values_differ() {
    print("so far, so good");
    expect([1, 2]).to_equal([1, 3]);
}

fn test_a_module_s_assertion_fails() {
    checks::is_up("web");
}

fn test_other_actions_were_done() {
    create("web", #{});
    expect_actions(["web: create", #{ action: "write", path: "/etc/motd" }]);
}

fn test_nobody_answers() {
    given("db", #{ command: ["postgres"], running: true });
    exec("db", ["psql", "-c", "select 'a b'"]);
}

fn test_nobody_answers_to_shell_text() {
    given("db", #{});
    apply("db", "createdb app\ncreateuser app", #{ ephemeral: true });
}

fn test_it_does_something_twice() {
    given("web", #{ command: ["httpd"], running: true });
    assert_idempotent(|| restart("web"));
}

fn test_the_wrong_error_is_thrown() {
    assert_throws(|| start("web"), "port_taken");
}

fn test_it_catches_its_own_failure() {
    try { assert(1 == 2, "one is not two"); } catch { }
}

fn test_it_divides_by_zero() {
    1 / 0;
}

fn test_it_exits() {
    exit(3);
}

fn test_it_asserts_nothing() {
    run_script("site.rhai");
}

fn test_variables_facts_and_secrets_are_what_it_says() {
    given_env("DOMAIN", "example.org");
    given_fact("cpus", 4);
    given_secret("db", "not a real one");
    expect(`${env("DOMAIN")} ${env("HOME", "none")} ${facts().cpus}`).to_equal("example.org none 4");
    let web = jail("web", #{});
    web.create();
    web.file("/etc/db", ["password = ", secret("db"), "\n"]);
    assert_file(web, "/etc/db", "password = not a real one\n");
    expect(actions()[1].content).to_equal("password = [secret db]\n");
    facts().memory
}

fn test_the_real_disk_is_not_looked_at() {
    assert_throws(|| disk_use(), "simulated");
    assert_throws(|| bases(), "simulated");
    assert_throws(|| gc(#{ dry_run: true }), "simulated");
    given("web", #{});
    assert_throws(|| snapshots("web"), "simulated");
    assert_throws(|| disk_use("web"), "simulated");
}

fn test_what_is_not_simulated_is_told() {
    given("web", #{});
    snapshot("web");
}
"#;

const CHECKS: &str = r#"
fn is_up(name) {
    expect(status(name).state).to_equal("running");
}
"#;

fn place() -> Place {
    Place::new().file("site.rhai", SITE).file("site_test.rhai", TESTS).file("lib/checks.rhai", CHECKS)
}

#[test]
fn a_failure_shows_where_what_differs_and_what_was_done() {
    let place = place();
    let outcome = place.run("jailsh", &["test"]).go();
    insta::assert_snapshot!(outcome.to_string());
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn a_failing_script_is_shown_in_its_own_text_with_the_call_that_ran_it() {
    let tests = "fn test_it() {\n    given(\"other\", #{ command: [\"x\"], ports: [8080], running: true });\n    run_script(\"site.rhai\");\n}\n";
    let place = Place::new().file("site.rhai", SITE).file("test_site.rhai", tests);
    insta::assert_snapshot!(place.run("jailsh", &["test", "test_site.rhai"]).go().to_string());
}

#[test]
fn tests_are_listed_and_chosen_and_none_is_66() {
    let place = place().file("deep/test_more.rhai", "fn test_more() { assert(true); }\nfn helper(x) { x }\n");
    let mut text = place.run("jailsh", &["test", "--list", "--filter", "differ"]).go().to_string();
    for arguments in [
        &["test", "--filter", "test_it_serves", "--filter", "more"][..],
        &["test", "deep"],
        &["test", "--filter", "nothing like it"],
        &["test", "lib"],
        &["test", "none_test.rhai"],
    ] {
        text += &place.run("jailsh", arguments).go().to_string();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_file_that_is_wrong_is_65_and_the_others_are_run() {
    let place = Place::new()
        .file("a_test.rhai", "fn test_a() { assert(true);\n")
        .file("b_test.rhai", "fn test_b() { assert(true); }\n")
        .file("c_test.rhai", "fn test_c(x) { assert(x); }\n")
        .file("d_test.rhai", "fn expect(x) { x }\nfn test_d() { expect(1); }\n");
    insta::assert_snapshot!(place.run("jailsh", &["test"]).go().to_string());
}

#[test]
fn other_programs_get_json_and_junit() {
    let place = place();
    let outcome =
        place.run("jailsh", &["test", "--json", "--junit", "report.xml", "--filter", "serves", "--filter", "values"]).go();
    assert_eq!(outcome.status, Some(1), "{outcome}");
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &1.into()), "{json}");
    let verdicts: Vec<&str> = json["tests"].as_array().unwrap().iter().map(|test| test["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["ok", "failed"]);
    assert!(json["tests"][1]["report"].as_str().unwrap().contains("site_test.rhai:28:"), "{json}");
    assert!(json["tests"][0]["seconds"].is_f64() && json["tests"][0].get("report").is_none(), "{json}");
    let xml = std::fs::read_to_string(place.work().join("report.xml")).expect("a report");
    assert!(xml.starts_with("<?xml") && xml.contains("<testsuite name=\"site_test.rhai\" tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("message=\"site_test.rhai:28:"), "{xml}");
}

#[test]
fn verbs_of_tests_are_unknown_elsewhere_and_their_names_are_free() {
    let place = Place::new();
    let outcome = place.run("jailsh", &["-e", "fn expect(x) { x + 1 } let given = 1; expect(given)"]).go();
    assert_eq!(outcome.stdout, "2\n", "{outcome}");
    let outcome = place.run("jailsh", &["-e", "expect(1)"]).go();
    assert!(outcome.stderr.contains("unknown function \"expect\""), "{outcome}");
}

const PROFILES: &str = r#"
fn probe() {
    profile(#{ name: "probe", base: "high", grant: #{ ping: "pings" }, must_allow: ["ping"], must_deny: ["mount"] })
}

fn careless() {
    profile(#{ name: "careless", base: "low", must_allow: ["bind 8080"], must_deny: ["ptrace"] })
}

fn no_profile() { throw "nobody asked"; }

fn test_the_probe_can_ping() {
    given("net", #{ command: ["pinger"], profile: probe(), running: true });
    assert(allows("net", "ping"));
}
"#;

#[test]
fn the_examples_of_profiles_are_tests() {
    let place = Place::new().file("profiles_test.rhai", PROFILES);
    let mut text = place.run("jailsh", &["test"]).go().to_string();
    text += &place.run("jailsh", &["test", "--list", "--filter", "profile careless"]).go().to_string();
    insta::assert_snapshot!(text);
}

/// All that a recording holds but commands, which the simulation runs none of.
const RECORDED: &str = r#"
let web = jail("web", #{ ports: [8080] });
web.create();
web.file("/etc/app.conf", ["token = ", secret("token"), "\n"], #{ mode: "0600" });
web.line("/etc/hosts", `127.0.0.1 ${args[0]}`);
web.file("/etc/bad", "x", #{ owner: "nobody-there" });
web.file("/etc/after", "x");
let answer = try_get();
if facts().cpus > 0 { jail("db", #{}).create(); }

fn try_get() { try { http_get("http://127.0.0.1:9/") } catch (error) { error.kind } }
"#;

#[test]
fn a_run_is_recorded_without_secrets_and_replayed_anywhere() {
    let place = Place::new().file("site.rhai", RECORDED).file("secrets/token", "hunter2");
    let secrets = place.work().join("secrets").display().to_string();
    std::fs::set_permissions(format!("{secrets}/token"), std::fs::Permissions::from_mode(0o600)).expect("a secret");
    let run = |arguments: &[&str]| place.run("jailsh", arguments).with("CREDENTIALS_DIRECTORY", &secrets).go();
    let first = run(&["run", "--record", "first.recording", "site.rhai", "example.org"]);
    assert_eq!(first.status, Some(1), "{first}");
    let text = std::fs::read_to_string(place.work().join("first.recording")).expect("a recording");
    assert!(!text.contains("hunter2") && text.contains("{\"secret\":\"token\"}"), "{text}");
    assert!(text.contains("\"saw\":\"fact\"") && text.contains("\"saw\":\"page\""), "{text}");
    let second = run(&["run", "--record", "second.recording", "site.rhai", "example.org"]);
    assert!(second.stdout.contains("FAILED"), "{second}");
    // Elsewhere there is neither a secret nor a jail.
    let elsewhere = Place::new().file("site.rhai", RECORDED).file("first.recording", &text);
    let elsewhere = elsewhere.file("other.rhai", RECORDED.replace("0600", "0644").replace("jail(\"db\", #{}).create();", ""));
    let elsewhere = elsewhere
        .file("second.recording", std::fs::read(place.work().join("second.recording")).expect("a recording"))
        .file("no.recording", "{}");
    let mut shown = String::new();
    for arguments in [
        &["test", "--replay", "first.recording", "site.rhai"][..],
        &["test", "--replay", "second.recording", "site.rhai"],
        &["test", "--replay", "first.recording", "other.rhai"],
        &["test", "--replay", "first.recording", "site.rhai", "example.net"],
        &["test", "--replay", "no.recording", "site.rhai"],
    ] {
        shown += &elsewhere.run("jailsh", arguments).go().to_string();
    }
    let tests = "fn test_as_then() { replay(\"first.recording\"); }\n\
                 fn test_with_another_script() { replay(\"first.recording\", \"other.rhai\"); }\n";
    let elsewhere = elsewhere.file("site_test.rhai", tests);
    shown += &elsewhere.run("jailsh", &["test", "site_test.rhai"]).go().to_string();
    insta::assert_snapshot!(shown);
    assert_eq!(elsewhere.leftovers(), [""; 0]);
}

#[test]
fn the_tests_in_the_documentation_and_the_examples_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/testing.md")).expect("the document");
    let blocks: Vec<&str> = text.split("```rhai\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 2, "the blocks were not found");
    let mut place = Place::new();
    for (number, block) in blocks.iter().enumerate() {
        place = place.file(&format!("{number}_test.rhai"), block);
    }
    let outcome = place.run("jailsh", &["test"]).go();
    assert_eq!(outcome.status, Some(0), "{outcome}");
    let examples = root.join("examples").display().to_string();
    let outcome = place.run("jailsh", &["test", &examples]).go();
    assert!(outcome.status == Some(0) && outcome.stdout.contains("tour_test.rhai"), "{outcome}");
    assert_eq!(place.leftovers(), [""; 0]);
}
