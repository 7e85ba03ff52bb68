use std::net::TcpListener;

use super::super::ask::{ask, ask_patiently};
use super::super::check::{Check, Health, Ready};
use super::super::message::{MAX_REQUEST, Reply, Request};
use super::super::service::Unit;
use super::super::wire::Wire;
use super::*;

fn awaited(check: Option<Check>, timeout: u64) -> Option<Ready> {
    let (timeout, interval) = (Duration::from_millis(timeout), Duration::from_millis(50));
    Some(Ready { check, timeout, interval })
}

fn watched(check: Check) -> Option<Health> {
    let (interval, timeout) = (Duration::from_millis(100), Duration::from_millis(400));
    Some(Health { check, interval, timeout, failures: 2 })
}

fn another(service: &mut Service, name: &str, script: &str, needs: Vec<usize>) {
    let first = service.units[0].clone();
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    service.units.push(Unit { name: name.into(), argv, needs, tag: format!("jail-t-{name}"), ..first });
}

impl Bench {
    fn ask(&self, request: &Request) -> Reply {
        ask_patiently(self.files().dir(), request, Duration::from_secs(20)).unwrap()
    }
}

#[test]
fn a_start_is_over_when_the_newline_comes() {
    let script = "sleep 0.3; printf x > /proc/self/fd/$NOTIFY_FD; sleep 0.3; echo > /proc/self/fd/$NOTIFY_FD; exec sleep 1000";
    let begun = Instant::now();
    let bench = Bench::new(script).with(|service| service.units[0].ready = awaited(None, 5000)).started();
    assert!(begun.elapsed() >= Duration::from_millis(600), "{:?}", begun.elapsed());
    assert_eq!(bench.status().state, "running");
}

#[test]
fn a_silent_service_is_not_ready_and_fails_the_start_with_its_last_words() {
    for script in ["echo why >&2; exec sleep 1000", "trap '' TERM; echo why >&2; while :; do sleep 0.1; done"] {
        let bench = Bench::new(script).with(|service| {
            service.units[0].ready = awaited(None, 400);
            service.units[0].stop_grace = 1;
        });
        let Report::Failed { why, stderr } = bench.launch().unwrap() else { panic!("it started") };
        assert_eq!((why.as_str(), stderr), ("it was not ready within 0.4 s", vec!["why".to_owned()]));
    }
}

#[test]
fn a_service_is_ready_when_its_port_answers_and_restarted_when_it_does_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bench = Bench::new("exec sleep 1000").with(|service| {
        service.units[0].ready = awaited(Some(Check::Port(port)), 5000);
        service.units[0].health = watched(Check::Port(port));
    });
    let bench = bench.started();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(bench.status().restarts, 0);
    drop(listener);
    bench.until("an unhealthy end", |bench| bench.status().last_exit.is_some());
    let last = bench.status().last_exit.unwrap();
    assert!(
        last.starts_with(&format!("it was unhealthy 2 time(s) in a row: port {port}: Connection refused; restart after ")),
        "{last}"
    );
}

#[test]
fn a_check_on_the_host_has_a_clean_environment_and_leaves_nothing_when_it_takes_too_long() {
    let bench = Bench::new("exec sleep 1000").with(|service| {
        let file = service.units[0].env["DIR"].clone() + "/check";
        let script = format!("env > {file}.env; setsid sleep 3000 & echo $! > {file}; sleep 4000");
        service.units[0].health = watched(Check::Outside(["/bin/sh", "-c", &script].map(str::to_owned).to_vec()));
    });
    let bench = bench.started();
    let left = bench.pid("check");
    bench.until("an unhealthy end", |bench| bench.status().last_exit.is_some());
    assert!(bench.status().last_exit.unwrap().contains("the check took too long"));
    bench.until("the end of what it left", |_| !lives(left));
    let environment = bench.file("check.env");
    let names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(names.iter().all(|name| ["PATH", "JAILSH_CHECK", "PWD", "SHLVL", "_", "OLDPWD"].contains(name)), "{names:?}");
}

#[test]
fn a_service_that_keeps_failing_is_given_up_with_the_reason() {
    let bench = Bench::new("sleep 0.2; exit 5").with(|service| service.units[0].max_restarts = Some(1)).started();
    bench.until("the end", |bench| bench.monitor().is_none());
    let status = bench.status();
    assert_eq!((status.state.as_str(), status.restarts), ("failed", 1));
    assert_eq!(status.last_exit.unwrap(), "exited with status 5; given up: 1 restart(s) within 300 s did not help");
}

#[test]
fn each_service_has_its_tag_and_only_its_own_orphans_die_with_it() {
    let bench = Bench::new("setsid sleep 1000 & echo $! > $DIR/a; exec sleep 1000");
    let mut bench = bench.with(|service| {
        service.units[0].name = "a".into();
        another(service, "b", "(setsid sleep 1000 & echo $! > $DIR/b); test -e $DIR/a && echo after; exec sleep 1000", vec![0]);
    });
    bench = bench.started();
    assert_eq!(bench.line("stdout: after"), "jail=t jid=7 service=b stdout: after");
    let (first, second) = (bench.pid("a"), bench.pid("b"));
    let before = bench.status();
    assert_eq!(bench.ask(&Request::Restart { service: Some("b".into()) }), Reply::Done);
    bench.until("the end of what it left", |_| !lives(second));
    assert!(lives(first), "the other's child died with it");
    let after = bench.status();
    assert_eq!((after.services[0].pid, after.services[1].restarts), (before.services[0].pid, 1));
    bench.until("the next one", |bench| bench.pid("b") != second);
    let third = bench.pid("b");
    bench.stop();
    assert!(!lives(first) && !lives(third));
}

#[test]
fn a_supervisor_tells_its_state_and_stops_when_asked() {
    let bench = Bench::new("exec sleep 1000").started();
    assert_eq!(bench.ask(&Request::Status), Reply::Status(bench.status()));
    assert_eq!(bench.ask(&Request::Attach), Reply::Done);
    let Reply::Refused { why } = bench.ask(&Request::Restart { service: Some("x".into()) }) else { panic!("it is taken") };
    assert_eq!(why, "no service named x; use t");
    assert_eq!(bench.ask(&Request::Stop), Reply::Stopping);
    bench.until("the end", |bench| bench.monitor().is_none());
    let last = bench.status().last_exit.unwrap();
    assert_eq!(last, format!("killed by SIGTERM; stopped by a request of pid {}", std::process::id()));
}

#[test]
fn nonsense_on_the_control_socket_is_answered_and_changes_nothing() {
    let bench = Bench::new("exec sleep 1000").started();
    let files = bench.files();
    let before = bench.status();
    let silent: Vec<Wire> = (0..40).filter_map(|_| Wire::connect(files.dir()).ok()).collect();
    drop(silent);
    for (packet, word) in [
        (vec![b'x'; MAX_REQUEST + 1], "no whole message"),
        (b"\xff{}".to_vec(), "no message"),
        (br#"{"version":7,"message":"stop"}"#.to_vec(), "version 7"),
        (br#"{"version":1,"message":"stop","more":1}"#.to_vec(), "no message"),
    ] {
        let wire = Wire::connect(files.dir()).unwrap();
        wire.send(&packet).unwrap();
        let answer = wire.receive_until(Instant::now() + Duration::from_secs(5)).unwrap();
        assert!(String::from_utf8(answer).unwrap().contains(word), "{word}");
    }
    assert_eq!(bench.status(), before);
}

#[test]
fn a_supervisor_that_does_not_answer_is_not_waited_for_without_end() {
    let bench = Bench::new("exec sleep 1000").started();
    let monitor = pidfd::open(bench.monitor().unwrap()).unwrap();
    let signal = |signal| pidfd::signal(&monitor, signal).unwrap();
    signal(Signal::SIGSTOP);
    let begun = Instant::now();
    assert!(ask(bench.files().dir(), &Request::Status).is_err());
    assert!(begun.elapsed() < Duration::from_secs(10));
    signal(Signal::SIGCONT);
}
