//! newest: a jail's life on the real kernel: many times, and cut short at any point.

#[path = "support/body.rs"]
mod body;
#[path = "support/subject.rs"]
mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use subject::{Subject, entries, processes, traces, wait_until};

fn descriptors(process: &Child) -> usize {
    entries(Path::new(&format!("/proc/{}/fd", process.id()))).len()
}

/// Resident pages that are the process's own, in KiB.
fn private_kib(process: &Child) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.id())).unwrap_or_default();
    let fields = rollup.lines().filter(|line| line.starts_with("Private_"));
    fields.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
}

#[test]
fn two_hundred_lives_leave_nothing_behind() {
    let Some(body) = body::here() else { return };
    // All of them natively. Lives in a guest are long: fewer tell as much of the program, which is the same there, and the
    // module's own table has two hundred jails come and go in tests/module.
    let lives = match body {
        _ if !body::in_guest() => 200,
        body::Body::Lsm => 60,
        body::Body::Landlock => 30,
    };
    let subject = Subject::new("cycle");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["destroy"]);
    let before = traces();
    let script = subject.data.path().join("cycle.rhai");
    fs::write(
        &script,
        r#"let lives = parse_int(args[0]);
           for turn in 0..lives {
               let it = jail("cycle", #{ command: ["/bin/sleep", "1000"], profile: "medium", ports: [8181] });
               it.create(); it.start(); it.stop(); it.destroy();
               if turn == 20 { print("early"); sleep(2.0); }
               if turn == lives - 1 { print("late"); sleep(2.0); }
           }"#,
    )
    .unwrap();
    let mut run =
        subject.command("jailsh", &[script.to_str().unwrap(), &lives.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    let turns = std::io::BufRead::lines(std::io::BufReader::new(run.stdout.take().unwrap()));
    let (mut early, mut late) = ((0, 0), (0, 0));
    for turn in turns.map(Result::unwrap) {
        match turn.as_str() {
            "early" => early = (descriptors(&run), private_kib(&run)),
            "late" => late = (descriptors(&run), private_kib(&run)),
            _ => {}
        }
    }
    assert!(run.wait().unwrap().success());
    assert_eq!(early.0, late.0, "open descriptors grew");
    assert!(early.1 > 0 && late.1 < early.1 + 512, "private memory grew from {} to {} KiB", early.1, late.1);
    assert_eq!(traces(), before);
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn a_kill_of_jailsh_at_any_instant_leaves_a_state_that_the_next_command_cleans() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("cut");
    let script = subject.data.path().join("cut.rhai");
    fs::write(
        &script,
        r#"let it = jail("cut", #{ command: ["/bin/sleep", "1000"], profile: "medium", ports: [8182] });
           it.create(); it.start(); it.exec(["true"]); it.stop(); it.destroy();"#,
    )
    .unwrap();
    let whole = Instant::now();
    assert!(subject.run("jailsh", &[script.to_str().unwrap()]).status.success());
    let whole = whole.elapsed();
    let before = traces();
    let cuts = if body::in_guest() { 6 } else { 12 };
    for cut in 0..cuts {
        let mut run = subject.command("jailsh", &[script.to_str().unwrap()]).stderr(Stdio::null()).spawn().unwrap();
        sleep(whole * cut / cuts);
        kill(Pid::from_raw(run.id() as i32), Signal::SIGKILL).unwrap();
        run.wait().unwrap();
        // Whatever is there, the same script takes it from there to its end.
        let again = subject.run("jailsh", &[script.to_str().unwrap()]);
        assert!(again.status.success(), "after a cut at {cut}/{cuts}: {}", String::from_utf8_lossy(&again.stderr));
        wait_until("traces of the cut run", || traces() == before);
        assert_eq!(entries(&subject.data.path().join("jails")), BTreeSet::new(), "after a cut at {cut}/{cuts}");
    }
}

#[test]
fn a_group_that_a_crash_left_killed_takes_a_jail_again() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("relic");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let member = subject.supervised().expect("a supervisor with its service").1;
    let line = fs::read_to_string(format!("/proc/{member}/cgroup")).unwrap();
    let below = line.lines().find_map(|line| line.strip_prefix("0::/")).expect("a group of cgroup2").to_owned();
    subject.must("jailmgr", &["stop"]);
    // As a stop leaves it that is killed between taking the jail out of the kernel and removing its group.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let top = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|mount| mount[2] == "cgroup2").unwrap()[1];
    let group = std::path::Path::new(top).join(below);
    fs::create_dir(&group).unwrap();
    fs::write(group.join("cgroup.kill"), "1").unwrap();

    subject.must("jailmgr", &["start"]);
    assert!(subject.supervised().is_some());
    subject.must("jailmgr", &["stop"]);
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn a_killed_supervisor_leaves_the_service_confined_and_start_takes_over() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("orphan");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let (supervisor, service) = subject.supervised().expect("a supervisor with its service");
    kill(supervisor, Signal::SIGKILL).unwrap();
    wait_until("the supervisor's end", || kill(supervisor, None).is_err());

    kill(service, None).expect("the service goes on");
    let listed = subject.inside(&["ps", "ax"]);
    assert!(listed.contains("sleep 1000") && !listed.contains("/sbin/init"), "{listed}");
    let outside = subject.run("jailctl", &["exec", "orphan", "--", "/bin/kill", "-0", &std::process::id().to_string()]);
    assert!(!outside.status.success(), "enforcement goes on");

    subject.must("jailmgr", &["start"]);
    let (other, fresh) = subject.supervised().expect("a new supervisor with its service");
    assert!(other != supervisor && fresh != service);
    wait_until("the old service's end", || kill(service, None).is_err());
    subject.must("jailmgr", &["stop"]);
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn stop_empties_the_jail_of_what_left_its_process_group() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("strays");
    subject.create("/bin/sh -c 'setsid sleep 1001 & trap : TERM; setsid sleep 1002 & while :; do sleep 1003; done'");
    subject.must("jailmgr", &["start"]);
    wait_until("the strays", || subject.inside(&["ps", "ax"]).contains("sleep 1002"));
    subject.must("jailmgr", &["stop"]);
    let ours = ["sleep 1001", "sleep 1002", "sleep 1003"];
    let alive: Vec<_> = processes().into_iter().filter(|process| ours.contains(&process.command.as_str())).collect();
    assert!(alive.is_empty(), "members outlived the stop: {alive:?}");
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn a_start_that_fails_is_undone_and_says_why() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("broken");
    subject.create("/bin/no-such-program");
    let before = traces();
    let output = subject.run("jailmgr", &["start", "broken"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("/bin/no-such-program") && message.contains("not found"), "{message}");
    assert_eq!(traces(), before);
}

#[test]
fn a_port_has_one_owner_and_the_loser_is_told_whose_it_is() {
    let Some(_body) = body::here() else { return };
    let owner = Subject::new("owner");
    owner.must("jailmgr", &["create", "-x", "/bin/sleep 1000", "-r", "8183"]);
    owner.must("jailmgr", &["start"]);
    let rival = Subject::new("rival");
    rival.must("jailmgr", &["create", "-x", "/bin/sleep 1000", "-r", "8184,8183"]);
    let before = traces();
    let output = rival.run("jailmgr", &["start", "rival"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("port 8183 is reserved by jail owner"), "{message}");
    assert_eq!(traces(), before);
}

#[test]
fn a_list_of_destinations_holds_a_jail_to_them_and_changes_while_it_runs() {
    let Some(_body) = body::here() else { return };
    let [near, far] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [near_port, far_port] = [&near, &far].map(|listener| listener.local_addr().unwrap().port());
    let subject = Subject::new("limited");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["config", "--set", &format!("connect=[\"127.0.0.1:{near_port}/tcp\"]")]);
    subject.must("jailmgr", &["start"]);
    let connect = |port: u16| {
        let line = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        let output = subject.run("jailctl", &["exec", "limited", "--", "/bin/bash", "-c", &line]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(connect(near_port).0, Some(0), "{}", connect(near_port).1);
    let (status, message) = connect(far_port);
    assert!(status == Some(1) && message.contains("Operation not permitted"), "{message}");
    assert!(subject.must("jailctl", &["info"]).contains(&format!("127.0.0.1:{near_port}/tcp")));
    let change = r#"let change = update("limited", #{ connect: ["any"] }); print(change);"#;
    let told = subject.run("jailsh", &["-e", change]);
    let told = format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.contains(&format!("connect: 127.0.0.1:{near_port}/tcp -> any")), "{told}");
    assert_eq!(connect(far_port).0, Some(0), "{}", connect(far_port).1);
}

#[test]
fn a_user_binds_a_port_below_1024_where_that_was_granted_on_purpose() {
    let Some(_body) = body::here() else { return };
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first.trim() != "1024" {
        eprintln!("skipped: on this machine every user binds ports from {} on", first.trim());
        return;
    }
    let subject = Subject::new("lowport");
    subject.create("/bin/sleep 1000");
    let bind = || {
        let line = "use IO::Socket::INET; IO::Socket::INET->new(LocalPort => 881, Listen => 1) or die $!";
        let run = |user: &str| subject.run("jailctl", &["exec", "-u", user, "lowport", "--", "/usr/bin/perl", "-e", line]);
        ["root", "nobody"].map(|user| {
            let output = run(user);
            (output.status.success(), String::from_utf8_lossy(&output.stderr).contains("Permission denied"))
        })
    };
    subject.must("jailmgr", &["start"]);
    assert_eq!(bind(), [(true, false), (false, true)], "a level gives it to root");
    subject.must("jailmgr", &["stop"]);
    subject.must("jailmgr", &["config", "--set", "profile={ base = \"medium\", grant = [\"privileged_port\"] }"]);
    subject.must("jailmgr", &["start"]);
    assert_eq!(bind(), [(true, false), (true, false)], "a grant gives it to users");
    let status = subject.run("jailctl", &["exec", "-u", "nobody", "lowport", "--", "/bin/grep", "^Cap", "/proc/self/status"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000400")), "that one and no other: {status}");
    }
}

#[test]
fn a_device_and_a_netlink_family_are_there_where_they_were_granted_by_name() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("parted");
    subject.create("/bin/sleep 1000");
    let line = "import socket, os\n\
        def tried(name, make):\n\
        \x20   try: make(); print(name, 'ok')\n\
        \x20   except OSError as error: print(name, error.errno)\n\
        for protocol in (9, 16): tried(protocol, lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol))\n\
        for path in ('/dev/net/tun', '/dev/fuse'): tried(path, lambda: os.open(path, os.O_RDWR))";
    let found = || subject.must("jailctl", &["exec", "parted", "--", "/usr/bin/python3", "-c", line]);
    subject.must("jailmgr", &["start"]);
    assert_eq!(found(), "9 1\n16 1\n/dev/net/tun 2\n/dev/fuse 2\n");
    subject.must("jailmgr", &["stop"]);
    let profile = "profile={ base = \"medium\", grant = [\"netlink:generic\", \"device:net/tun\"] }";
    subject.must("jailmgr", &["config", "--set", profile]);
    subject.must("jailmgr", &["start"]);
    let found = found();
    // Without its driver the node leads nowhere (ENODEV, ENXIO); it is not refused.
    let opens = ["ok", "19", "6"].map(|word| format!("9 1\n16 ok\n/dev/net/tun {word}\n/dev/fuse 2\n"));
    assert!(opens.contains(&found), "{found}");
    let info = subject.must("jailctl", &["info"]);
    assert!(info.contains("netlink:generic") && info.contains("device:net/tun"), "{info}");
}

#[test]
fn a_service_that_dies_is_started_again() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("phoenix");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let (supervisor, service) = subject.supervised().expect("a supervisor with its service");
    kill(service, Signal::SIGKILL).unwrap();
    wait_until("a new service", || subject.supervised().is_some_and(|(same, fresh)| same == supervisor && fresh != service));
    let listed = subject.must("jailmgr", &["status"]);
    assert!(listed.contains("phoenix"), "{listed}");
}

#[test]
fn a_restart_spares_sessions_that_came_in_by_exec() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("spared");
    subject.create("/bin/sh -c 'sleep 1004 & exec sleep 1005'");
    subject.must("jailmgr", &["start"]);
    let (_, service) = subject.supervised().expect("a supervisor with its service");
    subject.inside(&["/bin/sh", "-c", "setsid sleep 1006 >/dev/null 2>&1 & exit 0"]);
    kill(service, Signal::SIGKILL).unwrap();
    wait_until("another service", || subject.supervised().is_some_and(|(_, fresh)| fresh != service));
    let running = || {
        let known = processes().into_iter().map(|process| process.command.trim_end().to_owned());
        known.filter(|command| ["sleep 1004", "sleep 1005", "sleep 1006"].contains(&command.as_str())).collect::<Vec<_>>()
    };
    // The child is forked first, but may become a sleep after its parent did.
    wait_until("the service runs", || running().len() >= 3);
    let mut running = running();
    running.sort();
    assert_eq!(running, ["sleep 1004", "sleep 1005", "sleep 1006"], "the session once, the service once");
}

#[test]
fn a_jail_that_is_only_supervised_stays_up_when_its_supervisor_ends() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("stays");
    subject.create("/bin/sleep 1007");
    let script = subject.data.path().join("nothing.sh");
    fs::write(&script, "exit 0\n").unwrap();
    let brought_up = subject.run("jailmgr", &["apply", subject.name, script.to_str().unwrap()]);
    assert!(brought_up.status.success(), "{}", String::from_utf8_lossy(&brought_up.stderr));
    subject.must("jailctl", &["supervise"]);
    let (supervisor, service) = subject.supervised().expect("a supervisor with its service");
    assert_eq!(subject.inside(&["/bin/echo", "in"]), "in\n");
    kill(supervisor, Signal::SIGTERM).unwrap();
    wait_until("both ended", || kill(supervisor, None).is_err() && kill(service, None).is_err());
    assert_eq!(subject.inside(&["/bin/echo", "still in"]), "still in\n");
    subject.must("jailmgr", &["stop"]);
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}
