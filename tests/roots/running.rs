//! Running commands and scripts to their end.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use jailsh::jail::{self, JailError};
use jailsh::kernel::Kernel;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::bench::{Bench, children, descriptors, name, own_mounts, spec};
use crate::cases;

cases![
    exit_statuses_are_those_of_env,
    output_of_any_size_and_kind_comes_back,
    input_is_given_and_ends,
    a_command_that_reads_nothing_of_its_input_ends,
    a_daemon_that_keeps_the_output_open_does_not_hold_the_caller,
    too_much_output_ends_the_command,
    a_timeout_kills_all_that_the_command_started,
    a_timeout_leaves_other_members_alone,
    without_capture_the_callers_descriptors_are_the_commands,
    signals_are_passed_on,
    apply_runs_a_script_that_reads_its_own_input,
    an_ephemeral_apply_leaves_no_trace_and_another_one_leaves_the_jail_up,
    an_ephemeral_apply_leaves_a_jail_that_was_up,
    a_script_left_by_a_killed_apply_is_removed,
    a_jail_that_does_not_exist_or_run_is_said_so,
    three_hundred_commands_leak_nothing,
];

fn exit_statuses_are_those_of_env() {
    let bench = Bench::up();
    assert_eq!(bench.exec(&["sh", "-c", "exit 42"]).status, 42);
    assert_eq!(bench.exec(&["sh", "-c", "kill -TERM $$"]).status, 128 + 15);
    assert_eq!(bench.exec(&["sh", "-c", "kill -35 $$"]).status, 128 + 35);
    let missing = bench.exec(&["no-such-program"]);
    assert_eq!(missing.status, 127);
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(missing.stderr, format!("no-such-program: not found in jail web; its PATH is {path}\n"));
    assert_eq!(bench.exec(&["/nowhere/x"]).status, 127);
    let not_executable = bench.exec(&["/etc/passwd"]);
    assert_eq!(not_executable.status, 126);
    assert_eq!(not_executable.stderr, "/etc/passwd: cannot be run in jail web: Permission denied\n");
    assert_eq!(bench.exec(&["/tmp"]).status, 126);
}

fn output_of_any_size_and_kind_comes_back() {
    let bench = Bench::up();
    let output = bench.exec(&["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' a; head -c 2000000 /dev/zero | tr '\\0' b >&2"]);
    assert_eq!((output.stdout.len(), output.stderr.len()), (3_000_000, 2_000_000));
    assert_eq!(bench.exec(&["printf", "a\\377b"]).stdout, "a\u{fffd}b");
}

fn input_is_given_and_ends() {
    let bench = Bench::up();
    let mut request = bench.request(&["wc", "-c"]);
    request.input = Some(vec![b'x'; 1_000_000]);
    assert_eq!(bench.try_exec(request).unwrap().stdout.trim(), "1000000");
    assert_eq!(bench.exec(&["wc", "-c"]).stdout.trim(), "0");
}

fn a_command_that_reads_nothing_of_its_input_ends() {
    let bench = Bench::up();
    let mut request = bench.request(&["true"]);
    request.input = Some(vec![b'x'; 1_000_000]);
    assert_eq!(bench.try_exec(request).unwrap().status, 0);
}

fn a_daemon_that_keeps_the_output_open_does_not_hold_the_caller() {
    let bench = Bench::up();
    let began = Instant::now();
    assert_eq!(bench.exec(&["sh", "-c", "sleep 100 & (yes &) ; echo done"]).status, 0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

fn too_much_output_ends_the_command() {
    let bench = Bench::up();
    let error = bench.try_exec(bench.request(&["cat", "/dev/zero"])).unwrap_err();
    assert!(matches!(error, JailError::TooMuchOutput { .. }), "{error}");
    assert!(children().is_empty());
}

fn a_timeout_kills_all_that_the_command_started() {
    let bench = Bench::up();
    // Children in the group, out of the group, and orphaned out of the session.
    let mut request =
        bench.request(&["sh", "-c", "sleep 100 & setsid sleep 101 & (setsid sh -c 'sleep 102 & sleep 103' &); sleep 104"]);
    request.timeout = Some(Duration::from_millis(500));
    let began = Instant::now();
    let error = bench.try_exec(request).unwrap_err();
    assert_eq!(error.to_string(), format!("the command in jail {} was killed after 500ms", name()));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let jid = bench.kernel.find(&name()).unwrap().unwrap().jid;
    assert_eq!(bench.kernel.members(jid).unwrap(), []);
    assert!(children().is_empty(), "{:?}", children());
    assert!(!nix::sys::prctl::get_child_subreaper().unwrap());
}

fn a_timeout_leaves_other_members_alone() {
    let bench = Bench::up();
    let other: i32 = bench.sh("setsid sleep 1000 >/dev/null 2>&1 & echo $!").trim().parse().unwrap();
    let mut request = bench.request(&["sleep", "100"]);
    request.timeout = Some(Duration::from_millis(100));
    assert!(bench.try_exec(request).is_err());
    assert!(Path::new(&format!("/proc/{other}/exe")).exists());
}

/// Runs `verb` in a child with these standard descriptors; returns the child.
fn with_standard(files: [&fs::File; 3], verb: impl FnOnce() -> i32) -> Pid {
    // SAFETY: a case's process has one thread.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            for (number, file) in files.into_iter().enumerate() {
                // SAFETY: replaces the child's standard descriptors by open ones.
                unsafe { libc::dup2(file.as_raw_fd(), number as i32) };
            }
            let status = verb();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(status) }
        }
    }
}

fn status(child: Pid) -> i32 {
    match waitpid(child, None).unwrap() {
        WaitStatus::Exited(_, status) => status,
        other => panic!("{other:?}"),
    }
}

fn without_capture_the_callers_descriptors_are_the_commands() {
    let bench = Bench::up();
    let path = bench.config.run_dir.join("out");
    fs::write(&path, "hello").unwrap();
    let input = fs::File::open(&path).unwrap();
    let output = fs::File::create(bench.config.run_dir.join("copy")).unwrap();
    let child = with_standard([&input, &output, &output], || {
        let request = jail::ExecRequest { capture: false, ..bench.request(&["sh", "-c", "cat; echo ! >&2; exit 5"]) };
        let output = bench.try_exec(request).unwrap();
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
        output.status
    });
    assert_eq!(status(child), 5);
    assert_eq!(fs::read_to_string(bench.config.run_dir.join("copy")).unwrap(), "hello!\n");
}

fn signals_are_passed_on() {
    let bench = Bench::up();
    let null = fs::File::options().read(true).write(true).open("/dev/null").unwrap();
    let child = with_standard([&null, &null, &null], || {
        let script = "trap 'echo got > /tmp/got; exit 9' TERM; touch /tmp/ready; while :; do sleep 0.05; done";
        let request = jail::ExecRequest { capture: false, ..bench.request(&["sh", "-c", script]) };
        bench.try_exec(request).unwrap().status
    });
    let ready = bench.data().join("tmp/ready");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !ready.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(child, Signal::SIGTERM).unwrap();
    assert_eq!(status(child), 9);
    assert_eq!(fs::read_to_string(bench.data().join("tmp/got")).unwrap(), "got\n");
}

fn apply(bench: &Bench, script: &str, ephemeral: bool) -> jail::Output {
    jail::apply(&bench.host, &name(), script.as_bytes(), ephemeral, true).unwrap()
}

fn apply_runs_a_script_that_reads_its_own_input() {
    let bench = Bench::up();
    let output = apply(&bench, "read x; echo \"[$x]\"\ncat\necho 'after'\nls -a /tmp\nexit 4", false);
    assert_eq!(output.status, 4);
    assert!(output.stdout.starts_with("[]\nafter\n"), "{output:?}");
    assert!(output.stdout.contains(".jailsh-apply-"));
    assert_eq!(fs::read_dir(bench.data().join("tmp")).unwrap().count(), 0);
}

fn an_ephemeral_apply_leaves_no_trace_and_another_one_leaves_the_jail_up() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let output = apply(&bench, "mkdir -p /var/www/mysite && echo hi > /var/www/mysite/index.html; sleep 1000 &", true);
    assert_eq!(output.status, 0);
    assert_eq!(fs::read_to_string(bench.data().join("var/www/mysite/index.html")).unwrap(), "hi\n");
    assert!(!bench.config.run_of(&name()).exists() && bench.kernel.list().unwrap().is_empty());
    assert_eq!(own_mounts(&bench).len(), 1);
    // A failing script is torn down just the same.
    assert_eq!(apply(&bench, "exit 7", true).status, 7);
    assert!(bench.kernel.list().unwrap().is_empty());
    assert_eq!(apply(&bench, "true", false).status, 0);
    assert!(jail::observe(&bench.host, &name()).unwrap().is_up());
}

fn an_ephemeral_apply_leaves_a_jail_that_was_up() {
    let bench = Bench::up();
    assert_eq!(apply(&bench, "true", true).status, 0);
    assert!(jail::observe(&bench.host, &name()).unwrap().is_up());
}

fn a_script_left_by_a_killed_apply_is_removed() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    fs::write(bench.data().join("tmp/.jailsh-apply-1"), "x").unwrap();
    fs::write(bench.data().join("tmp/mine"), "x").unwrap();
    jail::bring_up(&bench.host, &name()).unwrap();
    assert_eq!(bench.sh("ls -A /tmp"), "mine\n");
}

fn a_jail_that_does_not_exist_or_run_is_said_so() {
    let bench = Bench::new();
    assert!(matches!(bench.try_exec(bench.request(&["true"])), Err(JailError::NoSuchJail { .. })));
    let absent = jail::apply(&bench.host, &name(), b"true", true, true);
    assert!(matches!(absent, Err(JailError::NoSuchJail { .. })), "{absent:?}");
    assert!(matches!(jail::tear_down(&bench.host, &name()), Err(JailError::NoSuchJail { .. })));
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    assert!(matches!(bench.try_exec(bench.request(&["true"])), Err(JailError::NotRunning(_))));
}

fn three_hundred_commands_leak_nothing() {
    let bench = Bench::up();
    let before = (own_mounts(&bench), descriptors(), children());
    for turn in 0..300 {
        let argv: &[&str] = if turn % 3 == 0 { &["no-such-program"] } else { &["true"] };
        bench.exec(argv);
    }
    assert_eq!((own_mounts(&bench), descriptors(), children()), before);
}
