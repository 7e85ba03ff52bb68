//! A hundred jails.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::body;
use crate::stage::Stage;
use crate::subject::wait_until;

const FIRST_PORT: u16 = 21_000;
/// The one that does not start.
const BAD: u16 = 5;

/// The emulated machines of the guests take many times as long: a dozen is as good a crowd there.
fn crowd() -> u16 {
    if body::in_guest() { 12 } else { 100 }
}

fn name(number: u16) -> String {
    format!("fl-crowd{number:03}")
}

/// The status line that a jail's server answers with.
fn answer(number: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", FIRST_PORT + number)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET /hosts HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.lines().next().map(str::to_owned)
}

#[test]
fn a_hundred_jails_start_at_once_and_one_that_fails_harms_none_of_the_others() {
    let Some(stage) = Stage::in_memory("fl-crowd") else { return };
    let jails = crowd();
    for number in 0..jails {
        let port = (FIRST_PORT + number).to_string();
        let service = format!("/usr/bin/busybox httpd -f -p 127.0.0.1:{port} -h /etc");
        let service = if number == BAD { "/bin/no-such-program" } else { &service };
        stage.create(&name(number), &["-a", "-x", service, "-r", &port]);
    }
    // Needs the one that fails; and one that is not asked for.
    stage.create("fl-crowd-needs", &["-a", "-x", "/bin/sleep 1000"]);
    stage.set("fl-crowd-needs", &format!("depends_on = [{:?}]", name(BAD)));
    let begun = Instant::now();
    let said = stage.run("jailmgr", &["start", "--all"]);
    eprintln!("start --all took {:?}", begun.elapsed());
    assert_eq!(said.status, Some(1), "{}{}", said.stdout, said.stderr);
    let summary: Vec<&str> = said.stdout.lines().skip_while(|line| !line.contains(" jails: ")).collect();
    let counts = format!("{} jails: {} started, 1 failed, 1 skipped", jails + 1, jails - 1);
    assert_eq!(summary[0], counts, "{}", said.stderr);
    assert!(summary[1].starts_with(&format!("  failed   {}: did not start: ", name(BAD))), "{summary:?}");
    assert_eq!(summary[2], format!("  skipped  fl-crowd-needs: it needs {}, which did not start", name(BAD)));
    for number in (0..jails).filter(|number| *number != BAD) {
        let mut last = None;
        wait_until(&format!("{} serves", name(number)), || {
            last = answer(number);
            last.as_deref() == Some("HTTP/1.1 200 OK")
        });
    }
    let begun = Instant::now();
    let said = stage.must("jailmgr", &["stop", "--all"]);
    eprintln!("stop --all took {:?}", begun.elapsed());
    assert!(said.ends_with(&format!("{0} jails: {0} stopped\n", jails - 1)), "{said}");
    assert_eq!(stage.left(), [""; 0]);
}
