//! newest: what went wrong in the reference system and does not here. SPECIFICATION.md lists those that other tests hold.

#[path = "support/body.rs"]
mod body;
#[path = "support/subject.rs"]
mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use subject::{Subject, entries, wait_until};

/// A jail's row of `jailmgr status -o json`.
fn status(subject: &Subject) -> serde_json::Value {
    let text = subject.must("jailmgr", &["status", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    rows[0].clone()
}

/// A process of the host that claims to be the jail's supervisor.
struct Impostor(std::process::Child);

impl Impostor {
    fn new(name: &str) -> Impostor {
        let title = format!("jailctl: supervise jail={name} jid=1");
        Impostor(Command::new("/bin/sleep").arg0(title).arg("1000").stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_service_gets_no_descriptor_and_no_variable_of_who_starts_it() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-leak");
    subject.create("/bin/sh -c 'ls /proc/self/fd > /tmp/fds; env > /tmp/env; exec sleep 1000'");
    let mut command = subject.command("jailmgr", &["start", "fl-leak"]);
    let file = fs::File::open("/etc/passwd").unwrap();
    // Not close-on-exec: what a careless parent leaves open.
    // SAFETY: dup(2) of an open descriptor; the copy has no other owner.
    let leaked = unsafe { OwnedFd::from_raw_fd(libc::dup(file.as_raw_fd())) };
    assert!(command.env("SECRET", "of the caller").output().unwrap().status.success());
    wait_until("the service wrote", || subject.inside(&["cat", "/tmp/env"]).contains("PATH="));
    let variables = subject.inside(&["cat", "/tmp/env"]);
    assert!(!variables.contains("SECRET"), "{variables}");
    // 3 is the directory that ls reads.
    assert_eq!(subject.inside(&["cat", "/tmp/fds"]).split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"]);

    let mut command = subject.command("jailctl", &["exec", "fl-leak", "--", "sh", "-c", "ls /proc/self/fd; env"]);
    let said = command.env("SECRET", "of the caller").output().unwrap();
    drop(leaked);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.starts_with("0\n1\n2\n3\n") && !said.contains("\n4\n") && !said.contains("SECRET"), "{said}");
}

#[test]
fn a_process_with_a_supervisors_title_is_none() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-title");
    subject.create("/bin/sleep 1000");
    let mut impostor = Impostor::new("fl-title");
    assert_eq!(status(&subject)["state"], "down");
    assert_eq!(subject.must("jailmgr", &["stop"]), "Jail fl-title is not running\n");
    assert_eq!(subject.must("jailmgr", &["start"]), "Started jail fl-title\n");
    subject.must("jailmgr", &["stop"]);
    assert!(impostor.0.try_wait().unwrap().is_none(), "stop killed who was none of its own");
}

#[test]
fn a_service_that_ends_is_started_again_though_a_child_keeps_its_pipes() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-pipes");
    subject.create("/bin/sh -c 'sleep 1000 & sleep 1; exit 3'");
    subject.must("jailmgr", &["start"]);
    wait_until("the restart", || status(&subject)["restarts"].as_u64().is_some_and(|restarts| restarts > 0));
    assert!(status(&subject)["last_exit"].as_str().unwrap().contains("status 3"), "{}", status(&subject));
}

#[test]
fn a_service_that_closes_its_output_is_not_taken_for_ended() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-quiet");
    subject.create("/bin/sh -c 'exec >/dev/null 2>&1; exec sleep 1000'");
    subject.must("jailmgr", &["start"]);
    let before = subject.supervised().expect("a supervisor with its service");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(subject.supervised(), Some(before));
    assert_eq!(status(&subject)["restarts"], 0);
}

#[test]
fn a_slow_service_gets_its_whole_grace() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-grace");
    subject.create("/bin/sh -c 'trap \"sleep 2; echo saved > /root/state; exit 0\" TERM; while :; do sleep 0.1; done'");
    subject.must("jailmgr", &["start"]);
    subject.must("jailmgr", &["stop"]);
    let state = subject.data.path().join("jails/fl-grace/data/root/state");
    assert_eq!(fs::read_to_string(state).unwrap(), "saved\n");
}

#[test]
fn a_supervisor_ends_with_its_jail_also_while_it_waits_to_restart() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-back");
    subject.create("/bin/sh -c 'sleep 0.5; exit 1'");
    subject.must("jailmgr", &["start"]);
    wait_until("the back-off", || status(&subject)["state"] == "backoff");
    assert_eq!(subject.must("jailmgr", &["stop"]), "Stopped jail fl-back\n");
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(subject.left(), BTreeSet::new(), "somebody goes on restarting");
}

#[test]
fn a_jail_has_one_supervisor() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-one");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let (supervisor, _) = subject.supervised().expect("a supervisor with its service");
    let second = subject.run("jailctl", &["supervise", "fl-one", "--", "/bin/sleep", "1000"]);
    let why = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && why.contains(&format!("already supervised by pid {supervisor}")), "{why}");
}

#[test]
fn a_configuration_is_data_and_never_run() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-sourced");
    subject.create("/bin/sleep 1000");
    let proof = subject.data.path().join("proof");
    let code = format!("$(touch {0})`touch {0}`; touch {0}", proof.display());
    let file = subject.data.path().join("jails/fl-sourced/jail.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("command = [\"/bin/echo\", '''{code}''']\nrestart = \"never\"\n")).unwrap();
    subject.run("jailmgr", &["start", "fl-sourced"]);
    subject.run("jailmgr", &["stop", "fl-sourced"]);
    fs::write(&file, format!("{code}\n{text}")).unwrap();
    let refused = subject.run("jailmgr", &["start", "fl-sourced"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("jail.toml"), "{refused:?}");
    let config = subject.data.path().join("config.toml");
    fs::write(&config, format!("kernel=auto\n{code}\n")).unwrap();
    let refused = subject.run("jailmgr", &["--config", config.to_str().unwrap(), "list"]);
    assert_eq!(refused.status.code(), Some(78), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!proof.exists(), "a configuration was run");
}

#[test]
fn links_that_a_jail_plants_lead_nobody_out() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-links");
    subject.create("/bin/sleep 1000");
    let host = subject.data.path().join("host");
    fs::create_dir(&host).unwrap();
    fs::write(host.join("passwd"), "untouched").unwrap();
    subject.must("jailmgr", &["start"]);
    let target = host.display();
    let plant = format!(
        "rm -rf /tmp/* /srv /opt 2>/dev/null; rm -f /etc/passwd /etc/group; ln -s {target}/passwd /etc/passwd; \
         ln -s {target} /root/out; ln -s {target} /var/out; for d in /tmp /srv /opt /home; do rmdir $d; ln -s {target} $d; done; true"
    );
    subject.inside(&["sh", "-c", &plant]);
    subject.must("jailmgr", &["stop"]);
    // And in the data layer itself, where a jail of another version might have been able to.
    for layer in ["tmp", "srv"] {
        let dir = subject.data.path().join("jails/fl-links/data").join(layer);
        if fs::remove_dir_all(&dir).is_ok() {
            std::os::unix::fs::symlink(&host, &dir).unwrap();
        }
    }
    let script = subject.data.path().join("script.sh");
    fs::write(&script, "touch /tmp/proof; id\n").unwrap();
    // Each may refuse such a jail; none may follow.
    for verb in [&["start", "fl-links"][..], &["apply", "fl-links", script.to_str().unwrap()], &["stop", "fl-links"]] {
        subject.run("jailmgr", verb);
    }
    subject.run("jailctl", &["exec", "--user", "nobody", "fl-links", "--", "true"]);
    subject.must("jailmgr", &["destroy"]);
    assert_eq!(entries(&host), BTreeSet::from(["passwd".to_owned()]));
    assert_eq!(fs::read_to_string(host.join("passwd")).unwrap(), "untouched");
}

#[test]
fn no_name_is_a_path_an_option_or_a_number() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-names");
    for name in ["../fl-x", "..", ".", "a/b", "/etc", "-rf", ".hidden", "12", "a b", "a\nb", ""] {
        let verbs: &[&[&str]] =
            &[&["create", "--", name], &["destroy", "--", name], &["start", "--", name], &["stop", "--", name]];
        for verb in verbs {
            let said = subject.run("jailmgr", verb);
            assert_eq!(said.status.code(), Some(64), "{verb:?}: {}", String::from_utf8_lossy(&said.stderr));
        }
    }
    assert_eq!(entries(&subject.data.path().join("jails")), BTreeSet::new());
}

#[test]
fn a_killed_supervisor_is_noticed_by_the_next_status() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-killed");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let (supervisor, _) = subject.supervised().expect("a supervisor with its service");
    assert_eq!(status(&subject)["state"], "running");
    kill(supervisor, Signal::SIGKILL).unwrap();
    wait_until("its end", || kill(Pid::from_raw(supervisor.as_raw()), None).is_err());
    assert_ne!(status(&subject)["state"], "running", "{}", status(&subject));
}
