//! body: jails and the host keep to themselves, members of one jail do not, and host root sees and reaches all.

#[path = "support/body.rs"]
mod body;
#[path = "support/host_side.rs"]
mod host_side;
#[path = "support/jail.rs"]
mod jail;
#[path = "attacks/landlock.rs"]
mod landlock;
#[path = "support/port_range.rs"]
mod port_range;
#[path = "support/program.rs"]
mod program;
#[path = "support/session.rs"]
mod session;
#[path = "support/stage.rs"]
mod stage;
#[path = "support/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jailsh::kernel::Level;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use body::Body;
use host_side::HostSide;
use jail::{TestJail, output_of, tool};
use port_range::PortRange;
use program::Program;
use session::Session;
use stage::{BAIT, Stage};
use table::{Expectation, Row};

/// Closed to every member, though only walls are named: these show all jails' objects, or take a raised priority.
const DENIED_TO_SIBLINGS: [&str; 4] = [
    "find the host's segment in /proc/sysvipc/shm",
    "find the host's semaphore in /proc/sysvipc/sem",
    "find the host's queue in /proc/sysvipc/msg",
    "process_madvise(host)",
];

/// An ordinary user: nobody.
const NOBODY: u32 = 65_534;

fn stage() -> Stage {
    Stage::set(Program::build())
}

/// The rows of a class by name, with how they are expected to end.
fn rows(stage: &Stage, class: &str) -> BTreeMap<String, Row> {
    table::rows(&stage.program).into_iter().filter(|row| row.class == class).map(|row| (row.name.clone(), row)).collect()
}

/// How each row that a command runs ends.
fn endings(command: Command) -> BTreeMap<String, String> {
    let mut session = Session::start(command);
    std::iter::from_fn(|| session.next_row()).collect()
}

/// The same of a class of rows in a jail.
fn run_in(jail: &TestJail, class: &str, targets: &[String]) -> BTreeMap<String, String> {
    let bait = format!("bait={BAIT}");
    let arguments: Vec<&str> = ["run", class, &bait].into_iter().chain(targets.iter().map(String::as_str)).collect();
    endings(jail.attacks(&arguments))
}

/// What is wrong with how a row of an outsider's ended, if anything.
fn unlike(body: Body, row: &Row, result: &str) -> Option<String> {
    match body {
        Body::Landlock => landlock::verdict(row, result),
        Body::Lsm => (!row.in_jail.iter().any(|one| one == result)).then(|| format!("{}: {result}", row.name)),
    }
}

/// A process of the jail that owns one of everything.
fn inhabitant(jail: &TestJail) -> HostSide {
    HostSide::start(jail.attacks(&["host", BAIT]))
}

/// A child of the test that is killed and reaped on drop.
struct Sleeper(Child);

impl Sleeper {
    fn start(mut command: Command) -> Sleeper {
        Sleeper(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts"))
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_none()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < limit, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_jailed_root_can_do_nothing_to_the_processes_and_objects_of_another_jail() {
    let Some(body) = body::here() else { return };
    let stage = stage();
    let victim = TestJail::start(&stage, "isolation-victim", Level::Medium, &[]);
    let attacker = TestJail::start(&stage, "isolation-root", Level::Medium, &[]);
    // What the victim hands over is a directory of its own with the mark in it.
    let mut touch = victim.exec("/usr/bin/touch");
    touch.arg("/opt/outside");
    assert!(output_of(touch).status.success());
    let target = inhabitant(&victim);
    for class in ["process", "proc", "ipc", "sockets", "descriptors"] {
        let known = rows(&stage, class);
        for (name, result) in run_in(&attacker, class, target.targets()) {
            let row = &known[&name];
            // On lsm these ask the target over its socket, which already cannot be reached.
            let asks = ["SIGIO", "receive", "TIOCSTI"].iter().any(|word| name.contains(word)) || name.contains("from the host");
            if row.expectation == Expectation::Denied && !(body == Body::Lsm && asks) {
                assert_eq!(unlike(body, row, &result), None);
            }
            assert!(body == Body::Landlock || !asks || result != "ok", "{name}: {result}");
            if name == "connect to a unix socket that the host put into the root" {
                let expected = if body == Body::Lsm { "ECONNREFUSED" } else { landlock::PATH_SOCKET };
                assert_eq!(result, expected, "a path leads to another jail's socket");
            }
        }
    }
}

#[test]
fn members_of_one_jail_see_signal_trace_and_share_with_each_other() {
    let Some(body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-family", Level::Medium, &[]);
    let sibling = inhabitant(&jail);
    let mut tried = 0;
    for class in ["process", "proc", "ipc", "sockets"] {
        let known = rows(&stage, class);
        for (name, result) in run_in(&jail, class, sibling.targets()) {
            let row = &known[&name];
            // What only a wall between jails forbids is free to members of one jail, as in a chroot.
            let walled = !row.rights.is_empty() && row.rights.iter().all(|right| right.is_fence());
            let stricter = if body == Body::Landlock { landlock::to_sibling(&name) } else { None };
            if let Some(errno) = stricter {
                assert!(errno.split('|').any(|one| one == result), "{name}, of a member on a member: {result}");
            } else if walled && !DENIED_TO_SIBLINGS.contains(&name.as_str()) {
                assert!(row.in_chroot.contains(&result), "{name}, of a member on a member: {result}");
                tried += 1;
            }
        }
    }
    assert!(tried > 55, "{tried} rows");
}

#[test]
fn a_jail_lists_its_members_and_nobody_else() {
    let Some(body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-sight", Level::Medium, &[]);
    let mut known: Vec<i32> = jail.members().into_iter().chain(jail.keeper()).collect();
    // The service, and the keeper where there is one.
    assert_eq!(known.len(), if body == Body::Landlock { 2 } else { 1 });
    let output = output_of({
        let mut command = jail.exec("/bin/ls");
        command.arg("/proc");
        command
    });
    let listed = String::from_utf8(output.stdout).expect("ls writes text");
    let processes: Vec<i32> = listed.split_whitespace().filter_map(|name| name.parse().ok()).collect();
    // All under the numbers that the host knows them by, and ls.
    known.retain(|pid| !processes.contains(pid));
    assert_eq!(known, [0; 0], "not in {processes:?}");
    assert_eq!(processes.len(), if body == Body::Landlock { 3 } else { 2 }, "{processes:?}");
}

#[test]
fn host_root_sees_and_signals_every_member() {
    let Some(body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-seen", Level::High, &[]);
    let mut extra = Sleeper::start({
        let mut command = jail.exec("/usr/bin/sleep");
        command.arg("31415");
        command
    });
    wait_until("the second member runs", || jail.members().len() == 2);
    let listed = String::from_utf8(
        output_of({
            let mut command = Command::new("ps");
            command.args(["-e", "-o", "pid=,args="]);
            command
        })
        .stdout,
    )
    .expect("ps writes text");
    for pid in jail.members() {
        kill(Pid::from_raw(pid), None).unwrap_or_else(|errno| panic!("signal {pid}: {errno}"));
        fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_else(|error| panic!("environ of {pid}: {error}"));
        assert!(listed.lines().any(|line| line.trim_start().starts_with(&format!("{pid} "))), "{pid} in ps:\n{listed}");
    }
    let second = jail.members().into_iter().max().expect("two members");
    kill(Pid::from_raw(second), Signal::SIGTERM).expect("host root may");
    wait_until("the signalled member is gone", || !extra.lives());
    assert!(body.kernel().list().expect("listed").iter().any(|known| known.jid == jail.jid));
}

#[test]
fn an_ordinary_host_user_can_do_nothing_new() {
    let Some(body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-closed", Level::Low, &[]);
    // A copy that the user may certainly run, wherever the build put the original.
    let binary = stage.path("jailsh");
    fs::copy(env!("CARGO_BIN_EXE_jailsh"), &binary).expect("a copy of the program");
    let as_user = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.arg0(program).args(["--kernel", body.name()]).arg("--data-dir").arg(stage.path("jails"));
        command.args(arguments).uid(NOBODY).gid(NOBODY);
        output_of(command)
    };
    for (program, arguments) in [
        ("jailctl", vec!["exec", jail.name.as_str(), "--", "/bin/true"]),
        ("jailctl", vec!["list"]),
        ("jailctl", vec!["destroy", jail.name.as_str()]),
        ("jailmgr", vec!["create", "isolation-users"]),
        ("jailmgr", vec!["stop", jail.name.as_str()]),
        ("jailsh", vec!["kmod", "unload"]),
        ("jailsh", vec!["kmod", "load"]),
    ] {
        let output = as_user(program, &arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(77), "{program} {arguments:?}: {text}");
    }
    let own = if body == Body::Lsm { "/run/jailsh/kmod" } else { "/run/jailsh/landlock" };
    for path in [own, "/run/jailsh/jails"] {
        assert!(fs::exists(path).is_ok_and(|found| found), "{path}");
        let mut command = Command::new("/bin/ls");
        command.arg(path).uid(NOBODY).gid(NOBODY);
        assert!(!output_of(command).status.success(), "{path} is open to everybody");
    }
    // Members are root's, and root's processes are nobody's to signal or to read, as ever.
    for pid in jail.members().into_iter().chain(jail.keeper()) {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("kill -0 {pid} || cat /proc/{pid}/environ || ls /proc/{pid}/fd/")]);
        command.uid(NOBODY).gid(NOBODY);
        assert!(!output_of(command).status.success(), "member {pid} is open to everybody");
    }
    assert_eq!(jail.members().len(), 1, "the jail went on");
}

#[test]
fn a_reserved_port_is_its_owners_alone_by_every_way_of_taking_one() {
    let Some(body) = body::here() else { return };
    const PORT: u16 = 40_204;
    let stage = stage();
    let _range = PortRange::narrow_apart(PORT - 4..=PORT + 4);
    let known = rows(&stage, "ports");
    let targets = [format!("reserved={PORT}"), "own=40300".to_owned()];
    {
        let owner = TestJail::with_an_address(&stage, "isolation-owner", PORT);
        let other = TestJail::start(&stage, "isolation-thief", Level::Medium, &[]);
        let by_host = {
            let mut command = Command::new(&stage.program.path);
            command.args(["run", "ports"]).args(&targets);
            endings(command)
        };
        for (who, endings) in [("the host", by_host), ("another jail", run_in(&other, "ports", &targets))] {
            assert_eq!(endings.len(), known.len());
            for (name, result) in endings {
                // What the chroot may answer as well says that the kernel has no such protocol.
                let absent = who == "the host" && result != "ok" && known[&name].in_chroot.contains(&result);
                // SCTP asks no control group program, which `describe` tells; jails have no such sockets.
                let told = body == Body::Landlock && who == "the host" && name.contains("SCTP");
                assert!(absent || told || unlike(body, &known[&name], &result).is_none(), "{name}, by {who}: {result}");
            }
        }
        let owners = run_in(&owner, "ports", &[format!("reserved={PORT}"), format!("own={PORT}")]);
        for name in ["bind an own reserved port, TCP", "bind an own reserved port, UDP", "bind a reserved port, TCP, any address"]
        {
            assert_eq!(owners[name], "ok", "{name}, by its owner");
        }
    }
    // With its owner gone the port is anybody's again.
    let mut command = Command::new(&stage.program.path);
    command.arg("row").arg("bind a reserved port, TCP, any address").args(&targets);
    assert!(endings(command).values().all(|result| result == "ok"), "after its owner is gone");
}

#[test]
fn a_member_cannot_reach_its_supervisor_nor_make_it_its_tracer() {
    let Some(body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-child", Level::Medium, &[]);
    // The keeper's parent, or else the service's.
    let child = jail.keeper().unwrap_or_else(|| jail.members()[0]);
    let (supervisor, _) = parent_and_state(&child.to_string()).expect("it runs");
    let title = fs::read_to_string(format!("/proc/{supervisor}/cmdline")).expect("it has a parent");
    assert!(title.starts_with("jailctl: supervise jail=isolation-child "), "{title}");
    let targets = [format!("pid={supervisor}")];
    let known = rows(&stage, "proc");
    for (name, result) in run_in(&jail, "proc", &targets) {
        let row = &known[&name];
        assert!(row.expectation != Expectation::Denied || unlike(body, row, &result).is_none(), "{name}: {result}");
    }
    let known = rows(&stage, "process");
    for row in ["kill(host, 0)", "ptrace(SEIZE, host)", "sched_setaffinity(host)"] {
        let result = &endings(jail.attacks(&["row", row, &targets[0]]))[row];
        assert_eq!(unlike(body, &known[row], result), None);
    }
    // On lsm jailctl is the parent here, and the host's; on landlock it is the keeper, a member like any other.
    let traced = if body == Body::Lsm { "EPERM\n" } else { "ok\n" };
    assert_eq!(String::from_utf8_lossy(&output_of(jail.attacks(&["traceme"])).stdout), traced);
}

/// Outside of a guest with a signal that nobody minds, should it get out of the jail.
#[test]
fn kill_minus_one_reaches_the_members_and_nobody_else() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-kill", Level::Medium, &[]);
    let other = TestJail::start(&stage, "isolation-spared", Level::Medium, &[]);
    let signal = if body::in_guest() { "KILL" } else { "WINCH" };
    // Ends by either signal.
    let listen = ["-c", "trap 'exit 0' WINCH; while :; do sleep 0.2; done"];
    let listener_in = |jail: &TestJail| {
        let mut command = jail.exec("/bin/sh");
        command.args(listen);
        Sleeper::start(command)
    };
    let (mut inside, mut elsewhere) = (listener_in(&jail), listener_in(&other));
    let mut outside = Command::new("/bin/sh");
    outside.args(listen);
    let mut outside = Sleeper::start(outside);
    wait_until("the listeners listen", || jail.members().len() >= 3 && other.members().len() >= 3);

    let output = output_of({
        let mut command = jail.exec("/bin/sh");
        command.args(["-c", &format!("kill -{signal} -1; echo alone")]);
        command
    });
    assert_eq!(String::from_utf8_lossy(&output.stdout), "alone\n", "{}", String::from_utf8_lossy(&output.stderr));
    wait_until("the other member is gone", || !inside.lives());
    assert!(outside.lives(), "a process of the host was reached");
    assert!(elsewhere.lives(), "a process of another jail was reached");
}

#[test]
fn a_fork_bomb_ends_with_its_jail() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-bomb", Level::Medium, &[]);
    let mut command = tool("jailctl", &stage);
    command.args(["exec", "-u", &NOBODY.to_string(), jail.name.as_str(), "--", &format!("{BAIT}/attacks"), "bomb"]);
    let mut bomb = Sleeper::start(command);
    wait_until("the bomb went off", || jail.members().len() > 50);
    let mut stop = tool("jailmgr", &stage);
    stop.args(["stop", jail.name.as_str()]);
    let output = output_of(stop);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    wait_until("the bomb's caller noticed", || !bomb.lives());
}

/// A process of proc(5): parent and state.
fn parent_and_state(pid: &str) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    let state = rest.next()?.to_owned();
    Some((rest.next()?.to_owned(), state))
}

/// clone(2) with CLONE_PARENT gives a jail's processes to the supervisor or the keeper, which did not ask for them.
#[test]
fn children_that_a_member_foists_on_its_supervisor_do_not_pile_up() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let wait_and_foist = format!("/bin/sh -c 'until test -x {BAIT}/attacks; do sleep 1; done; exec {BAIT}/attacks foist'");
    let jail = TestJail::with_service(&stage, "isolation-foist", Level::Medium, &[], &wait_and_foist);
    let command_of = |pid: i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut service = 0;
    wait_until("the service foists", || {
        service = jail.members().into_iter().find(|pid| command_of(*pid).ends_with(b"foist\0")).unwrap_or(0);
        service != 0
    });
    // The supervisor, or the keeper.
    let (parent, _) = parent_and_state(&service.to_string()).expect("the service runs");
    std::thread::sleep(Duration::from_secs(1)); // the time in which zombies would come to be
    wait_until("they are reaped", || {
        let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.file_name());
        !processes
            .filter_map(|name| parent_and_state(&name.to_string_lossy()))
            .any(|(other, state)| other == parent && state == "Z")
    });
    wait_until("only the service is left", || jail.members() == [service]);
}
