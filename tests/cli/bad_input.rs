//! Wrong input gets one clear error, the right exit status, and leaves nothing.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Outcome, Place};

/// One line on standard error, nothing on standard output, nothing created.
fn refused(place: &Place, outcome: Outcome, status: i32) -> String {
    assert_eq!(outcome.status, Some(status), "{outcome}");
    assert_eq!(outcome.stdout, "", "{outcome}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    assert_eq!(place.leftovers(), [""; 0], "{outcome}");
    outcome.to_string()
}

fn all_refused(tool: &str, runs: &[&[&str]], status: i32) -> String {
    let place = Place::new();
    runs.iter().map(|arguments| refused(&place, place.run(tool, arguments).go(), status)).collect()
}

#[test]
fn wrong_use_of_jailsh_is_one_line_and_64() {
    let runs: [&[&str]; 5] = [&["report", "web"], &["-e"], &["--kernl", "sim"], &["kmod"], &["kmod", "laod"]];
    let place = Place::new();
    let body = refused(&place, place.run("jailsh", &["--kernel", "netbsd", "-e", "1"]).bare().go(), 64);
    insta::assert_snapshot!(all_refused("jailsh", &runs, 64) + body.as_str());
}

#[test]
fn wrong_use_of_jailctl_is_one_line_and_64() {
    let runs: [&[&str]; 37] = [
        &[],
        &["exce", "web"],
        &["exec"],
        &["exec", "../web", "ls"],
        &["exec", "0", "ls"],
        &["exec", "99999999999", "ls"],
        &["exec", "-E", "1A=b", "web", "ls"],
        &["exec", "--timeout", "soon", "web", "ls"],
        &["stats", "-h"],
        &["stats", "-P", "-v"],
        &["stats", "-P", "--json"],
        &["supervise", "-f", "local9", "web"],
        &["supervise", "-o", "8", "web"],
        &["supervise", "-t", "a b", "web"],
        &["create"],
        &["create", "-n", "web", "-l", "hgih"],
        &["create", "-n", "web", "/elsewhere"],
        &["status", "0"],
        &["status", "-o", "xml"],
        &["status", "-o", "json", "-T"],
        &["logs"],
        &["logs", "-n", "many", "web"],
        &["wait"],
        &["wait", "--for", "ever", "web"],
        &["wait", "--timeout", "0", "web"],
        &["kill", "-s", "FOO", "web"],
        &["kill", "-s", "0", "web"],
        &["kill", "-s", "99", "web"],
        &["freeze"],
        &["thaw", "a/b"],
        &["update", "web"],
        &["update", "-l", "hgih", "web"],
        &["update", "-r", "80,80", "web"],
        &["update", "--no-ports", "-r", "80", "web"],
        &["top", "-s", "rss"],
        &["top", "-n", "0"],
        &["top", "-d", "soon"],
    ];
    insta::assert_snapshot!(all_refused("jailctl", &runs, 64));
}

#[test]
fn wrong_use_of_jailmgr_is_one_line_and_64() {
    let runs: [&[&str]; 28] = [
        &["create"],
        &["create", "../web"],
        &["create", "123"],
        &["create", "web\u{1b}[2J"],
        &["create", "-r", "0", "web"],
        &["create", "-r", "80,99999", "web"],
        &["create", "-r", "80,80", "web"],
        &["create", "-r", "http", "web"],
        &["create", "-l", "hgih", "web"],
        &["create", "-f", "local9", "web"],
        &["create", "-o", "loud", "web"],
        &["create", "-t", "a b", "web"],
        &["create", "-x", "sh -c 'echo hi", "web"],
        &["create", "-x", "", "web"],
        &["create", "-x", "echo \\", "web"],
        &["create", "-p", "0", "web"],
        &["start"],
        &["start", "--all", "web"],
        &["stop"],
        &["destroy"],
        &["start", "web-[0"],
        &["stop", "../*"],
        &["restart"],
        &["restart", "--all", "web"],
        &["status", "--all", "web"],
        &["config"],
        &["config", "--set", "profile", "web"],
        &["config", "--edit", "--set", "profile=low", "web"],
    ];
    insta::assert_snapshot!(all_refused("jailmgr", &runs, 64));
}

#[test]
fn files_that_cannot_be_read_are_66_and_what_is_no_text_is_65() {
    let place = Place::new().file("binary.rhai", [b'l', b'e', b't', 0xff, 0xfe]);
    let text = [
        refused(&place, place.run("jailsh", &["missing.rhai"]).go(), 66),
        refused(&place, place.run("jailsh", &["."]).go(), 66),
        refused(&place, place.run("jailsh", &["binary.rhai"]).go(), 65),
        refused(&place, place.run("jailmgr", &["apply", "web", "missing.sh"]).go(), 66),
        refused(&place, place.run("jailmgr", &["apply", "web", "-"]).input("").go(), 65),
        refused(&place, place.run("jailmgr", &["apply", "--ephemeral", "web"]).input(" \n").go(), 65),
    ];
    insta::assert_snapshot!(text.concat());
}

#[test]
fn a_wrong_configuration_file_is_78_and_a_missing_one_66_if_it_was_asked_for() {
    let place = Place::new().file("bad.toml", "kernl = \"sim\"\n").file("worse.toml", "kernel = \"sim\"\ndata_dir =\n");
    let text = [
        refused(&place, place.run("jailctl", &["--config", "bad.toml", "list"]).bare().go(), 78),
        refused(&place, place.run("jailctl", &["--config", "worse.toml", "list"]).bare().go(), 78),
        refused(&place, place.run("jailctl", &["--config", "none.toml", "list"]).bare().go(), 66),
    ];
    insta::assert_snapshot!(text.concat());
}

#[test]
fn a_jail_that_is_not_there_is_named_with_the_nearest_one() {
    let place = Place::new();
    assert_eq!(place.run("jailmgr", &["create", "-x", "/bin/true", "web"]).go().status, Some(0));
    let runs: [(&str, &[&str]); 20] = [
        ("jailmgr", &["start", "wbe"]),
        ("jailmgr", &["restart", "wbe"]),
        ("jailmgr", &["restart", "x*"]),
        ("jailmgr", &["config", "wbe"]),
        ("jailmgr", &["config", "--set", "profile=low", "wbe"]),
        ("jailctl", &["status", "wbe"]),
        ("jailctl", &["stats", "web"]),
        ("jailctl", &["logs", "wbe"]),
        ("jailctl", &["logs", "web"]),
        ("jailctl", &["wait", "wbe"]),
        ("jailctl", &["kill", "web"]),
        ("jailctl", &["freeze", "7"]),
        ("jailctl", &["thaw", "web"]),
        ("jailctl", &["update", "-l", "low", "web"]),
        ("jailmgr", &["destroy", "wbe"]),
        ("jailmgr", &["status", "other"]),
        ("jailctl", &["exec", "wbe", "ls"]),
        ("jailctl", &["exec", "web", "ls"]),
        ("jailctl", &["info", "7"]),
        ("jailctl", &["destroy", "web"]),
    ];
    let text: String = runs
        .iter()
        .map(|(tool, arguments)| {
            let outcome = place.run(tool, arguments).go();
            assert_eq!((outcome.status, outcome.stderr.lines().count()), (Some(1), 1), "{outcome}");
            outcome.to_string()
        })
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn a_root_that_is_a_symlink_is_not_followed() {
    let place = Place::new();
    assert_eq!(place.run("jailmgr", &["create", "-x", "/bin/true", "web"]).go().status, Some(0));
    let (root, target) = (place.data().join("jails/web/root"), place.work().join("elsewhere"));
    fs::remove_dir(&root).unwrap();
    fs::create_dir(&target).unwrap();
    symlink(&target, &root).unwrap();
    let outcome = place.run("jailmgr", &["create", "-l", "low", "web"]).go();
    assert_eq!((outcome.status, outcome.stdout.as_str(), outcome.stderr.lines().count()), (Some(1), "", 1), "{outcome}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0, "something was written through the symlink");
    insta::assert_snapshot!(outcome);
}

#[test]
fn a_data_directory_that_is_a_file_or_a_symlink_is_refused() {
    let place = Place::new().file("file", "").file("target", "");
    symlink("/nonexistent", place.work().join("link")).unwrap();
    for path in ["file", "link"] {
        let data = place.work().join(path).display().to_string();
        let config = place.work().join("config").display().to_string();
        let arguments = ["--kernel", "sim", "--data-dir", &data, "--config", &config, "bootstrap"];
        fs::write(&config, "").unwrap();
        let outcome = place.run("jailmgr", &arguments).bare().go();
        assert_eq!((outcome.status, outcome.stderr.lines().count()), (Some(1), 1), "{outcome}");
    }
}
