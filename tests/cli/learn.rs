//! `jailsh learn` from a recorded trail.

use crate::harness::Place;

fn line(jail: &str, right: &str, object: &str, command: &str, count: u32) -> String {
    format!(
        "{{\"time\":\"2026-11-23T22:15:59.007Z\",\"jail\":\"{jail}\",\"jid\":3,\"verdict\":\"audited\",\"right\":\"{right}\",\
         \"object\":\"{object}\",\"pid\":8,\"command\":\"{command}\",\"count\":{count},\"lost\":0}}\n"
    )
}

#[test]
fn a_trail_becomes_the_smallest_profile_that_works_and_wide_rights_are_left_to_people() {
    let place = Place::new();
    let trail = [
        line("web", "ping", "socket inet raw icmp", "ping", 12),
        line("web", "chroot", "capability sys_chroot", "sshd", 1),
        line("web", "mount", "/mnt", "mount", 1),
        line("web", "device", "/dev/sda, device 8:0", "dd", 2),
        line("web", "device", "/dev/sdb, device 8:16", "dd", 1),
        line("web", "process_see", "process 1", "ps", 3),
    ];
    place.put("trail", trail.concat());
    let learned = place.run("jailsh", &["learn", "--from", "trail", "--output", "web.rhai"]).bare().go();
    let script = std::fs::read_to_string(place.work().join("web.rhai")).unwrap();
    insta::assert_snapshot!(format!("{learned}\n{script}"));
    let shown = place.run("jailsh", &["profile", "check", "web.rhai"]).bare().go();
    assert_eq!(shown.status, Some(0), "{shown}");
    let replay = place.run("jailsh", &["why", "--replay", "trail", "--profile", "web.rhai"]).bare().go();
    insta::assert_snapshot!(replay.to_string());
    let again = place.run("jailsh", &["learn", "--from", "trail", "--output", "web.rhai"]).bare().go();
    assert_eq!(again.status, Some(73), "{again}");
}

#[test]
fn what_cannot_be_learned_from_is_told() {
    let place = Place::new();
    place.put("two", [line("web", "mount", "/mnt", "mount", 1), line("db", "mount", "/mnt", "mount", 1)].concat());
    place.put("none", "");
    let asked: [&[&str]; 5] = [
        &["learn"],
        &["learn", "--from", "two"],
        &["learn", "--from", "two", "mail"],
        &["learn", "--from", "none"],
        &["learn", "--from", "absent"],
    ];
    let shown = asked.map(|words| place.run("jailsh", words).bare().go().to_string());
    insta::assert_snapshot!(shown.join("\n"));
    let one = place.run("jailsh", &["learn", "--from", "two", "db"]).bare().go();
    assert!(one.status == Some(0) && one.stdout.contains("fn db_profile()"), "{one}");
}
