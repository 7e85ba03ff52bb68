use super::*;

#[test]
fn a_stop_ends_a_well_behaved_service_long_before_its_grace_is_over() {
    let mut bench = Bench::new("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done").started();
    bench.line("stdout: up");
    assert!(bench.stop() < Duration::from_secs(3));
    bench.line("stdout: bye");
    let status = bench.status();
    assert_eq!((status.state.as_str(), status.service), ("stopped", None));
    let last = status.last_exit.unwrap();
    assert!(last.starts_with("exited with status 0; stopped by SIGTERM from pid "), "{last}");
}

#[test]
fn a_service_that_ignores_the_stop_signal_is_killed_after_its_grace() {
    let mut bench = Bench::new("trap '' TERM; echo up; while :; do sleep 0.1; done")
        .with(|service| service.units[0].stop_grace = 1)
        .started();
    bench.line("stdout: up");
    let took = bench.stop();
    assert!((Duration::from_secs(1)..Duration::from_secs(4)).contains(&took), "{took:?}");
    assert!(bench.status().last_exit.unwrap().starts_with("killed by SIGKILL; stopped by "));
}

#[test]
fn the_stop_signal_is_the_one_that_was_asked_for() {
    let mut bench = Bench::new("trap 'exit 42' USR1; echo up; while :; do sleep 0.05; done")
        .with(|service| service.units[0].stop_signal = Signal::SIGUSR1)
        .started();
    bench.line("stdout: up");
    bench.stop();
    assert!(bench.status().last_exit.unwrap().starts_with("exited with status 42; "));
}

#[test]
fn a_stop_kills_children_that_left_the_session_or_were_orphaned() {
    let script = "setsid sh -c 'echo $$ > $DIR/a; trap \"\" TERM HUP; while :; do sleep 0.1; done' & \
                  sh -c 'setsid sleep 1000 & echo $! > $DIR/b'; \
                  exec sleep 1000";
    let bench = Bench::new(script).started();
    let (leader, orphan) = (bench.pid("a"), bench.pid("b"));
    assert!(lives(leader) && lives(orphan));
    bench.stop();
    assert!(!lives(leader) && !lives(orphan));
}

#[test]
fn a_stop_during_the_back_off_ends_at_once_and_starts_nothing() {
    let mut bench = Bench::new("echo run >> $DIR/runs; sleep 0.2; exit 1").started();
    bench.line("restarting in ");
    assert!(bench.stop() < Duration::from_millis(800));
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(bench.file("runs"), "run\n");
    assert!(bench.status().last_exit.unwrap().contains("; stopped by SIGTERM"));
}

#[test]
fn a_stop_outruns_a_service_that_keeps_forking() {
    let bench = Bench::new("f() { while :; do sleep 0.01 & sleep 0.005; done; }; f & f & f").started();
    let service = bench.status().service.unwrap();
    bench.stop();
    assert!(!lives(service));
    assert_eq!(bench.status().state, "stopped");
}

#[test]
fn a_hangup_is_not_a_stop() {
    let bench = Bench::new("exec sleep 1000").started();
    let monitor = bench.monitor().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(monitor), Signal::SIGHUP).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((bench.monitor(), bench.status().state.as_str()), (Some(monitor), "running"));
}
