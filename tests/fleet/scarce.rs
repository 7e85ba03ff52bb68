//! Hosts that lack something: room on the disk, a data directory that can be written, a log daemon.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stage::{Said, Stage, names};
use crate::subject::entries;

/// Runs shell commands in a mount namespace of their own, with the tools in PATH and `$data` for the data directory.
fn aside(stage: &Stage, script: &str) -> Said {
    let bin = stage.data.path().join("bin");
    if !bin.exists() {
        names(&bin);
    }
    // What the body mounts for itself is mounted before, and outside.
    stage.must("jailctl", &["list"]);
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-ec", script]);
    command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()));
    command.env("data", stage.data.path().join("small")).env("options", format!("--kernel {}", stage.body_name()));
    fs::create_dir_all(stage.data.path().join("small")).unwrap();
    command.output().unwrap().into()
}

#[test]
fn a_full_disk_loses_no_jail_and_leaves_no_half_of_one() {
    let Some(stage) = Stage::new("fl-full") else { return };
    let said = aside(
        &stage,
        r#"mount -t tmpfs -o mode=755,size=8m none "$data"
           jailmgr() { command jailmgr $options --data-dir "$data" "$@"; }
           jailmgr create -x '/bin/sleep 1' fl-full-first
           cp "$data/jails/fl-full-first/jail.toml" "$data.toml"
           head -c 16m /dev/zero > "$data/filler" 2>/dev/null || true
           echo '== new'
           status=0; jailmgr create -x '/bin/sleep 1' fl-full-second 2>&1 || status=$?; echo "status $status"
           echo '== change'
           long=$(head -c 20000 /dev/zero | tr '\0' x)
           status=0; jailmgr create -x "/bin/echo $long" fl-full-first 2>&1 || status=$?; echo "status $status"
           cmp "$data/jails/fl-full-first/jail.toml" "$data.toml" && rm "$data.toml"
           echo '== left'
           ls -A "$data/jails"
           ls -A "$data/jails/fl-full-first" | sort | tr '\n' ' '
           rm "$data/filler"
           echo; echo '== again'
           jailmgr create -x '/bin/sleep 1' fl-full-second
           jailmgr list | cut -d ' ' -f 1 | sed 1d"#,
    );
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    let text = said.stdout.replace(&stage.data.path().display().to_string(), "[place]");
    let part =
        |name: &str| text.split("== ").find_map(|part| part.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    for verb in ["new", "change"] {
        let lines: Vec<&str> = part(verb).trim().lines().collect();
        assert_eq!(lines.len(), 2, "one error and its status: {text}");
        assert!(lines[0].starts_with("jailmgr: ") && lines[0].ends_with(": No space left on device"), "{text}");
        assert_eq!(lines[1], "status 1", "{text}");
    }
    assert_eq!(part("left").trim(), "fl-full-first\ndata jail.toml root", "{text}");
    assert_eq!(part("again").trim(), "Created jail fl-full-second\nfl-full-first\nfl-full-second", "{text}");
}

#[test]
fn a_data_directory_that_cannot_be_written_can_still_be_read() {
    let Some(stage) = Stage::new("fl-frozen") else { return };
    let said = aside(
        &stage,
        r#"mount -t tmpfs -o mode=755,size=1m none "$data"
           jailmgr() { command jailmgr $options --data-dir "$data" "$@"; }
           jailmgr create -x '/bin/sleep 1' fl-frozen
           mount -o remount,ro "$data"
           for verb in 'create fl-frozen-other' 'create -a fl-frozen' 'destroy fl-frozen'; do
               status=0; jailmgr $verb 2>&1 || status=$?; echo "status $status"
           done
           jailmgr list | cut -d ' ' -f 1 | sed 1d
           mount -o remount,rw "$data"
           jailmgr destroy fl-frozen
           ls -A "$data/jails""#,
    );
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines[0], "Created jail fl-frozen");
    for refused in lines[1..7].chunks(2) {
        assert!(refused[0].starts_with("jailmgr: ") && refused[0].ends_with(": Read-only file system"), "{}", said.stdout);
        assert_eq!(refused[1], "status 1");
    }
    assert_eq!(lines[7..], ["fl-frozen", "Destroyed jail fl-frozen"]);
}

/// A /dev of the test's own, which has what programs need and no log socket.
const BARE_DEV: &str = r#"
    mount -t tmpfs -o mode=755 none /dev
    mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/full c 1 7
    mknod -m 666 /dev/random c 1 8; mknod -m 666 /dev/urandom c 1 9; mknod -m 666 /dev/tty c 5 0
    ln -s /proc/self/fd /dev/fd
    jailmgr() { command jailmgr $options --data-dir "$data" "$@"; }
    jailctl() { command jailctl $options --data-dir "$data" "$@"; }
    until_true() { n=0; until "$@" > /dev/null; do n=$((n + 1)); test $n -lt 100 || return 1; sleep 0.1; done; }
"#;

#[test]
fn lines_reach_a_real_syslogd_under_their_facility_level_and_tag() {
    lines_reach("fl-syslog", r#"busybox syslogd -n -O "$data/messages""#);
}

#[test]
fn lines_reach_a_real_rsyslogd_under_their_facility_level_and_tag() {
    if !Path::new("/usr/sbin/rsyslogd").exists() {
        println!("skipped: rsyslogd is not installed; scripts/setup --build does that");
        return;
    }
    lines_reach("fl-rsyslog", "rsyslogd -n -f \"$data/rsyslog.conf\" -i NONE");
}

/// Has a jail write lines of all kinds to the daemon that this shell command runs.
fn lines_reach(name: &'static str, daemon: &str) {
    let Some(stage) = Stage::new(name) else { return };
    let said = aside(
        &stage,
        &(BARE_DEV.to_owned()
            + r#"cd "$data"
           cat > rsyslog.conf <<CONF
module(load="imuxsock" SysSock.RateLimit.Interval="0")
template(name="plain" type="string" string="%timegenerated% %hostname% %syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\n")
action(type="omfile" file="$data/messages" template="plain")
CONF
           [daemon] &
           daemon=$!
           trap 'jailmgr stop [name]; jailmgr destroy [name]; test -z "$daemon" || kill "$daemon"' EXIT
           until_true test -S /dev/log
           jailmgr create -x "/bin/sh -c 'echo to-stdout; echo to-stderr >&2; printf \"forged\\r<0>evil\\033[2J\\n\"; exec sleep 1000'" \
               -f local3 -o info -e err -t jail-web [name]
           jailmgr start [name]
           until_true grep -q evil messages
           kill $daemon; wait $daemon || true; daemon=
           echo ==
           cat messages"#)
        .replace("[daemon]", daemon)
        .replace("[name]", name),
    );
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    let messages = said.stdout.split("==\n").nth(1).unwrap();
    let line = |what: &str| messages.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what} in {messages}"));
    let (out, err) = (line("to-stdout"), line("to-stderr"));
    assert!(
        out.contains(" local3.info jail-web[")
            && out.contains(&format!("jail={name} jid="))
            && out.ends_with(" stdout: to-stdout"),
        "{out}"
    );
    assert!(err.contains(" local3.err jail-web[") && err.ends_with(" stderr: to-stderr"), "{err}");
    let forged = line("evil");
    assert!(forged.contains(" local3.info jail-web[") && !forged.contains(['\r', '\x1b']), "{forged:?}");
}

#[test]
fn without_a_log_daemon_a_jail_runs_and_its_lines_are_kept() {
    let Some(stage) = Stage::new("fl-mute") else { return };
    let said = aside(
        &stage,
        &(BARE_DEV.to_owned()
            + r#"trap 'jailmgr stop fl-mute; jailmgr destroy fl-mute' EXIT
           test ! -e /dev/log
           jailmgr create -x "/bin/sh -c 'echo kept; exec sleep 1000'" fl-mute
           jailmgr start fl-mute
           until_true jailctl logs fl-mute
           jailctl logs fl-mute
           jailmgr status fl-mute"#),
    );
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    assert!(said.stdout.contains("kept\n") && said.stdout.contains("running"), "{}", said.stdout);
    assert!(said.stdout.ends_with("Stopped jail fl-mute\nDestroyed jail fl-mute\n"), "{}", said.stdout);
    assert_eq!(entries(&stage.data.path().join("small/jails")).len(), 0);
}
