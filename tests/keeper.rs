//! landlock: the keeper, the process of a jail that all others are forked from: it comes when it is needed, its end is
//! noticed and repaired, and a member that takes its place gets nothing by it.

#[path = "support/body.rs"]
mod body;
#[path = "support/program.rs"]
mod program;
#[path = "support/subject.rs"]
mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use body::Body;
use program::Program;
use subject::{Subject, processes, traces, wait_until};

/// Does this test run over the landlock body?
fn is_here() -> bool {
    body::here().is_some_and(|body| body.is(Body::Landlock, "no other body has a keeper"))
}

/// A jail that is up without a supervisor.
fn up(name: &'static str) -> Subject {
    let subject = Subject::new(name);
    subject.create("/bin/sleep 1000");
    apply(&subject);
    subject
}

/// Brings a jail up that is down.
fn apply(subject: &Subject) {
    let mut command = subject.command("jailmgr", &["apply", subject.name]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"exit 0\n").unwrap();
    assert!(child.wait().unwrap().success());
}

fn supervised(name: &'static str, spec: &str) -> Subject {
    let subject = Subject::new(name);
    let expression = format!("jail({name:?}, #{{ {spec} }}).create();");
    let output = subject.run("jailsh", &["-e", &expression]);
    assert!(output.status.success(), "{}", text(&output));
    subject.must("jailmgr", &["start"]);
    subject
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn exec(subject: &Subject, command: &[&str]) -> Output {
    subject.run("jailctl", &[&["exec", subject.name, "--"], command].concat())
}

/// A command inside that runs on; killed on drop.
struct Session(Child);

impl Session {
    fn start(subject: &Subject, command: &[&str]) -> Session {
        let mut exec = subject.command("jailctl", &[&["exec", subject.name, "--"], command].concat());
        Session(exec.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// Once it said a line, that line.
    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A shell inside that lives on, and its pid.
    fn sleeper(subject: &Subject) -> (Session, String) {
        let mut session = Session::start(subject, &["/bin/sh", "-c", "echo $$; exec sleep 1000"]);
        let pid = session.line();
        (session, pid)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many processes are titled as the jail's keeper, its forks that have not run their program yet left out.
fn keepers(subject: &Subject) -> usize {
    let known = processes();
    let titled: Vec<_> = known.iter().filter(|process| process.command.starts_with(&subject.title("keep"))).collect();
    titled.iter().filter(|process| titled.iter().all(|other| other.pid != process.parent)).count()
}

fn lives(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[test]
fn shells_and_the_service_see_and_signal_each_other() {
    if !is_here() {
        return;
    }
    let answer = "command: [\"/bin/sh\", \"-c\", \"trap 'kill $(cat /tmp/caller)' USR1; while :; do sleep 0.1; done\"]";
    let subject = supervised("keep-family", answer);
    let (_, service) = subject.supervised().expect("a service");
    let (mut shell, pid) = Session::sleeper(&subject);
    let listed = subject.inside(&["ps", "ax"]);
    for seen in [service.to_string(), pid.clone(), subject.keeper().expect("a keeper").to_string()] {
        assert!(listed.lines().any(|line| line.trim_start().starts_with(&format!("{seen} "))), "{seen} in {listed}");
    }
    subject.inside(&["/bin/sh", "-c", &format!("echo {pid} > /tmp/caller; kill -USR1 {service}")]);
    let status = shell.0.wait().unwrap();
    assert_eq!(status.code(), Some(128 + libc::SIGTERM), "the service signalled the shell");
    assert!(lives(service), "it was only asked");
}

#[test]
fn a_killed_keeper_is_replaced_and_the_service_started_again() {
    if !is_here() {
        return;
    }
    let subject = supervised("keep-repair", "command: [\"/bin/sleep\", \"1000\"]");
    let by_host = |keeper: Pid| kill(keeper, Signal::SIGKILL).unwrap();
    let by_member = |keeper: Pid| {
        // Its own caller may not hear the end of it.
        exec(&subject, &["/bin/kill", "-KILL", &keeper.to_string()]);
    };
    let killers: [(&str, &dyn Fn(Pid)); 2] = [("the host", &by_host), ("a member", &by_member)];
    for (who, kill_it) in killers {
        let keeper = subject.keeper().expect("a keeper");
        let (supervisor, service) = subject.supervised().expect("a supervisor with its service");
        kill_it(keeper);
        wait_until("another keeper and another service", || {
            let fresh = subject.supervised().is_some_and(|(same, other)| same == supervisor && other != service);
            fresh && subject.keeper().is_some_and(|other| other != keeper)
        });
        assert!(!lives(service), "two services at once, after a kill by {who}");
        assert_eq!(keepers(&subject), 1, "after a kill by {who}");
        assert_eq!(subject.inside(&["/bin/echo", "in"]), "in\n", "after a kill by {who}");
        let status = subject.must("jailmgr", &["status"]);
        assert!(status.contains("keeper"), "the reason is told, after a kill by {who}: {status}");
    }
    subject.must("jailmgr", &["stop"]);
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn without_restarts_the_service_outlives_a_killed_keeper_and_the_next_command_says_what_to_do() {
    if !is_here() {
        return;
    }
    let subject = supervised("keep-never", "command: [\"/bin/sleep\", \"1000\"], restart: \"never\"");
    let (supervisor, service) = subject.supervised().expect("a supervisor with its service");
    kill(subject.keeper().expect("a keeper"), Signal::SIGKILL).unwrap();
    wait_until("the keeper's end", || subject.keeper().is_none());
    let output = exec(&subject, &["/bin/true"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("keep-never") && text(&output).contains("stop"), "{}", text(&output));
    assert!(lives(service) && lives(supervisor), "nothing would start them again");
    subject.must("jailmgr", &["stop"]);
    assert!(!lives(service) && !lives(supervisor));
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn a_jail_without_supervisor_whose_keeper_died_says_what_to_do_or_simply_works() {
    if !is_here() {
        return;
    }
    let subject = up("keep-alone");
    let (session, pid) = Session::sleeper(&subject);
    kill(subject.keeper().expect("a keeper"), Signal::SIGKILL).unwrap();
    wait_until("the keeper's end", || subject.keeper().is_none());
    let output = exec(&subject, &["/bin/true"]);
    let message = text(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("keep-alone") && message.contains("stop"), "{message}");
    kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
    drop(session);
    wait_until("the member's end", || !lives(Pid::from_raw(pid.parse().unwrap())));
    assert_eq!(subject.inside(&["/bin/echo", "in"]), "in\n");
}

#[test]
fn a_keeper_on_demand_comes_with_the_first_command_and_goes_when_idle() {
    if !is_here() {
        return;
    }
    let subject = up("keep-demand");
    let first = subject.keeper().expect("the one that ran the script");
    assert_eq!(subject.inside(&["/bin/echo", "in"]), "in\n");
    assert_eq!(subject.keeper(), Some(first), "the same serves on");
    let idle = Instant::now();
    wait_until("the keeper goes", || subject.keeper().is_none());
    assert!(idle.elapsed() > Duration::from_secs(5), "gone after {:?}", idle.elapsed());
    assert_eq!(subject.inside(&["/bin/echo", "in"]), "in\n");
    assert!(subject.keeper().is_some_and(|other| other != first));
}

#[test]
fn a_keeper_with_something_to_keep_stays() {
    if !is_here() {
        return;
    }
    let subject = up("keep-busy");
    let keeper = subject.keeper().expect("a keeper");
    // Neither the caller's child nor the keeper's: an orphan.
    subject.inside(&["/bin/sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & exit 0"]);
    sleep(Duration::from_secs(14));
    assert_eq!(subject.keeper(), Some(keeper));
    assert!(subject.inside(&["ps", "ax"]).contains("sleep 1000"));
}

#[test]
fn fifty_commands_at_once_bring_one_keeper() {
    if !is_here() {
        return;
    }
    let subject = up("keep-crowd");
    kill(subject.keeper().expect("a keeper"), Signal::SIGKILL).unwrap();
    wait_until("the keeper's end", || subject.keeper().is_none());
    let mut crowd: Vec<Child> = (0..50)
        .map(|number| {
            let mut command = subject.command("jailctl", &["exec", "keep-crowd", "--", "/bin/echo", &number.to_string()]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut most = 0;
    while crowd.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        most = most.max(keepers(&subject));
        sleep(Duration::from_millis(20));
    }
    for (number, child) in crowd.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        assert_eq!(text(&output), format!("{number}\n"));
    }
    assert!(most <= 1, "{most} keepers at a time");
    assert_eq!(keepers(&subject), 1);
}

#[test]
fn commands_that_come_during_a_stop_end_and_leave_nothing() {
    if !is_here() {
        return;
    }
    let subject = supervised("keep-stop", "command: [\"/bin/sleep\", \"1000\"]");
    let crowd: Vec<Child> = (0..12)
        .map(|_| {
            sleep(Duration::from_millis(15));
            let mut command = subject.command("jailctl", &["exec", "keep-stop", "--", "/bin/sleep", "1000"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let more: Vec<Child> = {
        let mut stop = subject.command("jailmgr", &["stop", "keep-stop"]).stdout(Stdio::null()).spawn().unwrap();
        let late = (0..12).map(|_| {
            sleep(Duration::from_millis(10));
            let mut command = subject.command("jailctl", &["exec", "keep-stop", "--", "/bin/sleep", "1000"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        });
        let late = late.collect();
        assert!(stop.wait().unwrap().success());
        late
    };
    for child in crowd.into_iter().chain(more) {
        let output = child.wait_with_output().unwrap();
        // Killed with the jail, or told that there is none.
        let status = output.status.code();
        let told = matches!(status, Some(1)) && text(&output).contains("keep-stop");
        // Or killed after the keeper that would have told how it ended.
        assert!(matches!(status, Some(137 | 125)) || told, "{status:?}: {}", text(&output));
    }
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn lives_without_a_supervisor_leave_nothing_behind() {
    if !is_here() {
        return;
    }
    let subject = Subject::new("keep-cycle");
    let mut before = None;
    for _ in 0..12 {
        subject.create("/bin/sleep 1000");
        apply(&subject);
        assert_eq!(subject.inside(&["/bin/echo", "in"]), "in\n");
        subject.must("jailmgr", &["stop"]);
        subject.must("jailmgr", &["destroy"]);
        let left = traces();
        assert_eq!(*before.get_or_insert_with(|| left.clone()), left);
    }
    assert_eq!(subject.left(), BTreeSet::new());
}

#[test]
fn a_member_with_the_keepers_title_is_not_taken_for_it() {
    if !is_here() {
        return;
    }
    let subject = supervised("keep-title", "command: [\"/bin/sleep\", \"1000\"]");
    let keeper = subject.keeper().expect("a keeper");
    let title = format!("{}1", subject.title("keep"));
    let script = format!("exec -a '{title}' sleep 1000");
    let _impostor = Session::start(&subject, &["/bin/bash", "-c", &script]);
    wait_until("the impostor runs", || {
        processes().iter().filter(|process| process.command.starts_with(&title)).any(|process| process.pid != keeper.as_raw())
    });
    assert_eq!(subject.inside(&["/bin/sh", "-c", "echo $PPID"]).trim(), keeper.to_string(), "the keeper forked it");
    // The door itself is the host's, in no root.
    assert!(!exec(&subject, &["/bin/ls", "/run/jailsh"]).status.success());
}

/// With the right `ptrace` a member can take the keeper's listening socket, and answer in its stead. What it answers is
/// not believed.
#[test]
fn a_member_that_answers_in_the_keepers_stead_gets_no_power_over_the_host() {
    if !is_here() {
        return;
    }
    let program = Program::build();
    for claim in ["none", "own", "host"] {
        let subject = supervised("keep-liar", "command: [\"/bin/sleep\", \"1000\"], profile: \"medium\"");
        fs::copy(&program.path, subject.data.path().join("jails/keep-liar/data/opt/attacks")).unwrap();
        let keeper = subject.keeper().expect("a keeper");
        let mut victim = std::process::Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        let arguments = ["/opt/attacks", "impersonate", &keeper.to_string(), claim, &victim.id().to_string()].map(str::to_owned);
        let mut liar = Session::start(&subject, &arguments.each_ref().map(String::as_str));
        assert_eq!(liar.line(), "ready", "the socket of keeper {keeper} is taken, claim {claim}");
        let output = subject.run("jailctl", &["exec", "--timeout", "1s", "keep-liar", "--", "/bin/sleep", "1000"]);
        assert!(!output.status.success(), "{claim}: {}", text(&output));
        assert!(text(&output).contains("keeper"), "{claim}: {}", text(&output));
        let alive = victim.try_wait().unwrap().is_none();
        let _ = victim.kill();
        let _ = victim.wait();
        assert!(alive, "{claim}: a process of the host was ended on the word of a member");
        drop(liar);
        subject.must("jailmgr", &["stop"]);
    }
}

/// The service is the supervisor's child, so it may ask to be traced by it, and then stops at each signal.
#[test]
fn a_service_that_makes_its_supervisor_its_tracer_is_stopped_all_the_same() {
    if !is_here() {
        return;
    }
    let program = Program::build();
    let subject = Subject::new("keep-traced");
    subject.create("/opt/attacks traced");
    apply(&subject);
    fs::copy(&program.path, subject.data.path().join("jails/keep-traced/data/opt/attacks")).unwrap();
    subject.must("jailmgr", &["start"]);
    let (supervisor, service) = subject.supervised().expect("a supervisor with its service");
    assert!(lives(supervisor));
    subject.must("jailmgr", &["stop"]);
    assert!(!lives(service) && !lives(supervisor));
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new());
}
