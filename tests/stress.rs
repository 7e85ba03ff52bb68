//! landlock: stress-ng's classes in a jail for a bounded time: the host stays responsive and nothing leaks out.

#[path = "support/body.rs"]
mod body;
#[path = "support/subject.rs"]
mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use subject::Subject;

/// What ordinary programs do, too much of it. Harmless on a host as well.
const ORDINARY: [&str; 12] =
    ["fork", "vfork", "clone", "exec", "sock", "shm", "shm-sysv", "sem", "sem-sysv", "mq", "sigq", "sigsegv"];
/// What a jail is refused, asked for again and again. (stress-ng's ramfs and umount wait for ever once they may not mount.)
const REFUSED: [&str; 7] = ["bind-mount", "chroot", "ptrace", "io-uring", "unshare", "rawsock", "userfaultfd"];

/// Of each load, in seconds.
const TIME: u64 = 5;
/// stress-ng starts and ends its stressors besides; emulated, that takes a while.
const PATIENCE: Duration = Duration::from_secs(90);

fn arguments(stressors: &[&str]) -> Vec<String> {
    let each = stressors.iter().flat_map(|name| [format!("--{name}"), "1".into()]);
    let mut all: Vec<String> = each.collect();
    all.extend(["--timeout", &format!("{TIME}s"), "--temp-path", "/tmp", "--metrics-brief", "--no-rand-seed"].map(str::to_owned));
    all
}

/// How late a sleeping process of the host is woken, while it goes on; the 99th of a hundred.
fn lateness(mut child: Child) -> (Duration, Output) {
    const NAP: Duration = Duration::from_millis(5);
    let (begun, mut late) = (Instant::now(), Vec::new());
    loop {
        let slept = Instant::now();
        std::thread::sleep(NAP);
        late.push(slept.elapsed().saturating_sub(NAP));
        if child.try_wait().expect("it is a child").is_some() {
            break;
        }
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("stress-ng did not end within {PATIENCE:?}");
        }
    }
    late.sort_unstable();
    (late[late.len() * 99 / 100], child.wait_with_output().expect("it ended"))
}

fn piped(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("it starts")
}

/// Operations that a stressor did, of the lines of --metrics-brief.
fn operations(output: &Output, stressor: &str) -> u64 {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    let of = |line: &str| -> Option<u64> {
        let mut words = line.split_once("] ")?.1.split_whitespace();
        (words.next()? == stressor).then(|| words.next()?.parse().ok())?
    };
    text.lines().find_map(of).unwrap_or(0)
}

/// System V objects of the namespace of this process: kind and id.
fn objects() -> BTreeSet<String> {
    let of = |kind: &'static str| {
        let text = fs::read_to_string(format!("/proc/sysvipc/{kind}")).expect("System V objects are listed");
        text.lines().skip(1).filter_map(|line| Some(format!("{kind} {}", line.split_whitespace().nth(1)?))).collect::<Vec<_>>()
    };
    ["shm", "sem", "msg"].into_iter().flat_map(of).collect()
}

/// Names in file systems that a jail could share with the host.
fn names() -> BTreeSet<String> {
    ["/dev/shm", "/dev/mqueue"]
        .into_iter()
        .flat_map(|folder| subject::entries(std::path::Path::new(folder)).into_iter().map(move |name| format!("{folder}/{name}")))
        .collect()
}

#[test]
fn what_stresses_a_kernel_from_inside_costs_the_host_no_more_than_from_outside_and_leaves_nothing() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("stress");
    subject.create("/bin/sleep 1000");
    // What the body keeps once it was used is no trace of a jail.
    subject.must("jailmgr", &["start"]);
    let before = (objects(), names());
    let inside = |stressors: &[&str]| {
        let mut command = subject.command("jailctl", &["exec", "-w", "/tmp", subject.name, "--", "stress-ng"]);
        command.args(arguments(stressors));
        command
    };

    let mut outside = Command::new("stress-ng");
    outside.args(arguments(&ORDINARY)).current_dir(subject.data.path());
    let (host, _) = lateness(piped(outside));
    let (jailed, output) = lateness(piped(inside(&ORDINARY)));
    let told = String::from_utf8_lossy(&output.stderr);
    for stressor in ["fork", "clone", "sock", "sem", "sem-sysv", "mq", "sigq"] {
        assert!(operations(&output, stressor) > 0, "{stressor} did nothing: {told}");
    }
    let (refused, output) = lateness(piped(inside(&REFUSED)));
    assert!(output.status.code().is_some(), "{output:?}");
    println!(
        "a process of the host is late by {host:?} with the load outside, {jailed:?} inside, {refused:?} with what is refused"
    );
    let most = 5 * host + Duration::from_millis(150);
    assert!(jailed < most && refused < most, "{jailed:?} and {refused:?}, with the same load outside {host:?}");

    // Cut short: nobody in the jail cleans up.
    let mut cut = piped(inside(&ORDINARY));
    std::thread::sleep(Duration::from_secs(2));
    subject.must("jailmgr", &["stop"]);
    cut.wait().expect("it was ended with its jail");
    let after = (objects(), names());
    assert_eq!(after, before, "what was there is there, and no more");
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}
