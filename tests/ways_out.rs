//! body: the ways out of a jail that no single call is: what the caller left open, a second root, another jail's door, the
//! module's own files, the program of who comes in.

#[path = "support/body.rs"]
mod body;
#[path = "support/jail.rs"]
mod jail;
#[path = "support/program.rs"]
mod program;
#[path = "support/stage.rs"]
mod stage;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jailsh::kernel::Level;
use jailsh::kernel::lsm::Lsm;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, umount2};
use nix::sys::stat::Mode;

use body::Body;
use jail::{TestJail, output_of, tool};
use program::Program;
use stage::{BAIT, Stage};

fn stage() -> Stage {
    Stage::set(Program::build())
}

#[test]
fn a_chroot_inside_a_low_jail_leads_nowhere() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-low", Level::Low, &[]);
    let output = output_of(jail.attacks(&["row", "leave a chroot"]));
    // The calls are a low jail's right; they end at the jail's own root.
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\nleave a chroot\tEPERM\n");
    let chroot = output_of({
        let mut command = jail.exec("/usr/sbin/chroot");
        command.args([BAIT, "/attacks", "list"]);
        command
    });
    assert!(chroot.status.success(), "a low jail may chroot: {}", String::from_utf8_lossy(&chroot.stderr));
}

#[test]
fn a_directory_as_a_standard_descriptor_is_refused_before_anything_runs() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "isolation-stdin", Level::Medium, &[]);
    let mut command = jail.exec("/bin/ls");
    command.arg("/proc/self/fd/0/").stdin(fs::File::open(stage.path(".")).expect("a directory opens"));
    let output = output_of(command);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_member_cannot_enter_a_jail_nor_make_one() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    fs::copy(env!("CARGO_BIN_EXE_jailsh"), stage.bait().join("jailctl")).expect("a copy of the program");
    let jail = TestJail::start(&stage, "isolation-nested", Level::Low, &[]);
    let other = TestJail::start(&stage, "isolation-next", Level::Low, &[]);
    for arguments in
        [vec!["exec", other.name.as_str(), "--", "/bin/true"], vec!["exec", jail.name.as_str(), "--", "/bin/true"], vec!["list"]]
    {
        let mut command = jail.exec(&format!("{BAIT}/jailctl"));
        command.args(&arguments);
        let output = output_of(command);
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(other.members().len(), 1, "nobody joined");
}

#[test]
fn no_descriptor_and_no_variable_of_the_caller_comes_along() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "ways-luggage", Level::Medium, &[]);
    // Without close-on-exec, so that jailctl inherits them.
    let files = ["outside", "."].map(|name| open(&stage.path(name), OFlag::O_RDONLY, Mode::empty()).expect("it opens"));
    let mut list = jail.exec("/bin/ls");
    list.arg("/proc/self/fd").env("JAILSH_TEST_SECRET", "s3cret").env("LD_PRELOAD", "");
    let listed = output_of(list);
    // The three, and the directory that ls reads.
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "0\n1\n2\n3\n", "{}", String::from_utf8_lossy(&listed.stderr));
    let mut environment = jail.exec("/usr/bin/env");
    environment.env("JAILSH_TEST_SECRET", "s3cret").env("LD_LIBRARY_PATH", "/nowhere");
    let printed = output_of(environment);
    let names: Vec<String> = String::from_utf8_lossy(&printed.stdout)
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.to_owned()))
        .filter(|name| !["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "PWD"].contains(&name.as_str()))
        .collect();
    assert_eq!(names, [""; 0]);
    // Nor has the keeper, if there is one, more than it serves by: nothing of the host's files.
    if let Some(keeper) = jail.keeper() {
        let links = fs::read_dir(format!("/proc/{keeper}/fd")).expect("it runs").flatten();
        let open: Vec<PathBuf> = links.filter_map(|link| fs::read_link(link.path()).ok()).collect();
        let files: Vec<_> = open.iter().filter(|path| path.is_absolute() && *path != Path::new("/dev/null")).collect();
        assert!(files.is_empty(), "{files:?} of {open:?}");
        assert_eq!(fs::read(format!("/proc/{keeper}/environ")).expect("it runs"), b"");
    }
    drop(files);
}

/// CVE-2024-21626: a working directory named by a descriptor that the caller left open.
#[test]
fn no_working_directory_leads_out_through_a_descriptor_of_the_caller() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "ways-workdir", Level::Medium, &[]);
    // Without close-on-exec, so that jailctl inherits it.
    let _leaked = open(&stage.path("."), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).expect("a directory opens");
    for descriptor in 3..9 {
        let mut command = tool("jailctl", &stage);
        command.args(["exec", "-w", &format!("/proc/self/fd/{descriptor}"), jail.name.as_str(), "--", "/bin/cat", "outside"]);
        let output = output_of(command);
        assert!(!output.status.success(), "descriptor {descriptor} leads out");
        assert!(output.stdout.is_empty());
    }
}

/// CVE-2019-5736: the host's program in the moment between entering and execve.
#[test]
fn who_comes_in_is_not_seen_before_it_is_the_program_asked_for() {
    let Some(body) = body::here() else { return };
    if !body.is(Body::Lsm, "the keeper is the host's program, and a member like any other") {
        return;
    }
    let stage = stage();
    let jail = TestJail::start(&stage, "ways-arrival", Level::Low, &[]);
    let mut watch = jail.attacks(&["watch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut seen = BufReader::new(watch.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let mut programs = vec![seen.next().expect("the watcher sees at least itself")];
    for _ in 0..10 {
        assert!(output_of(jail.exec("/bin/true")).status.success());
    }
    drop(watch.stdin.take());
    programs.extend(seen);
    watch.wait().expect("it ends");
    assert!(programs.iter().any(|program| program.ends_with("/sleep")), "the service is seen: {programs:?}");
    let ours = Path::new(env!("CARGO_BIN_EXE_jailsh")).file_name().expect("a file").to_string_lossy().into_owned();
    assert!(!programs.iter().any(|program| program.contains(&ours)), "{programs:?}");
}

/// CVE-2019-5736 again: a link or a script line that makes the jail run the program that is just entering, which lies on a
/// mount of the host.
#[test]
fn the_hosts_own_programs_cannot_be_run_or_opened_through_links() {
    let Some(body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "ways-links", Level::Low, &[]);
    let shell = |script: &str| {
        let mut command = jail.exec("/bin/sh");
        command.args(["-c", script]);
        command
    };
    let plant = "ln -s /proc/self/exe /tmp/link && printf '#!/proc/self/exe\\n' > /tmp/line && chmod +x /tmp/line";
    assert!(output_of(shell(plant)).status.success());
    let denied = || {
        let stats = body.kernel().stats(Some(jail.jid)).expect("statistics");
        stats[0].denials.iter().flatten().find(|(right, _)| right.name() == "foreign_mount").map_or(0, |(_, count)| *count)
    };
    for program in ["/proc/self/exe", "/tmp/link", "/tmp/line"] {
        let before = denied();
        let output = output_of(jail.exec(program));
        assert_eq!(output.status.code(), Some(126), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(body == Body::Landlock || denied() > before, "{program} is counted");
    }
    // What it was handed it can read; opened again, for writing, it would be the host's file.
    let given = stage.path("given");
    fs::write(&given, "given").expect("a file of the host");
    let handed = || fs::File::open(&given).expect("it opens");
    let mut read = shell("cat");
    read.stdin(handed());
    assert_eq!(output_of(read).stdout, b"given");
    let mut forge = shell("echo forged > /proc/self/fd/0");
    forge.stdin(handed());
    assert!(!output_of(forge).status.success());
    assert_eq!(fs::read(&given).expect("it is there"), b"given");
}

/// The same of the keeper, whose program is in sight for as long as the jail runs.
#[test]
fn the_keepers_program_cannot_be_read_run_or_written_by_a_member() {
    let Some(body) = body::here() else { return };
    if !body.is(Body::Landlock, "no other body has a keeper") {
        return;
    }
    let stage = stage();
    let jail = TestJail::start(&stage, "ways-keeper", Level::Low, &[]);
    let program = format!("/proc/{}/exe", jail.keeper().expect("a jail that runs has a keeper"));
    for (attempt, script) in [
        ("read", format!("head -c 4 {program}")),
        ("run", program.clone()),
        ("copy", format!("cp {program} /tmp/taken")),
        ("write", format!("printf x >> {program}")),
    ] {
        let mut command = jail.exec("/bin/sh");
        command.args(["-c", &script]);
        let output = output_of(command);
        assert!(!output.status.success() && output.stdout.is_empty(), "{attempt}: {output:?}");
    }
}

/// Some pin of the module, not a directory.
fn a_pin(directory: &Path) -> PathBuf {
    let entries: Vec<PathBuf> = fs::read_dir(directory).expect("the pins").map(|entry| entry.expect("readable").path()).collect();
    let file = entries.iter().find(|path| !path.is_dir()).cloned();
    file.or_else(|| entries.iter().find(|path| path.is_dir()).map(|path| a_pin(path))).expect("a pin")
}

#[test]
fn the_modules_pins_cannot_be_removed_while_a_jail_has_a_member() {
    let Some(body) = body::here() else { return };
    if !body.is(Body::Lsm, "no other body has pins") {
        return;
    }
    let stage = stage();
    let jail = TestJail::start(&stage, "ways-pins", Level::Low, &[]);
    let home = fs::canonicalize(Path::new(Lsm::DIRECTORY).join("current")).expect("the generation in force");

    // Even where an administrator shows them to a jail.
    let namespace = format!("/run/jailsh/jails/{}/mnt", jail.name);
    let mut graft = Command::new(&stage.program.path);
    graft.arg("graft").args([home.as_path(), Path::new(&namespace), Path::new("/opt/pins")]);
    assert!(output_of(graft).status.success(), "the pins are shown to the jail");
    let pin = a_pin(&home);
    let inside = Path::new("/opt/pins").join(pin.strip_prefix(&home).expect("below"));
    let mut remove = jail.exec("/bin/rm");
    remove.arg("-f").arg(&inside);
    assert!(!output_of(remove).status.success(), "a member removed a pin");
    let counted = &body.kernel().stats(Some(jail.jid)).expect("counters")[0].denials.clone().unwrap_or_default();
    assert!(counted.keys().any(|right| right.name() == "module_tamper"), "{counted:?}");

    assert_eq!(fs::remove_file(&pin).map_err(|error| error.raw_os_error()), Err(Some(Errno::EBUSY as i32)), "by host root");
    assert_eq!(umount2(&home, MntFlags::MNT_DETACH), Err(Errno::EBUSY), "by host root");
    assert_eq!(umount2(&home, MntFlags::empty()), Err(Errno::EBUSY), "by host root");
    assert!(pin.exists());
}
