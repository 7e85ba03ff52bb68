//! newest: the operator's verbs on a jail that runs.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The kernel body that scripts/test has chosen.
fn body() -> Option<String> {
    let body = std::env::var("JAILSH_BODY").ok().filter(|body| !body.is_empty());
    if body.is_none() {
        eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
    }
    body
}

/// A jail that runs; gone at the end of the test however that ends.
struct Operated {
    name: &'static str,
    body: String,
    data: tempfile::TempDir,
}

impl Operated {
    /// A started jail whose service is this shell text.
    fn start(body: String, name: &'static str, service: &str) -> Operated {
        let jail = Operated { name, body, data: tempfile::tempdir().unwrap() };
        let service = shlex::try_join(["/bin/sh", "-c", service]).unwrap();
        jail.must("jailmgr", &["create", "-x", &service]);
        jail.must("jailmgr", &["start"]);
        jail
    }

    fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.arg0(tool).args(["--kernel", &self.body, "--data-dir"]).arg(self.data.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// A verb with its options, on the jail.
    fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        self.command(tool, &[arguments, &[self.name]].concat()).output().unwrap()
    }

    /// The same; it must succeed. What it says.
    fn must(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.run(tool, arguments);
        assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn info(&self) -> Value {
        serde_json::from_str(&self.must("jailctl", &["info", "-o", "json"])).unwrap()
    }

    fn status(&self) -> Value {
        serde_json::from_str::<Value>(&self.must("jailctl", &["status", "-o", "json"])).unwrap()[0].take()
    }

    fn log(&self) -> String {
        self.must("jailctl", &["logs"])
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !holds() {
            assert!(Instant::now() < end, "{what}: not within 30 s; {}\n{}", self.status(), self.log());
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Operated {
    fn drop(&mut self) {
        for verb in ["stop", "destroy"] {
            self.run("jailmgr", &[verb]);
        }
    }
}

/// Waits for its end, but not for ever.
fn end_of(mut child: Child) -> Output {
    let end = Instant::now() + Duration::from_secs(30);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("it runs on");
        }
        sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn logs_can_be_read_and_followed_until_the_jail_is_taken_down() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-logs", r"echo out; printf 'a\033[2Jb\n' >&2; exec sleep 1000");
    jail.until("three lines", || jail.log().lines().count() == 3);
    let log = jail.log();
    for line in ["supervisor: started\n", "stdout: out\n", "stderr: a\\x1b[2Jb\n"] {
        assert!(log.contains(line), "{line:?} is missing in {log:?}");
    }
    let follower = jail.command("jailctl", &["logs", "-f", "-n", "1", jail.name]).stdout(Stdio::piped()).spawn().unwrap();
    sleep(Duration::from_millis(300));
    jail.must("jailmgr", &["stop"]);
    let followed = end_of(follower);
    let text = String::from_utf8(followed.stdout).unwrap();
    assert!(followed.status.success() && text.contains("supervision ends: stopped by a request of pid"), "{text}");
    assert_eq!(jail.run("jailctl", &["logs"]).status.code(), Some(1), "the log goes with the jail");
}

#[test]
fn waiting_ends_with_the_state() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-wait", "exec sleep 1000");
    jail.must("jailctl", &["wait", "--for", "running", "--timeout", "20"]);
    let late = jail.run("jailctl", &["wait", "--timeout", "200ms"]);
    assert_eq!(late.status.code(), Some(124), "it runs");
    let waiter = jail.command("jailctl", &["wait", "--timeout", "30", jail.name]).spawn().unwrap();
    jail.must("jailmgr", &["stop"]);
    assert!(end_of(waiter).status.success());
}

#[test]
fn a_signal_reaches_the_service_and_the_restart_is_seen_with_its_reason() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-kill", "exec sleep 1000");
    let before = jail.status();
    assert_eq!((&before["state"], &before["restarts"]), (&"running".into(), &0.into()), "{before}");
    let said = jail.must("jailctl", &["kill", "-s", "USR1"]);
    assert!(said.starts_with("Sent SIGUSR1 to "), "{said}");
    jail.until("a restart", || jail.status()["restarts"] == 1 && jail.status()["state"] == "running");
    let after = jail.status();
    assert!(after["last_exit"].as_str().unwrap().contains("SIGUSR1"), "{after}");
    assert_ne!(after["service"], before["service"]);
    assert_eq!(after["supervisor"], before["supervisor"]);
}

#[test]
fn a_frozen_jail_does_nothing_until_it_is_thawed() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-freeze", "while :; do echo tick; sleep 0.05; done");
    jail.until("ticks", || jail.log().lines().count() > 3);
    let freezing = jail.run("jailctl", &["freeze"]);
    let why = String::from_utf8(freezing.stderr).unwrap();
    if why.contains("freezing cannot be") {
        eprintln!("skipped: this machine cannot freeze: {why}");
        return;
    }
    assert!(freezing.status.success(), "{why}");
    // What was on its way arrives.
    sleep(Duration::from_millis(300));
    let frozen = jail.log();
    sleep(Duration::from_millis(500));
    assert_eq!(jail.log(), frozen);
    jail.must("jailctl", &["thaw"]);
    jail.until("further ticks", || jail.log().lines().count() > frozen.lines().count() + 3);
}

#[test]
fn a_killed_supervisor_is_noticed_at_once_and_restart_takes_over() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-orphan", "exec sleep 1000");
    let before = jail.status();
    let since = jail.info()["started"].as_u64().expect("when it was brought up");
    let supervisor = before["supervisor"].as_i64().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor as i32), nix::sys::signal::Signal::SIGKILL).unwrap();
    jail.until("its death", || jail.status()["state"] == "orphaned");
    let orphan = jail.status();
    assert_eq!((&orphan["supervisor"], &orphan["since"]), (&Value::Null, &before["since"]), "{orphan}");
    assert!(orphan["last_exit"].as_str().unwrap().contains(&format!("pid {supervisor}, was killed")), "{orphan}");
    sleep(Duration::from_millis(1100));
    let info = jail.info();
    assert_eq!(info["started"].as_u64(), Some(since), "its uptime is the jail's, not its supervisor's");
    assert!(info["uptime"].as_u64() >= Some(1), "{info}");
    jail.must("jailmgr", &["restart"]);
    let after = jail.status();
    assert_eq!(after["state"], "running", "{after}");
    assert_ne!(after["supervisor"].as_i64(), Some(supervisor));
    assert!(jail.info()["started"].as_u64() > Some(since), "all of it was ended and brought up again");
}

#[test]
fn a_policy_changes_under_a_live_jail_or_the_body_says_why_not() {
    let Some(body) = body() else { return };
    let is_lsm = body == "lsm";
    let jail = Operated::start(body, "op-update", "exec sleep 1000");
    let changed = jail.run("jailctl", &["update", "-l", "medium", "-r", "18311"]);
    let (said, why) = (String::from_utf8(changed.stdout).unwrap(), String::from_utf8(changed.stderr).unwrap());
    let held = jail.must("jailctl", &["info", "-o", "json"]);
    let ports = &serde_json::from_str::<Value>(&held).unwrap()["ports"];
    if is_lsm {
        assert!(said.starts_with("Changed jail op-update\n  profile: high -> medium\n  granted: "), "{said}{why}");
        assert!(said.contains("  ports: none -> 18311\n"), "{said}");
        assert_eq!(ports, &serde_json::json!([18311]));
    } else {
        assert_eq!((changed.status.code(), said.as_str()), (Some(1), ""), "{why}");
        assert!(why.contains("the landlock body: "), "{why}");
        assert_eq!(ports, &serde_json::json!([]));
    }
    assert_eq!(jail.must("jailctl", &["update", "-l", if is_lsm { "medium" } else { "high" }]), "Unchanged jail op-update\n");
    let audited = jail.run("jailctl", &["update", "--audit", "chroot,ptrace"]);
    let (said, why) = (String::from_utf8(audited.stdout).unwrap(), String::from_utf8(audited.stderr).unwrap());
    let policy = || -> Value {
        let rights = serde_json::from_str::<Value>(&jail.must("jailctl", &["info", "-o", "json"])).unwrap()["rights"].take();
        rights.as_array().unwrap().iter().find(|row| row["right"] == "chroot").unwrap()["policy"].clone()
    };
    if is_lsm {
        assert!(said.ends_with("\n  audited: chroot, ptrace\n"), "{said}{why}");
        assert_eq!(policy(), "audited");
        assert!(jail.must("jailctl", &["update", "--enforce", "all"]).ends_with("\n  denied: chroot, ptrace\n"));
    } else {
        assert_eq!(audited.status.code(), Some(1), "{said}{why}");
        assert!(why.contains("right chroot cannot be audited by the landlock body: ") && why.contains("--kernel lsm"), "{why}");
    }
    assert_eq!(policy(), "denied");
}

#[test]
fn a_restart_takes_the_spec_as_it_is_now_and_leaves_the_jail_alone_if_that_is_wrong() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-config", "echo one; exec sleep 1000");
    let before = jail.status();
    jail.must("jailmgr", &["config", "--set", "command=[]"]);
    let refused = jail.run("jailmgr", &["restart"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(jail.status(), before);
    jail.must("jailmgr", &["config", "--set", "command=['/bin/sh', '-c', 'echo two; exec sleep 1000']"]);
    jail.must("jailmgr", &["restart"]);
    jail.until("the new command", || jail.log().contains("stdout: two\n"));
    assert_ne!(jail.status()["supervisor"], before["supervisor"]);
}

#[test]
fn a_jail_is_registered_used_supervised_and_removed_step_by_step() {
    let Some(body) = body() else { return };
    let jail = Operated { name: "op-steps", body, data: tempfile::tempdir().unwrap() };
    let made = jail.must("jailctl", &["create", "-l", "medium", "-n"]);
    let jid = made.trim().strip_prefix("jail ").expect("jail JID").parse::<u32>().unwrap();
    assert_eq!(jail.status()["state"], "up");
    let again = jail.run("jailctl", &["create", "-n"]);
    assert_eq!(again.status.code(), Some(1), "it is there");
    let listed = jail.must("jailctl", &["stats", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()[0]["id"], jid);
    let by_number = jid.to_string();
    let supervise = jail.command("jailctl", &["supervise", &by_number, "/bin/sleep", "1000"]).output().unwrap();
    assert_eq!(String::from_utf8(supervise.stdout).unwrap(), made);
    let refused = jail.run("jailctl", &["destroy"]);
    assert_eq!(refused.status.code(), Some(1), "it is supervised");
    let supervisor = jail.status()["supervisor"].as_i64().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor as i32), nix::sys::signal::Signal::SIGTERM).unwrap();
    jail.must("jailctl", &["wait", "--for", "stopped", "--timeout", "20"]);
    assert_eq!(jail.status()["state"], "stopped", "the jail outlives a supervisor that was given to it");
    jail.must("jailctl", &["destroy"]);
    assert_eq!(jail.status()["state"], "down");
    let again = jail.run("jailctl", &["destroy"]);
    let told = "jailctl: jail op-steps is not in the kernel; jailmgr destroy op-steps removes its files\n";
    assert_eq!((again.status.code(), String::from_utf8(again.stderr).unwrap().as_str()), (Some(1), told));
}

#[test]
fn a_script_gets_its_arguments_and_its_status_comes_back() {
    let Some(body) = body() else { return };
    let jail = Operated { name: "op-apply", body, data: tempfile::tempdir().unwrap() };
    jail.must("jailmgr", &["create"]);
    let script = jail.data.path().join("script");
    std::fs::write(&script, "echo \"$# $1 $2\"; exit 7\n").unwrap();
    let script = script.to_str().unwrap();
    let output =
        jail.command("jailmgr", &["apply", "--ephemeral", jail.name, script, "--", "a b", "--ephemeral"]).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap().as_str()), (Some(7), "2 a b --ephemeral\n"));
    let output = jail.command("jailmgr", &["apply", "--ephemeral", jail.name, script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "0  \n");
    assert_eq!(jail.status()["state"], "down");
}

#[test]
fn where_denials_are_not_counted_no_number_is_shown() {
    let Some(body) = body() else { return };
    let counts = body == "lsm";
    let jail = Operated::start(body, "op-counts", "exec sleep 1000");
    for (verb, key) in [("stats", "denials"), ("top", "denials"), ("info", "rights")] {
        let count: &[&str] = if verb == "top" { &["-n", "1"] } else { &[] };
        let arguments = [&[verb, "-o", "json"], count].concat();
        let arguments = if verb == "top" { arguments } else { [&arguments[..], &[jail.name]].concat() };
        let told: Value = serde_json::from_slice(&jail.command("jailctl", &arguments).output().unwrap().stdout).unwrap();
        let told = match verb {
            "info" => &told[key][0]["denials"],
            "stats" => &told[0][key],
            _ => &told.as_array().unwrap().iter().find(|row| row["name"] == jail.name).expect("it is up")[key],
        };
        assert_eq!(told.is_null(), !counts, "{verb}: {told}");
    }
    let told = jail.run("jailctl", &["denials"]);
    let why = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(if counts { 0 } else { 1 }), "{why}");
    assert_eq!(!why.is_empty(), !counts, "{why}");
    assert!(counts || (why.contains("landlock") && why.contains("--kernel lsm")), "{why}");
}

#[test]
fn a_command_gets_a_pty_when_it_is_asked_for() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-pty", "exec sleep 1000");
    let exec = |options: &[&str]| {
        let arguments = [&["exec"], options, &[jail.name, "tty"]].concat();
        String::from_utf8(jail.command("jailctl", &arguments).output().unwrap().stdout).unwrap()
    };
    assert_eq!(exec(&["--pty"]), "/dev/pts/0\r\n");
    assert_eq!(exec(&[]), "not a tty\n");
    assert_eq!(exec(&["--pty", "--no-pty"]), "not a tty\n");
}

#[test]
fn a_scripts_deadline_ends_the_verbs_that_wait_and_leaves_the_jail_as_it_was() {
    let Some(body) = body() else { return };
    let jail = Operated::start(body, "op-late", "exec sleep 1000");
    let waiting = [
        r#"try { exec("op-late", ["sleep", "1000"]); } catch { } print("went on");"#,
        r#"try { apply("op-late", "sleep 1000"); } catch { } print("went on");"#,
    ];
    for script in waiting {
        let output = end_of(
            jail.command("jailsh", &["--deadline", "500ms", "-e", script])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(124), 0), "{script}: {said}");
        assert!(said.contains("error[E0404]: the script took longer than 0.5 s"), "{said}");
        let left =
            String::from_utf8(jail.command("jailctl", &["exec", jail.name, "ps", "-e", "-o", "args"]).output().unwrap().stdout);
        assert_eq!(left.unwrap().matches("sleep 1000").count(), 1, "only the service's own");
        assert_eq!(jail.status()["state"], "running");
    }
    jail.must("jailmgr", &["stop"]);
    let supervise = r#"try { supervise("op-late"); } catch { } print("went on");"#;
    let output = end_of(
        jail.command("jailsh", &["--deadline", "2s", "-e", supervise])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    assert_eq!(output.status.code(), Some(124));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("went on"));
    assert_eq!(jail.status()["state"], "down");
}

#[test]
fn a_service_is_learned_from_and_its_policy_is_as_before_however_the_learner_ends() {
    let Some(body) = body() else { return };
    let is_lsm = body == "lsm";
    let jail = Operated::start(body, "op-learn", "exec busybox httpd -f -p 18313");
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (script, trail) = (path("proposed.rhai"), path("trail"));
    let seen = "busybox ping -c 1 127.0.0.1; busybox wget -q -O - http://127.0.0.1:18313/; chroot / /bin/true; busybox mount -t no-such-fs none /tmp; busybox hostname learned; busybox ls /";
    let words = ["learn", "--output", &script, "--trail", &trail, jail.name, "--", "/bin/sh", "-c", seen];
    let learned = jail.command("jailsh", &words).output().unwrap();
    let said = String::from_utf8_lossy(&learned.stderr).into_owned();
    if !is_lsm {
        assert_eq!(learned.status.code(), Some(1), "{said}");
        assert!(said.contains("landlock") && said.contains("--kernel lsm"), "{said}");
        return;
    }
    assert!(learned.status.success(), "{said}");
    assert!(said.contains("replayed: nothing else is denied"), "{said}");
    let text = std::fs::read_to_string(&script).unwrap();
    let granted = [("ping: ", "busybox: socket inet raw icmp, "), ("chroot: ", "chroot: capability sys_chroot, ")];
    let flagged = [("// mount: ", "busybox: /tmp, "), ("// namespaces: ", "busybox: capability sys_admin, ")];
    for (start, seen) in granted.into_iter().chain(flagged) {
        let is_it = |line: &str| line.trim().starts_with(start) && line.contains(seen);
        assert!(text.lines().any(is_it), "{start}{seen} in\n{text}");
    }
    assert!(text.lines().any(|line| line.starts_with("//     connect: [") && line.contains("\"127.0.0.1:18313/tcp\"")), "{text}");
    // The policy is what it was.
    let ping = || jail.command("jailctl", &["exec", jail.name, "busybox", "ping", "-c", "1", "127.0.0.1"]).output().unwrap();
    assert!(!ping().status.success(), "ping is denied again");
    // The proposal is a profile, and lets through what was seen but for what it flags.
    let why = |action: &str| jail.command("jailsh", &["why", "--profile", &script, action]).output().unwrap().status.code();
    assert_eq!((why("ping"), why("chroot"), why("mount")), (Some(0), Some(0), Some(1)));
    let replayed = jail.command("jailsh", &["why", "-o", "json", "--replay", &trail, "--profile", &script]).output().unwrap();
    let replayed: Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert!(replayed["allowed"].as_u64() >= Some(2) && replayed["denied"].as_u64() >= Some(2), "{replayed}");
    // One that is killed leaves nothing that lasts.
    let mut learner = jail.command("jailsh", &["learn", "--for", "10m", jail.name]).stderr(Stdio::null()).spawn().unwrap();
    jail.until("let through", || ping().status.success());
    let is_learning = || jail.must("jailctl", &["info"]).contains("learning     what can be audited is let through");
    assert!(is_learning());
    learner.kill().unwrap();
    learner.wait().unwrap();
    jail.until("denied again", || !ping().status.success());
    assert!(!is_learning());
    let told = jail.must("jailctl", &["denials", "-o", "json"]);
    assert!(told.lines().any(|line| line.contains("\"verdict\":\"audited\",\"right\":\"ping\"")), "{told}");
}
