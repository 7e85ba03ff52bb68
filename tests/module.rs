//! guest: the module itself, through the kernel trait: who gets in, who is counted, what survives, who may remove it.
//!
//! Run without arguments it is a test program; `module member JID DEED...` is the process that enters a jail.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{JailDef, Jid, Kernel, KernelError, Level, Policy, Port};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, jid, deed @ ..] = &arguments[..]
        && mode == "member"
    {
        return member(jid.parse().ok().and_then(Jid::new).expect("a jid"), deed);
    }
    if let [_, mode] = &arguments[..]
        && mode == "load"
    {
        return match Lsm::load() {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let missing = Lsm::probe().err();
    let required = std::env::var_os("JAILSH_REQUIRE_MODULE").is_some();
    if let Some(why) = &missing {
        println!("the module cannot be loaded here: {why}");
    }
    let tests: [(&str, fn()); 16] = [
        ("a_member_is_counted_from_its_entry_to_its_reaping", a_member_is_counted_from_its_entry_to_its_reaping),
        ("counts_are_exact_after_a_storm_of_forks_and_threads", counts_are_exact_after_a_storm_of_forks_and_threads),
        ("nobody_enters_with_a_directory_open", nobody_enters_with_a_directory_open),
        ("nobody_enters_with_a_second_thread", nobody_enters_with_a_second_thread),
        ("nobody_enters_twice_or_changes_jails", nobody_enters_twice_or_changes_jails),
        ("nobody_but_root_enters_creates_or_lists", nobody_but_root_enters_creates_or_lists),
        ("a_name_and_a_port_have_one_owner", a_name_and_a_port_have_one_owner),
        ("a_reserved_port_is_bound_by_its_owner_alone", a_reserved_port_is_bound_by_its_owner_alone),
        ("the_members_of_two_jails_cannot_reach_each_other", the_members_of_two_jails_cannot_reach_each_other),
        ("a_live_update_takes_effect_at_once", a_live_update_takes_effect_at_once),
        ("a_closing_jail_lets_nobody_fork_or_enter", a_closing_jail_lets_nobody_fork_or_enter),
        ("a_fork_bomb_is_killed_to_the_last_member", a_fork_bomb_is_killed_to_the_last_member),
        ("a_frozen_jail_stands_still", a_frozen_jail_stands_still),
        ("the_pins_stay_while_a_member_lives", the_pins_stay_while_a_member_lives),
        ("a_reload_has_no_gap_and_keeps_jails_and_counts", a_reload_has_no_gap_and_keeps_jails_and_counts),
        ("a_loader_killed_at_any_point_is_repaired_by_the_next", a_loader_killed_at_any_point_is_repaired_by_the_next),
    ];
    let trial = |(name, test): (&'static str, fn())| {
        let why = missing.as_ref().map(ToString::to_string);
        let ignored = why.is_some() && !required;
        let run = move || match why {
            Some(why) => Err(Failed::from(format!("the module is required here: {why}"))),
            None => {
                test();
                Ok(())
            }
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    libtest_mimic::run(&Arguments::from_args(), tests.into_iter().map(trial).collect()).exit_code()
}

// ---- the member's side ----

fn say(word: &str) {
    use std::io::Write;
    let mut out = std::io::stdout();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("the test listens");
}

/// Enters a jail, says how that went, and does one deed.
fn member(jid: Jid, deed: &[String]) -> ExitCode {
    let deed: Vec<&str> = deed.iter().map(String::as_str).collect();
    let gate = match Lsm::open().and_then(|module| module.gate(jid)) {
        Ok(gate) => gate,
        Err(error) => {
            say(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    if deed == ["with-directory"] {
        let _directory = fs::File::open("/tmp").expect("a directory");
        say(&format!("{:?}", gate.enter()));
        return ExitCode::SUCCESS;
    }
    if deed == ["with-thread"] {
        std::thread::spawn(|| sleep(Duration::from_secs(600)));
        say(&format!("{:?}", gate.enter()));
        return ExitCode::SUCCESS;
    }
    let entered = gate.join_cgroup().and_then(|()| gate.enter());
    say(&format!("{entered:?}"));
    if entered.is_err() {
        return ExitCode::FAILURE;
    }
    match deed[..] {
        // Programs leave the arriving state behind; what is tested on members runs after an exec of its own.
        ["exec", ref program @ ..] => panic!("{}", Command::new(program[0]).args(&program[1..]).exec()),
        ["twice"] => say(&format!("{:?}", gate.enter())),
        ["reopen"] => say(&format!("{:?}", Lsm::open().and_then(|module| module.list()).is_err())),
        ["storm"] => storm(),
        ["bomb"] => bomb(),
        ["fork-on-request"] => fork_on_request(),
        _ => panic!("unknown deed {deed:?}"),
    }
    ExitCode::SUCCESS
}

fn storm() {
    for _ in 0..150 {
        // SAFETY: this process is single-threaded here, and the child only exits.
        match unsafe { fork() }.expect("a child") {
            // SAFETY: ends the child at once.
            ForkResult::Child => unsafe { libc::_exit(0) },
            ForkResult::Parent { child } => drop(waitpid(child, None)),
        }
        std::thread::spawn(|| ()).join().expect("a thread");
    }
    say("done");
    rest();
}

fn bomb() {
    loop {
        // SAFETY: the child goes on with this loop of system calls.
        let _ = unsafe { fork() };
    }
}

/// One fork per line of standard input, each answered.
fn fork_on_request() {
    for _ in std::io::stdin().lines() {
        // SAFETY: this process is single-threaded, and the child only exits.
        match unsafe { fork() } {
            // SAFETY: ends the child at once.
            Ok(ForkResult::Child) => unsafe { libc::_exit(0) },
            Ok(ForkResult::Parent { child }) => {
                let _ = waitpid(child, None);
                say("forked");
            }
            Err(errno) => say(&format!("{errno:?}")),
        }
    }
}

fn rest() {
    sleep(Duration::from_secs(600));
}

// ---- the host's side ----

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A jail of the kernel alone, without root or files; gone at the end of its test.
struct Jail {
    module: Lsm,
    jid: Jid,
}

impl Jail {
    fn new(ports: &[i64]) -> Jail {
        let module = Lsm::open_or_load().expect("the module");
        let jid = module.create(&def(ports)).expect("a jail");
        Jail { module, jid }
    }

    fn member(&self, deed: &[&str]) -> Member {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("member").arg(self.jid.to_string()).args(deed);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Member { child, out }
    }

    /// A member that runs a program, past its exec.
    fn program(&self, argv: &[&str]) -> Member {
        let mut member = self.member(&[&["exec"], argv].concat());
        assert_eq!(member.line(), "Ok(())");
        let comm = format!("/proc/{}/comm", member.child.id());
        let name = Path::new(argv[0]).file_name().unwrap().to_str().unwrap();
        wait_until("the program", || fs::read_to_string(&comm).is_ok_and(|comm| comm.trim() == name));
        member
    }

    fn count(&self) -> u64 {
        self.module.list().unwrap().into_iter().find(|jail| jail.jid == self.jid).expect("the jail").processes
    }

    fn denied(&self, right: &str) -> u64 {
        let stats = self.module.stats(Some(self.jid)).unwrap();
        stats[0].denials.iter().find(|(known, _)| known.name() == right).map_or(0, |(_, count)| *count)
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        let _ = self.module.kill_all(self.jid, Duration::from_secs(30));
        let _ = self.module.destroy(self.jid);
    }
}

fn def(ports: &[i64]) -> JailDef {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    JailDef {
        name: format!("module-{}-{number}", std::process::id()).parse().unwrap(),
        root: "/".into(),
        profile: "medium".into(),
        policy: Policy {
            rights: Level::Medium.rights(),
            ports: ports.iter().map(|port| Port::try_from(*port).unwrap()).collect(),
        },
    }
}

/// A process that was sent into a jail; killed and reaped at the end.
struct Member {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Member {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut error = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("the member said nothing: {error}");
        }
        line.trim_end().to_owned()
    }

    fn ask(&mut self) -> String {
        use std::io::Write;
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        self.line()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    fn finish(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within 30 s");
        sleep(Duration::from_millis(10));
    }
}

/// Everything below the module's directory.
fn pins() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path(), found),
                false => drop(found.insert(entry.file_name().to_string_lossy().into_owned())),
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(Path::new(Lsm::DIRECTORY), &mut found);
    found
}

fn output(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

// ---- the tests ----

fn a_member_is_counted_from_its_entry_to_its_reaping() {
    let jail = Jail::new(&[]);
    assert_eq!(jail.count(), 0);
    let mut member = jail.program(&["/bin/sleep", "600"]);
    assert_eq!(jail.count(), 1);
    let members = jail.module.members(jail.jid).unwrap();
    assert_eq!(members.iter().map(|member| member.pid).collect::<Vec<_>>(), [member.pid().as_raw()]);
    assert_eq!(members[0].command, "sleep");
    assert!(matches!(jail.module.destroy(jail.jid), Err(KernelError::Busy { members: 1, .. })));
    member.child.kill().unwrap();
    wait_until("a zombie", || fs::read_to_string(format!("/proc/{}/stat", member.pid())).unwrap().contains(") Z "));
    assert_eq!(jail.count(), 1, "a zombie counts until it is reaped");
    member.finish();
    wait_until("the count of nobody", || jail.count() == 0);
}

fn counts_are_exact_after_a_storm_of_forks_and_threads() {
    let jail = Jail::new(&[]);
    let mut member = jail.member(&["storm"]);
    assert_eq!([member.line(), member.line()], ["Ok(())", "done"]);
    assert_eq!(jail.count(), 1);
    member.finish();
    wait_until("the count of nobody", || jail.count() == 0);
    for _ in 0..20 {
        let turn = jail.module.create(&def(&[])).unwrap();
        jail.module.destroy(turn).unwrap();
        assert!(matches!(jail.module.members(turn), Err(KernelError::NoSuchJail(_))), "a jid is never reused");
    }
}

fn nobody_enters_with_a_directory_open() {
    let jail = Jail::new(&[]);
    assert_eq!(jail.member(&["with-directory"]).line(), "Err(ENOTDIR)");
    assert_eq!(jail.count(), 0);
}

fn nobody_enters_with_a_second_thread() {
    let jail = Jail::new(&[]);
    assert_eq!(jail.member(&["with-thread"]).line(), "Err(EBUSY)");
    assert_eq!(jail.count(), 0);
}

fn nobody_enters_twice_or_changes_jails() {
    let jail = Jail::new(&[]);
    let mut member = jail.member(&["twice"]);
    assert_eq!([member.line(), member.line()], ["Ok(())", "Err(EPERM)"]);
    let mut member = jail.member(&["reopen"]);
    assert_eq!([member.line(), member.line()], ["Ok(())", "true"]);
    assert!(jail.denied("jail_enter") + jail.denied("bpf") + jail.denied("kernel_fs_write") > 0);
}

fn nobody_but_root_enters_creates_or_lists() {
    let jail = Jail::new(&[]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("member").arg(jail.jid.to_string()).args(["exec", "/bin/true"]).uid(65534).gid(65534);
    let said = command.output().unwrap();
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stdout).contains("root"), "{said:?}");
    assert_eq!(jail.count(), 0);

    // Even with the program's descriptor in hand.
    // SAFETY: getuid-family calls and ctl_enter only; the child exits at once.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let refused = jail.module.gate(jail.jid).is_ok_and(|gate| {
                // SAFETY: changes this child's own uid for good.
                let changed = unsafe { libc::setresuid(65534, 65534, 65534) } == 0;
                changed && gate.enter() == Err(Errno::EPERM)
            });
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(i32::from(!refused)) }
        }
        ForkResult::Parent { child } => {
            let ended = waitpid(child, None).unwrap();
            assert!(matches!(ended, nix::sys::wait::WaitStatus::Exited(_, 0)), "{ended:?}");
        }
    }
    assert_eq!(jail.count(), 0);
}

fn a_name_and_a_port_have_one_owner() {
    let jail = Jail::new(&[18080, 18081]);
    let mine = jail.module.list().unwrap().into_iter().find(|other| other.jid == jail.jid).unwrap();
    assert_eq!(mine.policy.ports.iter().map(|port| port.get()).collect::<Vec<_>>(), [18080, 18081]);
    let before = jail.module.list().unwrap().len();
    let again = JailDef { name: mine.name.clone(), ..def(&[]) };
    assert!(matches!(jail.module.create(&again), Err(KernelError::NameTaken(_))));
    let taken = jail.module.create(&def(&[18090, 18081])).unwrap_err().to_string();
    assert_eq!(taken, format!("port 18081 is reserved by jail {}; pick another port or destroy that jail", mine.name));
    assert_eq!(jail.module.list().unwrap().len(), before);
    let other = jail.module.create(&def(&[18090])).expect("a failed create keeps no port");
    jail.module.destroy(other).unwrap();
}

/// One bind per family and protocol, by python: fresh sockets in a fresh process.
const BIND: &str = "
import socket, sys
port, out = int(sys.argv[1]), []
for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::1'), (socket.AF_INET6, '::')):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(family, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            s.bind((address, port)); out.append('ok')
        except OSError as e:
            out.append(str(e.errno))
        s.close()
print(' '.join(sorted(set(out))))
";

fn a_reserved_port_is_bound_by_its_owner_alone() {
    let owner = Jail::new(&[18085]);
    let rival = Jail::new(&[]);
    let bind = |jail: &Jail| {
        let mut member = jail.member(&["exec", "/usr/bin/python3", "-c", BIND, "18085"]);
        assert_eq!(member.line(), "Ok(())");
        member.line()
    };
    let in_use = (Errno::EADDRINUSE as i32).to_string();
    assert_eq!(bind(&owner), "ok");
    assert_eq!(bind(&rival), in_use);
    assert_eq!(rival.denied("port_foreign"), 8);
    assert_eq!(owner.denied("port_foreign"), 0);
    let host = output("/usr/bin/python3", &["-c", BIND, "18085"]);
    assert_eq!(String::from_utf8_lossy(&host.stdout).trim(), in_use, "the host is not exempt");
    let reserved = || fs::read_to_string("/proc/sys/net/ipv4/ip_local_reserved_ports").unwrap();
    assert!(reserved().contains("18085"), "kept out of every ephemeral choice");
    drop(owner);
    assert!(!reserved().contains("18085"));
    assert_eq!(bind(&rival), "ok", "free again");
}

fn the_members_of_two_jails_cannot_reach_each_other() {
    let (one, other) = (Jail::new(&[]), Jail::new(&[]));
    let target = other.program(&["/bin/sleep", "600"]).pid_kept();
    let pid = target.0.to_string();
    let deeds = [
        (vec!["/bin/kill", "-0", &pid], "process_signal"),
        (vec!["/bin/cat", "/proc/PID/status"], "process_see"),
        (vec!["/usr/bin/renice", "5", "-p", &pid], "process_schedule"),
        (vec!["/usr/bin/taskset", "-p", "1", &pid], "process_schedule"),
    ];
    for (argv, right) in deeds {
        let path = format!("/proc/{pid}/status");
        let argv: Vec<&str> =
            argv.into_iter().map(|word| if word == "/proc/PID/status" { path.as_str() } else { word }).collect();
        let before = one.denied(right) + one.denied("process_see");
        let mut member = one.member(&[&["exec"], &argv[..]].concat());
        assert_eq!(member.line(), "Ok(())");
        let status = member.child.wait().unwrap();
        assert!(!status.success(), "{argv:?} must fail in another jail");
        assert!(one.denied(right) + one.denied("process_see") > before, "{argv:?} is counted under {right}");
        assert!(output(argv[0], &argv[1..]).status.success(), "{argv:?} must work for the host, or it proves nothing");
    }
    assert_eq!(other.denied("process_signal"), 0);
    let mut sibling = other.member(&["exec", "/bin/kill", "-0", &pid]);
    assert_eq!(sibling.line(), "Ok(())");
    assert!(sibling.child.wait().unwrap().success(), "members of one jail reach each other");
}

impl Member {
    /// The pid, and the member itself to keep it alive.
    fn pid_kept(self) -> (Pid, Member) {
        (self.pid(), self)
    }
}

fn a_live_update_takes_effect_at_once() {
    let jail = Jail::new(&[]);
    let chroot = |jail: &Jail| {
        let mut member = jail.member(&["exec", "/usr/sbin/chroot", "/", "/bin/true"]);
        assert_eq!(member.line(), "Ok(())");
        member.child.wait().unwrap().success()
    };
    assert!(!chroot(&jail));
    let policy = Policy { rights: Level::Medium.rights().with("chroot".parse().unwrap()), ports: Vec::new() };
    jail.module.update(jail.jid, &policy).unwrap();
    assert!(chroot(&jail));
    assert_eq!(jail.denied("chroot"), 1);
}

fn a_closing_jail_lets_nobody_fork_or_enter() {
    let jail = Jail::new(&[]);
    let mut member = jail.member(&["fork-on-request"]);
    assert_eq!(member.line(), "Ok(())");
    assert_eq!(member.ask(), "forked");
    let late = jail.module.gate(jail.jid).unwrap();
    jail.module.kill_all(jail.jid, Duration::from_secs(20)).unwrap_or_else(|error| {
        // The member is our child and stays a zombie until it is reaped below.
        assert!(matches!(error, KernelError::Busy { members: 1, .. }), "{error}");
    });
    member.finish();
    // SAFETY: the child only enters, or fails to, and exits.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let refused = late.enter() == Err(Errno::ESRCH);
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(i32::from(!refused)) }
        }
        ForkResult::Parent { child } => {
            let ended = waitpid(child, None).unwrap();
            assert!(matches!(ended, nix::sys::wait::WaitStatus::Exited(_, 0)), "{ended:?}");
        }
    }
    assert!(jail.module.list().unwrap().iter().any(|other| other.jid == jail.jid && other.closing));
}

fn a_fork_bomb_is_killed_to_the_last_member() {
    let jail = Jail::new(&[]);
    // Reaped as they die: orphans of the bomb become this process's children.
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let mut member = jail.member(&["bomb"]);
    assert_eq!(member.line(), "Ok(())");
    wait_until("a crowd", || jail.count() > 100);
    let killing = Instant::now();
    let _ = jail.module.kill_all(jail.jid, Duration::from_secs(1));
    while let Ok(ended) = waitpid(Pid::from_raw(-1), Some(nix::sys::wait::WaitPidFlag::WNOHANG)) {
        if ended == nix::sys::wait::WaitStatus::StillAlive {
            if jail.count() == 0 {
                break;
            }
            assert!(killing.elapsed() < Duration::from_secs(60), "{} members are left", jail.count());
            sleep(Duration::from_millis(5));
        }
    }
    wait_until("the count of nobody", || jail.count() == 0);
    jail.module.kill_all(jail.jid, Duration::from_secs(1)).expect("empty");
    nix::sys::prctl::set_child_subreaper(false).unwrap();
    std::mem::forget(member);
}

fn a_frozen_jail_stands_still() {
    let jail = Jail::new(&[]);
    let mut member = jail.member(&["fork-on-request"]);
    assert_eq!(member.line(), "Ok(())");
    jail.module.freeze(jail.jid).unwrap();
    let (sent, answered) = std::sync::mpsc::channel();
    let asking = std::thread::spawn(move || {
        let answer = member.ask();
        sent.send(answer).unwrap();
        member
    });
    assert!(answered.recv_timeout(Duration::from_millis(700)).is_err(), "a frozen member answered");
    jail.module.thaw(jail.jid).unwrap();
    assert_eq!(answered.recv_timeout(Duration::from_secs(20)).unwrap(), "forked");
    asking.join().unwrap().finish();
}

fn the_pins_stay_while_a_member_lives() {
    let jail = Jail::new(&[]);
    let mut member = jail.program(&["/bin/sleep", "600"]);
    let mounts: Vec<String> = fs::read_to_string("/proc/self/mountinfo")
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').nth(4).filter(|place| place.starts_with(Lsm::DIRECTORY)).map(str::to_owned))
        .collect();
    assert_eq!(mounts.len(), 1, "{mounts:?}");
    let before = pins();
    for pin in fs::read_dir(&mounts[0]).unwrap().map(Result::unwrap) {
        let error = fs::remove_file(pin.path()).expect_err("a pin was removed under a live member");
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY), "{}", pin.path().display());
    }
    for flags in [nix::mount::MntFlags::empty(), nix::mount::MntFlags::MNT_DETACH] {
        assert_eq!(nix::mount::umount2(mounts[0].as_str(), flags), Err(Errno::EBUSY));
    }
    assert_eq!(nix::mount::umount2("/run", nix::mount::MntFlags::MNT_DETACH), Err(Errno::EBUSY), "it would take the pins along");
    assert!(matches!(Lsm::unload(), Err(KernelError::Busy { .. })));
    assert_eq!(pins(), before);
    member.child.kill().unwrap();
    member.finish();
}

fn a_reload_has_no_gap_and_keeps_jails_and_counts() {
    let jail = Jail::new(&[18086]);
    let member = jail.program(&["/bin/sleep", "600"]);
    let probe = "import os, sys, time
end = time.time() + float(sys.argv[1])
tries = holes = 0
while time.time() < end:
    tries += 1
    try:
        os.kill(int(sys.argv[2]), 0); holes += 1
    except PermissionError:
        pass
print(tries, holes)";
    let outsider = std::process::id().to_string();
    let mut prober = jail.member(&["exec", "/usr/bin/python3", "-c", probe, "25", &outsider]);
    assert_eq!(prober.line(), "Ok(())");
    let before = (jail.count(), pins().len());
    let reloaded = Lsm::load().expect("a reload");
    assert!(reloaded.list().unwrap().iter().any(|other| other.jid == jail.jid));
    assert_eq!((jail.count(), pins().len()), before, "counted once, though two generations saw it");
    let said = prober.line();
    let numbers: Vec<u64> = said.split(' ').map(|number| number.parse().unwrap()).collect();
    assert!(numbers[0] > 100 && numbers[1] == 0, "{said}");
    member.finish();
    prober.finish();
    wait_until("the count of nobody", || jail.count() == 0);
}

fn a_loader_killed_at_any_point_is_repaired_by_the_next() {
    let jail = Jail::new(&[]);
    let member = jail.program(&["/bin/sleep", "600"]);
    let (mine, before) = (std::process::id().to_string(), pins());
    let whole = Instant::now();
    Lsm::load().unwrap();
    let whole = whole.elapsed();
    for cut in 1..=5_u32 {
        let mut loader = Command::new(std::env::current_exe().unwrap()).arg("load").spawn().unwrap();
        sleep(whole * cut / 5);
        let _ = kill(Pid::from_raw(loader.id() as i32), Signal::SIGKILL);
        loader.wait().unwrap();
        let mut outlaw = jail.member(&["exec", "/bin/kill", "-0", &mine]);
        assert_eq!(outlaw.line(), "Ok(())", "the module is there after a cut at {cut}/5");
        assert!(!outlaw.child.wait().unwrap().success(), "enforcement went on after a cut at {cut}/5");
    }
    Lsm::load().unwrap();
    assert_eq!(pins(), before);
    assert_eq!(jail.count(), 1);
    member.finish();
}
