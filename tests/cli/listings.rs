//! Verbs that need no running jail: making, changing, listing, removing.

use crate::harness::Place;

#[test]
fn without_jails_the_listings_say_so_and_the_metrics_say_nothing() {
    let place = Place::new();
    let runs: [(&str, &[&str]); 8] = [
        ("jailctl", &["stats"]),
        ("jailctl", &["stats", "-P"]),
        ("jailctl", &["stats", "--json"]),
        ("jailctl", &["stats", "-T"]),
        ("jailctl", &["list"]),
        ("jailmgr", &["list"]),
        ("jailmgr", &["list", "--json"]),
        ("jailmgr", &["status"]),
    ];
    insta::assert_snapshot!(runs.iter().map(|(tool, arguments)| place.run(tool, arguments).go().to_string()).collect::<String>());
}

#[test]
fn the_metrics_can_carry_an_http_head_with_its_own_line_ends() {
    let outcome = Place::new().run("jailctl", &["stats", "-P", "-h"]).go();
    assert_eq!(outcome.stdout, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
}

#[test]
fn bootstrap_says_each_step_and_that_it_was_done_already() {
    let place = Place::new();
    let text = [place.run("jailmgr", &["bootstrap"]).go().to_string(), place.run("jailmgr", &["bootstrap"]).go().to_string()];
    insta::assert_snapshot!(text.concat());
}

#[test]
fn a_jail_is_created_changed_left_alone_listed_and_destroyed() {
    let place = Place::new();
    let web: [&str; 17] = [
        "create",
        "-a",
        "-x",
        "/usr/libexec/httpd -I 8080 -X -f -s '/var/www/my site'",
        "-l",
        "medium",
        "-r",
        "8080",
        "-f",
        "local3",
        "-o",
        "info",
        "-e",
        "err",
        "-t",
        "jail-web",
        "web",
    ];
    let mut other = web.map(str::to_owned);
    other[5] = "high".into();
    other[7] = "8080,443".into();
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let runs: [&[&str]; 9] =
        [&web, &web, &other, &["create", "db"], &["list"], &["list", "-v"], &["status"], &["destroy", "web"], &["list", "-T"]];
    let text: String = runs.iter().map(|arguments| place.run("jailmgr", arguments).go().to_string()).collect();
    insta::assert_snapshot!(text);
}

#[test]
fn info_tells_what_is_not_enforced_here() {
    let place = Place::new();
    place.run("jailmgr", &["create", "-l", "low", "-r", "80", "web"]).go();
    let outcome = place.run("jailctl", &["info", "web"]).go();
    assert!(outcome.stdout.contains("NOT ENFORCED: simulated") && outcome.stdout.contains("enforced by  sim"), "{outcome}");
    let json = place.run("jailctl", &["info", "--json", "web"]).go();
    let sheet: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&sheet["ports"][0], &sheet["profile"], &sheet["jid"]), (&80.into(), &"low".into(), &serde_json::Value::Null));
    assert_eq!(sheet["rights"].as_array().unwrap().len(), jailsh::kernel::Right::count());
}

#[test]
fn ports_are_shown_kept_and_judged_as_they_were_reserved() {
    let place = Place::new();
    let mixed = "jail(\"web\", #{ ports: [8080, \"127.0.0.2:53/udp\", \"[::1]:443\", \"5000-5010/tcp\"] })";
    let script = format!("let web = {mixed}; web.create(); print(web.spec.ports); print({mixed}.create().change);");
    let runs: [(&str, &[&str]); 9] = [
        ("jailsh", &["-e", &script]),
        ("jailmgr", &["list", "-v"]),
        ("jailmgr", &["create", "-r", "80,53/udp", "-r", "[::1]:90-95/tcp", "db"]),
        ("jailmgr", &["create", "-r", "80,127.0.0.2:80", "wrong"]),
        ("jailmgr", &["create", "-r", "1-1025", "wrong"]),
        ("jailsh", &["-e", "create(\"wrong\", #{ ports: [\"0.0.0.0:80\"] })"]),
        ("jailsh", &["why", "web", "bind", "127.0.0.2:53/udp"]),
        ("jailmgr", &["clone", "-r", "127.0.0.2:53", "web", "twin"]),
        ("jailmgr", &["clone", "-r", "127.0.0.3:53/udp,8080", "web", "twin"]),
    ];
    let told: String = runs.iter().map(|(tool, arguments)| place.run(tool, arguments).go().to_string()).collect();
    insta::assert_snapshot!(told);
    let text = place.run("jailctl", &["info", "web"]).go();
    assert!(text.stdout.contains("\nports        8080,127.0.0.2:53/udp,[::1]:443,5000-5010/tcp\n"), "{text}");
    let sheet = place.run("jailctl", &["info", "--json", "web"]).go();
    let sheet: serde_json::Value = serde_json::from_str(&sheet.stdout).unwrap();
    assert_eq!(sheet["ports"], serde_json::json!([8080, "127.0.0.2:53/udp", "[::1]:443", "5000-5010/tcp"]));
}

#[test]
fn a_simulation_leaves_no_directory_behind() {
    let place = Place::new();
    let outcome = place.run("jailmgr", &["--kernel", "sim", "create", "web"]).bare().go();
    assert_eq!(outcome.stdout, "Created jail web\n", "{outcome}");
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn start_all_leaves_jails_without_autostart_alone_and_goes_on_after_a_failure() {
    let place = Place::new();
    place.run("jailmgr", &["create", "-a", "-x", "/bin/true", "a"]).go();
    place.run("jailmgr", &["create", "-x", "/bin/true", "b"]).go();
    place.run("jailmgr", &["create", "-a", "-x", "/bin/true", "c"]).go();
    // The simulation refuses to run anything, which is the failure here.
    let outcome = place.run("jailmgr", &["start", "--all"]).go();
    assert_eq!((outcome.status, outcome.stderr.lines().count()), (Some(1), 2), "{outcome}");
}

#[test]
fn doctor_says_what_is_missing_and_its_status_agrees() {
    let place = Place::new();
    let outcome = place.run("jailsh", &["doctor", "--json"]).bare().go();
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(outcome.status, Some(if report["ready"] == true { 0 } else { 69 }), "{outcome}");
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["check"] == "module"), "{outcome}");
    for check in checks {
        assert_eq!(check["result"] == "MISSING", check["result"] != "note" && !check["remedy"].is_null(), "{check}");
    }
    let quiet = place.run("jailsh", &["doctor", "--quiet"]).bare().go();
    assert_eq!((quiet.status, quiet.stdout.as_str(), quiet.stderr.as_str()), (outcome.status, "", ""));
}
