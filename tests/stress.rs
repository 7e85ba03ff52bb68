//! newest: stress-ng's classes in a jail for a bounded time: the host stays responsive, nothing leaks out, the kernel log stays
//! clean.

#[path = "support/body.rs"]
mod body;
#[path = "support/subject.rs"]
mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
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

/// What the kernel says from now on.
struct KernelLog(fs::File);

impl KernelLog {
    fn from_now() -> KernelLog {
        use std::io::Seek;
        let mut file =
            fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg").expect("the kernel's log");
        file.seek(std::io::SeekFrom::End(0)).expect("kmsg has an end");
        KernelLog(file)
    }

    /// Lines that tell of a bug, in the kernel's own words (lib/bug.c, kernel/panic.c, kernel/watchdog.c, kernel/rcu).
    fn alarms(mut self) -> Vec<String> {
        const WORDS: [&str; 10] = [
            "BUG:",
            "WARNING:",
            "Oops",
            "general protection",
            "Call Trace",
            "soft lockup",
            "hung_task",
            "blocked for more than",
            "refcount",
            "self-detected stall",
        ];
        let (mut alarms, mut record) = (Vec::new(), [0; 8192]);
        // A record a read; one that was overwritten meanwhile is EPIPE.
        loop {
            match self.0.read(&mut record) {
                Ok(length) => {
                    let line = String::from_utf8_lossy(&record[..length]).into_owned();
                    if WORDS.iter().any(|word| line.contains(word)) {
                        alarms.push(line);
                    }
                }
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(_) => return alarms,
            }
        }
    }
}

#[test]
fn what_stresses_a_kernel_from_inside_costs_the_host_no_more_than_from_outside_and_leaves_nothing() {
    if body::here().is_none() {
        return;
    }
    let log = body::in_guest().then(KernelLog::from_now);
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
    // Beside guests and builds a machine is late by itself, now and then; one that answers no more is late by far more.
    let most = 5 * host + Duration::from_secs(2);
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
    let alarms = log.map(KernelLog::alarms).unwrap_or_default();
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[test]
fn what_members_made_and_left_goes_with_their_jail_and_nothing_of_the_hosts() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("leaves");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    // SAFETY: only takes numbers.
    let hosts = unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, libc::IPC_CREAT | 0o666) };
    assert!(hosts >= 0, "a segment of the host");
    let before = objects();
    let made = "import ctypes; libc = ctypes.CDLL(None); print(libc.shmget(0, 4096, 0o1666), libc.semget(0, 1, 0o1666), \
                libc.msgget(0, 0o1666), libc.mq_open(b'/left', 0o102, 0o666, None))";
    let numbers = subject.inside(&["python3", "-c", made]);
    assert!(!numbers.contains("-1"), "the objects are made: {numbers}");
    subject.must("jailmgr", &["stop"]);
    let after = objects();
    // SAFETY: this command takes no buffer; the segment is ours.
    unsafe { libc::shmctl(hosts, libc::IPC_RMID, std::ptr::null_mut()) };
    assert_eq!(after, before, "made inside: {numbers}");
    // SAFETY: a NUL-terminated name.
    let left = unsafe { libc::mq_open(c"/left".as_ptr(), libc::O_RDONLY) };
    assert_eq!((left, nix::errno::Errno::last()), (-1, nix::errno::Errno::ENOENT), "the queue is gone");
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}
