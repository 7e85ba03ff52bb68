//! Bases, snapshots, clones and archives, as an administrator types them. Nothing is ever run, so the simulation will do.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Outcome, Place};

fn done(outcome: Outcome) -> String {
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    outcome.stdout
}

/// A root with next to nothing in it.
fn place_with_root() -> Place {
    let place = Place::new();
    let root = place.work().join("box");
    for name in ["bin", "etc"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("bin/version"), "one\n").unwrap();
    fs::write(root.join("etc/motd"), "hello\n").unwrap();
    symlink("bin", root.join("sbin")).unwrap();
    place
}

fn source(place: &Place) -> String {
    format!("dir:{}", place.work().join("box").display())
}

/// What varies from run to run, as one sign each.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n', '@']) {
        let bare = word.trim_end_matches([' ', '\n', '@', ',', ':']);
        let end = &word[bare.len()..];
        match () {
            () if bare.len() == 64 && bare.bytes().all(|b| b.is_ascii_hexdigit()) => out += "[sum]",
            () if bare.len() == 12 && bare.bytes().all(|b| b.is_ascii_hexdigit()) => out += "[version]",
            () if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit() || b == b'.') => out += "[n]",
            () if bare.len() == 20 && bare.ends_with('Z') && bare.contains('T') => out += "[time]",
            () => out += bare,
        }
        out += end;
    }
    // Columns are as wide as what was in them.
    out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn a_base_is_imported_pinned_upgraded_rolled_back_and_collected() {
    let place = place_with_root();
    let source = source(&place);
    let run = |arguments: &[&str]| format!("{}", place.run("jailmgr", arguments).go());
    let mut text = run(&["base", "list"]);
    text += &run(&["base", "import", "--name", "box", "--version", "1", &source]);
    text += &run(&["base", "import", "--name", "box", "--version", "1", &source]);
    text += &run(&["create", "-b", "box", "web"]);
    fs::write(place.work().join("box/bin/version"), "two\n").unwrap();
    text += &run(&["base", "import", "--name", "box", "--version", "2", &source]);
    text += &run(&["create", "-b", "box", "web"]);
    text += &run(&["upgrade-base", "web"]);
    text += &run(&["upgrade-base", "--restart", "web"]);
    text += &run(&["gc"]);
    text += &run(&["upgrade-base", "--rollback", "web"]);
    text += &run(&["upgrade-base", "--to", "3", "web"]);
    text += &run(&["base", "remove", "box@2"]);
    text += &run(&["base", "list"]);
    text += &run(&["destroy", "web"]);
    text += &run(&["gc", "-n"]);
    text += &run(&["gc"]);
    text += &run(&["gc"]);
    insta::assert_snapshot!(plain(&text));
    assert!(!place.data().join("base/box").exists());
}

#[test]
fn several_jails_are_moved_and_destroyed_by_one_command_and_one_that_fails_keeps_none_of_the_others() {
    let place = place_with_root();
    let source = source(&place);
    let run = |arguments: &[&str]| format!("{}", place.run("jailmgr", arguments).go());
    done(place.run("jailmgr", &["base", "import", "--name", "box", "--version", "1", &source]).go());
    for jail in ["web-1", "web-2", "db"] {
        done(place.run("jailmgr", &["create", "-b", "box", jail]).go());
    }
    done(place.run("jailmgr", &["create", "plain"]).go());
    done(place.run("jailmgr", &["base", "import", "--name", "box", "--version", "2", &source]).go());
    let mut text = run(&["upgrade-base", "web-[1-2]"]);
    text += &run(&["upgrade-base", "--all"]);
    text += &run(&["upgrade-base", "--rollback", "web-1", "plain", "db"]);
    text += &run(&["destroy", "web-*"]);
    text += &run(&["destroy", "nobody", "db"]);
    text += &run(&["destroy", "nobody"]);
    text += &run(&["list", "-o", "name"]);
    insta::assert_snapshot!(text);
}

#[test]
fn create_imports_what_a_path_leads_to_and_says_its_sum() {
    let place = place_with_root();
    let source = source(&place);
    let first = done(place.run("jailmgr", &["create", "-b", &source, "web"]).go());
    assert_eq!(
        plain(&first),
        "Imported base box@[version] [n] files, [n] B\nsha256 [sum]\nCreated jail web\n".replace("@[version] ", "@[version]: ")
    );
    let again = done(place.run("jailmgr", &["create", "-b", &source, "web"]).go());
    assert_eq!(again, "Unchanged jail web\n");
    assert_eq!(fs::read_to_string(place.data().join("jails/web/data/etc/motd")).unwrap(), "hello\n");
    let toml = fs::read_to_string(place.data().join("jails/web/jail.toml")).unwrap();
    assert!(toml.contains("base = \"box@"), "{toml}");
}

#[test]
fn snapshots_are_taken_listed_rolled_back_and_deleted() {
    let place = Place::new();
    done(place.run("jailmgr", &["create", "web"]).go());
    let file = place.data().join("jails/web/data/srv/file");
    fs::write(&file, "before").unwrap();
    let run = |arguments: &[&str]| format!("{}", place.run("jailmgr", arguments).go());
    let mut text = run(&["snapshot", "--list", "web"]);
    text += &run(&["snapshot", "web", "first"]);
    fs::write(&file, "after").unwrap();
    text += &run(&["rollback", "web", "first"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    text += &run(&["snapshot", "web", "first"]);
    text += &run(&["snapshot", "--list", "web"]);
    text += &run(&["rollback", "web", "frist"]);
    text += &run(&["snapshot", "--delete", "web", "first"]);
    text += &run(&["snapshot", "-l", "web"]);
    // On a file system that shares blocks the way differs.
    insta::assert_snapshot!(plain(&text).replace("blocks shared", "plain copies"));
    let named = done(place.run("jailmgr", &["snapshot", "web"]).go());
    assert!(named.starts_with("Took snapshot 2") && named.contains("Z of jail web"), "{named}");
    let json = done(place.run("jailmgr", &["snapshot", "--list", "--json", "web"]).go());
    let listed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(listed[0]["bytes"].is_u64() && listed[0]["live"] == false, "{json}");
}

#[test]
fn a_jail_is_cloned_renamed_exported_and_imported() {
    let place = Place::new();
    done(place.run("jailmgr", &["create", "-r", "8080,8443", "-l", "medium", "web"]).go());
    let run = |arguments: &[&str]| format!("{}", place.run("jailmgr", arguments).go());
    let mut text = run(&["clone", "web", "twin"]);
    text += &run(&["clone", "-r", "8080", "web", "third"]);
    text += &run(&["clone", "-r", "9090", "web", "third"]);
    text += &run(&["rename", "twin", "third"]);
    text += &run(&["rename", "twin", "other"]);
    text += &run(&["export", "web", "web.tar.gz"]);
    text += &run(&["export", "web", "web.tar.gz"]);
    text += &run(&["export", "web", "web.zip"]);
    text += &run(&["export", "none"]);
    text += &run(&["import", "web.tar.gz"]);
    text += &run(&["import", "--name", "fourth", "web.tar.gz"]);
    text += &run(&["import", "--sha256", &"0".repeat(64), "--name", "fifth", "web.tar.gz"]);
    text += &run(&["list", "-v"]);
    insta::assert_snapshot!(plain(&text));
}

#[test]
fn an_export_goes_through_a_pipe() {
    let place = Place::new();
    done(place.run("jailmgr", &["create", "web"]).go());
    fs::write(place.data().join("jails/web/data/srv/page"), "page").unwrap();
    let archive = place.run("jailmgr", &["export", "web", "-"]).bytes();
    let outcome = place.run("jailmgr", &["import", "--name", "twin", "-"]).input(&archive).go();
    assert!(outcome.stdout.starts_with("Imported jail twin: "), "{outcome}");
    assert_eq!(fs::read_to_string(place.data().join("jails/twin/data/srv/page")).unwrap(), "page");
    let cut = place.run("jailmgr", &["import", "--name", "cut", "-"]).input(&archive[..archive.len() / 2]).go();
    assert_eq!((cut.status, cut.stdout.as_str(), cut.stderr.lines().count()), (Some(65), "", 1), "{cut}");
    assert!(!place.data().join("jails/cut").exists());
}

#[test]
fn wrong_use_of_the_layers_verbs_is_one_line() {
    let place = Place::new().file("no.tar", "#!/bin/sh\n".repeat(200)).file("x.tar.xz", b"\xfd7zXZ\0\0");
    let runs: [&[&str]; 17] = [
        &["create", "-b", "../x", "web"],
        &["create", "-b", "dir:relative", "web"],
        &["create", "-b", "tar:/x#sha256=1", "web"],
        &["create", "-b", "debian", "web"],
        &["snapshot", "web", "../x"],
        &["snapshot", "--delete", "web"],
        &["snapshot", "web"],
        &["rollback", "web"],
        &["clone", "web"],
        &["clone", "web", "web"],
        &["rename", "web", "123"],
        &["import", "none.tar"],
        &["import", "no.tar"],
        &["base", "import", "/srv/debian"],
        &["base", "import", "tar:x.tar.xz"],
        &["base", "remove", "debian"],
        &["upgrade-base", "--to", "1", "--rollback", "web"],
    ];
    let text: String = runs
        .iter()
        .map(|arguments| {
            let outcome = place.run("jailmgr", arguments).go();
            assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1), "{outcome}");
            assert!(!matches!(outcome.status, Some(0) | None), "{outcome}");
            assert_eq!(place.leftovers(), [""; 0], "{outcome}");
            outcome.to_string()
        })
        .collect();
    insta::assert_snapshot!(text);
}
