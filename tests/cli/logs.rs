//! `jailctl logs`, from a log as a supervisor writes it.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::Place;

const LOG: &str = "\
1 1795472159007 supervisor started
2 1795472159110 stdout listening on 8080
3 1795472159220 stderr \u{1b}[31mbad\u{202e}\tfile
9 1795472160000 stdout one more
this is no record
10 17954721";

fn with_log(text: &str) -> Place {
    let place = Place::new();
    place.run("jailmgr", &["create", "-x", "/bin/true", "web"]).go();
    place.write_log("web", text);
    place
}

#[test]
fn lines_come_with_time_and_stream_their_losses_and_no_torn_tail() {
    let place = with_log(LOG);
    let runs: [&[&str]; 7] = [
        &["logs", "web"],
        &["logs", "-n", "1", "web"],
        &["logs", "-n", "0", "web"],
        &["logs", "-n", "99", "-T", "web"],
        &["logs", "-n", "1", "-T", "-H", "web"],
        &["logs", "-o", "json", "web"],
        &["logs", "7"],
    ];
    let text: String = runs.iter().map(|run| place.run("jailctl", run).go().to_string()).collect();
    assert!(!text.chars().any(|c| c != '\n' && c != '\t' && c.is_control()), "{text:?}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_follower_sees_what_comes_and_ends_when_the_jail_is_taken_down() {
    let place = with_log("1 1795472159007 stdout one\n");
    let run = place.run("jailctl", &["logs", "-f", "web"]);
    let mut child = run.command().stdout(Stdio::piped()).spawn().expect("the tool starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains("one\n") {
        let count = stdout.read(&mut buffer).expect("a pipe");
        assert_ne!(count, 0, "it ended");
        seen += &String::from_utf8_lossy(&buffer[..count]);
    }
    place.write_log("web", "1 1795472159007 stdout one\n2 1795472159008 stdout two\n");
    while !seen.contains("two\n") {
        let count = stdout.read(&mut buffer).expect("a pipe");
        assert_ne!(count, 0, "it ended");
        seen += &String::from_utf8_lossy(&buffer[..count]);
    }
    place.take_down("web");
    let until = Instant::now() + Duration::from_secs(20);
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > until {
            child.kill().expect("a child");
            panic!("it follows a log that is gone");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(seen, "2026-11-23T22:15:59.007Z stdout: one\n2026-11-23T22:15:59.008Z stdout: two\n");
}
