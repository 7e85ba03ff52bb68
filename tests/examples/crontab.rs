//! examples/crontab under a real cron daemon: its first job brings a jail up and says nothing, its second one fails and is
//! told of in a mail.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::body;
use crate::stage::{Stage, http};

/// Ended on drop; its jobs have ended by then.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Where cron notes its pid. One that was made to be mounted on goes again.
const PID: &str = "/run/crond.pid";

struct Pid(bool);

impl Drop for Pid {
    fn drop(&mut self) {
        let _ = umount2(PID, MntFlags::MNT_DETACH);
        if self.0 {
            let _ = fs::remove_file(PID);
        }
    }
}

fn bind(from: &Path, onto: &str) {
    mount(Some(from), onto, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap_or_else(|errno| panic!("{onto}: {errno}"));
}

/// Of this thread and what it starts: cron's tables are the test's, and so is what sends mails.
fn take_over_cron(stage: &Stage) -> Pid {
    unshare(CloneFlags::CLONE_NEWNS).expect("mounts of its own");
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("private mounts");
    let (spool, none) = (stage.path("spool"), stage.path("none"));
    for directory in [&spool, &none] {
        fs::create_dir(directory).unwrap();
    }
    let (empty, pid, upper) = (stage.path("empty"), stage.path("crond.pid"), stage.path("sbin"));
    write(&empty, "", 0o644);
    write(&pid, "", 0o644);
    bind(&spool, "/var/spool/cron/crontabs");
    bind(&none, "/etc/cron.d");
    bind(&empty, "/etc/crontab");
    let made = Pid(!Path::new(PID).exists());
    if made.0 {
        fs::write(PID, "").expect("/run is writable");
    }
    bind(&pid, PID);
    // An overlay's upper layer must not be on one.
    fs::create_dir(&upper).unwrap();
    mount(Some("none"), &upper, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a tmpfs");
    for name in ["upper", "work"] {
        fs::create_dir(upper.join(name)).unwrap();
    }
    let layers = format!("lowerdir=/usr/sbin,upperdir={0}/upper,workdir={0}/work", upper.display());
    mount(Some("overlay"), "/usr/sbin", Some("overlay"), MsFlags::empty(), Some(layers.as_str())).expect("/usr/sbin");
    let mailbox = format!("#!/bin/sh\nexec cat >> {}\n", stage.path("mail").display());
    write(Path::new("/usr/sbin/sendmail"), &mailbox, 0o755);
    made
}

/// A directory with the scripts that the crontab names, and one with a `jailsh` that works on the test's directories.
fn install(stage: &Stage) {
    let bin = stage.path("bin");
    fs::create_dir(&bin).unwrap();
    let command = stage.command("jailsh", &[]);
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_str().expect("UTF-8").to_owned())
        .collect();
    write(&bin.join("jailsh"), &format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")), 0o755);
    let (etc, examples) = (stage.path("jailsh"), Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    fs::create_dir_all(etc.join("lib")).unwrap();
    for (from, to) in [("web.rhai", "site.rhai"), ("lib/site.rhai", "lib/site.rhai")] {
        write(&etc.join(to), &fs::read_to_string(examples.join(from)).unwrap(), 0o600);
    }
    let nightly = r#"let nightly = jail("nightly", #{ command: ["/bin/true"] });
nightly.create();
nightly.file("/etc/x", "x", #{ owner: "nobody-there" });
"#;
    write(&etc.join("nightly.rhai"), nightly, 0o600);
}

/// The example, for this minute in place of the fifth or the night.
fn table(stage: &Stage) -> String {
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/crontab")).unwrap();
    let line = |line: &str| match line.find(" jailsh ") {
        Some(at) if !line.starts_with('#') => format!("* * * * *{}\n", &line[at..]),
        _ if line.starts_with("PATH=") => format!("PATH={}:/usr/sbin:/usr/bin:/sbin:/bin\n", stage.path("bin").display()),
        _ => format!("{line}\n"),
    };
    let table: String = example.lines().map(line).collect();
    // Due in the same minute, one might pass the other over.
    let table = table.replace("--lock site --lock-wait", "--lock nightly --lock-wait");
    let table = table.replace("/etc/jailsh", &stage.path("jailsh").display().to_string());
    let table = table.replace("/var/log/jailsh.log", &stage.path("log").display().to_string());
    assert_eq!(table.matches("\n* * * * * jailsh ").count(), 2, "{table}");
    table
}

#[test]
fn the_crontab_keeps_jails_as_they_should_be_and_mails_what_failed() {
    if body::in_guest() {
        return eprintln!("skipped: a minute is long on an emulated machine, and its file system is read-only");
    }
    let Some(stage) = Stage::set() else { return };
    let _pid = take_over_cron(&stage);
    install(&stage);
    write(&stage.path("spool").join("root"), &table(&stage), 0o600);

    let daemon = Command::new("/usr/sbin/cron").arg("-f").stdin(Stdio::null()).spawn().expect("cron is installed");
    let daemon = Daemon(daemon);
    let log = || fs::read_to_string(stage.path("log")).unwrap_or_default();
    let mail = || fs::read_to_string(stage.path("mail")).unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(100);
    while !log().contains("\"exit\":0") || !mail().contains("was run") {
        assert!(Instant::now() < end, "no good run and no mail within 100 s:\n{}\n{}", log(), mail());
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(daemon);

    assert!(http(8080, "GET", "/", "").contains("Hello from a jail!"));
    let mail = mail();
    for part in [
        "nightly.rhai failed on ",
        "actions: 1 done, 1 failed, 0 skipped",
        "jail nightly has no user \"nobody-there\" in its /etc/passwd",
        "nightly.rhai:3)",
        "ok       nightly: create",
    ] {
        assert!(mail.contains(part), "{part:?} is missing in:\n{mail}");
    }
    assert!(!mail.contains("site.rhai failed") && !mail.contains('\x1b'), "{mail}");
    let subjects = mail.lines().filter(|line| line.starts_with("Subject: ")).count();
    assert_eq!(subjects, mail.matches("nightly.rhai failed on ").count(), "the quiet run was no mail:\n{mail}");
}
