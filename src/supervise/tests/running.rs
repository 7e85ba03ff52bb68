use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use super::*;
use crate::jail::Restart;

#[test]
fn a_monitor_shows_its_title_and_nothing_of_its_caller() {
    let bench = Bench::new("exec sleep 1000").started();
    let pid = bench.monitor().unwrap();
    assert_eq!(ps(pid, "args"), "jailctl: supervise jail=t jid=7");
    assert_eq!((ps(pid, "comm").as_str(), ps(pid, "tty").as_str()), ("jailctl", "?"));
    assert_eq!(ps(pid, "sid"), pid.to_string(), "it leads a session of its own");
    let proc = Path::new("/proc").join(pid.to_string());
    assert_eq!(fs::read_link(proc.join("cwd")).unwrap(), Path::new("/"));
    assert_eq!(fs::read(proc.join("environ")).unwrap(), b"");
    for fd in 0..3 {
        assert_eq!(fs::read_link(proc.join(format!("fd/{fd}"))).unwrap(), Path::new("/dev/null"));
    }
    let service = bench.status().service.unwrap();
    assert_eq!((ps(service, "args").as_str(), ps(service, "ppid")), ("sleep 1000", pid.to_string()));
    assert_eq!(bench.file("held"), "true");
    bench.stop();
    assert_eq!(bench.file("held"), "false");
}

#[test]
fn a_monitor_is_small() {
    let bench = Bench::new("exec sleep 1000").started();
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", bench.monitor().unwrap())).unwrap();
    let private: u64 = rollup
        .lines()
        .filter(|line| line.starts_with("Private_"))
        .map(|line| line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap())
        .sum();
    println!("private memory of the monitor: {private} KiB");
    // The test program is larger than the real one, and debug builds relocate more.
    assert!(private < 4096, "{private} KiB");
}

#[test]
fn a_service_that_dies_is_restarted_after_its_delay() {
    let mut bench = Bench::new("echo run >> $DIR/runs; sleep 0.3; exit 3").started();
    bench.line("started");
    assert!(bench.line("exited").ends_with("jail=t jid=7 exited with status 3"));
    let status = bench.status();
    assert_eq!((status.state.as_str(), status.service), ("backoff", None));
    assert!(status.last_exit.unwrap().starts_with("exited with status 3; restart after "));
    bench.line("restarting in ");
    let begun = Instant::now();
    bench.line("started");
    assert!(begun.elapsed() > Duration::from_millis(600), "{:?}", begun.elapsed());
    bench.until("the second run", |bench| bench.file("runs") == "run\nrun\n" && bench.status().restarts == 1);
}

#[test]
fn a_service_that_is_done_is_not_restarted_on_failure_only() {
    let bench = Bench::new("sleep 0.3").with(|service| service.units[0].restart = Restart::OnFailure).started();
    bench.until("the end", |bench| bench.monitor().is_none());
    let status = bench.status();
    assert_eq!((status.state.as_str(), status.restarts), ("stopped", 0));
    assert_eq!(status.last_exit.unwrap(), "exited with status 0; not to be restarted");
}

#[test]
fn a_program_that_is_not_there_fails_the_start_with_its_name() {
    let bench = Bench::new("").with(|service| service.units[0].argv = vec!["/no/such/program".into()]);
    let Report::Failed { why, stderr } = bench.launch().unwrap() else { panic!("it started") };
    assert_eq!(why, "/no/such/program: cannot be run in jail t: No such file or directory");
    assert_eq!(stderr, [""; 0]);
    bench.until("the end", |bench| bench.monitor().is_none());
    assert_eq!(bench.status().state, "failed");
}

#[test]
fn a_service_that_fails_at_once_fails_the_start_with_its_last_words() {
    let bench = Bench::new("echo out; echo 'bind: port \x1b[31mtaken' >&2; printf no-newline >&2; exit 1");
    let Report::Failed { why, stderr } = bench.launch().unwrap() else { panic!("it started") };
    assert_eq!(why, "the service exited with status 1 at once");
    assert_eq!(stderr, ["bind: port \\x1b[31mtaken", "no-newline"]);
}

#[test]
fn the_last_words_of_a_failed_start_are_bounded() {
    let bench = Bench::new("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done >&2; exit 1");
    let Report::Failed { stderr, .. } = bench.launch().unwrap() else { panic!("it started") };
    assert_eq!(stderr.last().unwrap(), "line 2999");
    assert!(stderr.iter().map(String::len).sum::<usize>() <= 2048);
}

#[test]
fn a_jail_has_one_supervisor_at_a_time() {
    let bench = Bench::new("exec sleep 1000").started();
    let pid = bench.monitor().unwrap();
    assert_eq!(bench.launch().unwrap(), Report::Held { pid });
    assert_eq!(bench.monitor(), Some(pid));
}

#[test]
fn a_closed_pipe_is_not_an_exit() {
    let mut bench = Bench::new("echo bye; exec sleep 1000 >/dev/null 2>&1").started();
    bench.line("stdout: bye");
    std::thread::sleep(Duration::from_millis(1500));
    let status = bench.status();
    assert_eq!((status.state.as_str(), status.restarts), ("running", 0));
}

#[test]
fn a_dead_service_is_restarted_though_a_child_holds_its_pipes_and_that_child_is_killed() {
    let script = "setsid sleep 1000 & echo $! > $DIR/child.new; mv $DIR/child.new $DIR/child.$(ls $DIR | grep -c child); \
                  sleep 0.3; exit 1";
    let bench = Bench::new(script).started();
    let first = bench.pid("child.1");
    bench.until("a restart", |bench| bench.status().restarts == 1);
    assert!(!lives(first), "the first run's child lives on");
    let second = bench.pid("child.2");
    bench.stop();
    assert!(!lives(second));
}

#[test]
fn a_jail_that_vanishes_ends_its_supervisor_with_that_reason() {
    let mut bench = Bench::new("exec sleep 1000").started();
    let service = bench.status().service.unwrap();
    fs::write(bench.dir.path().join("gone"), "").unwrap();
    bench.line("supervision ends: the jail is gone from the kernel");
    bench.until("the end", |bench| bench.monitor().is_none());
    assert_eq!(bench.status().state, "failed");
    assert!(!lives(service));
}

#[test]
fn a_killed_supervisor_is_dead_to_everybody_at_once() {
    let bench = Bench::new("exec sleep 1000").started();
    let (monitor, service) = (bench.monitor().unwrap(), bench.status().service.unwrap());
    let fd = pidfd::open(service).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(monitor), Signal::SIGKILL).unwrap();
    bench.until("the lock's end", |bench| bench.monitor().is_none());
    assert!(lives(service), "the service outlives its supervisor; start and stop clean up by the kernel's list");
    assert_eq!(bench.file("held"), "true", "that is how they know");
    pidfd::signal(&fd, Signal::SIGKILL).unwrap();
    assert_eq!(bench.launch().unwrap(), Report::Ready);
}

#[test]
fn a_monitor_started_by_hand_says_so() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    std::os::unix::process::CommandExt::arg0(&mut command, format!("{TITLE}jail=x jid=1"));
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "jailctl: this is not how a supervisor is started; use `jailctl supervise`\n");
}

#[test]
fn whoever_starts_a_monitor_and_is_killed_leaves_no_instant_at_which_nothing_of_it_is_seen() {
    let bench = Bench::new("exec sleep 1000");
    let verb = bench.files().lock_verbs(Duration::ZERO).unwrap();
    let launched = launch(&std::env::current_exe().unwrap(), &bench.service, &verb).unwrap();
    // As SIGKILL does it: the descriptor goes, nobody unlocks.
    let descriptor = verb.as_raw_fd();
    std::mem::forget(verb);
    // SAFETY: the lock that owned it was forgotten the line before.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
    let until = Instant::now() + Duration::from_secs(20);
    let verb = loop {
        match bench.files().lock_verbs(Duration::ZERO) {
            Ok(verb) => break verb,
            Err(_) => assert!(Instant::now() < until, "the monitor keeps the lock"),
        }
    };
    assert!(bench.monitor().is_some(), "the next verb would start another one");
    drop(verb);
    assert_eq!(launched.report().unwrap(), Report::Ready);
    bench.stop();
}
