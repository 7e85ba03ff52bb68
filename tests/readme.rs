//! newest: the README's commands and script, the tour and the examples for shells, run as they stand there.
//!
//! They take port 8080 and write below /etc and /var. Outside of a guest they do so in a network and with mounts of their
//! own; their jails are the machine's all the same, so it must have no others.

#[path = "support/body.rs"]
mod body;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use body::Body;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

const JAILSH: &str = env!("CARGO_BIN_EXE_jailsh");

/// The fenced blocks of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A directory with the three names of the binary.
fn names() -> tempfile::TempDir {
    let names = tempfile::tempdir().unwrap();
    for name in ["jailsh", "jailctl", "jailmgr"] {
        symlink(JAILSH, names.path().join(name)).unwrap();
    }
    names
}

fn run(names: &Path, program: &str, arguments: &[&str]) -> Output {
    let path = format!("{}:{}", names.display(), std::env::var("PATH").unwrap_or_default());
    Command::new(program).args(arguments).env("PATH", path).output().unwrap()
}

/// All tests make the README's jail "web", and port 8080 has one owner.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A machine that the commands may write to, for as long as this is held.
struct Machine {
    _turn: MutexGuard<'static, ()>,
    _scratch: tempfile::TempDir,
}

impl Machine {
    /// With the chosen body as the configuration's.
    fn take(body: Body) -> Machine {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let scratch = tempfile::tempdir().unwrap();
        if !body::in_guest() {
            let jails = body.kernel().list().unwrap();
            assert!(jails.is_empty(), "this machine has jails, which the examples' could be taken for: {jails:?}");
            leave_network_and_mounts(scratch.path());
        }
        fs::create_dir_all("/etc/jailsh").unwrap();
        fs::write("/etc/jailsh/config.toml", format!("kernel = {:?}\n", body.name())).unwrap();
        Machine { _turn: turn, _scratch: scratch }
    }
}

/// From here on the thread, and what it starts, writes below `scratch` what goes to /etc and /var.
fn leave_network_and_mounts(scratch: &Path) {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).expect("namespaces of its own");
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("private mounts");
    mount(Some("none"), scratch, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a tmpfs");
    for (name, place) in [("etc", "/etc"), ("var", "/var")] {
        let (upper, work) = (scratch.join(name), scratch.join(format!("{name}.work")));
        fs::create_dir(&upper).and_then(|()| fs::create_dir(&work)).unwrap();
        let layers = format!("lowerdir={place},upperdir={},workdir={}", upper.display(), work.display());
        mount(Some("overlay"), place, Some("overlay"), MsFlags::empty(), Some(layers.as_str())).expect(place);
    }
    // No file system for an overlay's upper layer is one itself, and a jail may want one.
    fs::create_dir_all("/var/jailmgr").unwrap();
    mount(Some("none"), "/var/jailmgr", Some("tmpfs"), MsFlags::empty(), Some("mode=755")).expect("/var/jailmgr");
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip is installed");
    assert!(status.success(), "the loopback of a new network: {status}");
}

/// Takes a jail away, whatever state a failed test left it in.
struct Gone<'a>(&'a Path, &'a str);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let jailmgr = self.0.join("jailmgr");
        for verb in ["stop", "destroy"] {
            run(self.0, jailmgr.to_str().unwrap(), &[verb, self.1]);
        }
    }
}

#[test]
fn the_tour_runs_as_it_stands() {
    let Some(body) = body::here() else { return };
    let _machine = Machine::take(body);
    let names = names();
    let _gone = Gone(names.path(), "web");
    let blocks = blocks("sh");
    let tour = blocks.last().expect("the tour is the last block");
    assert!(tour.starts_with("jailmgr bootstrap"), "the tour moved: {tour}");
    let output = run(names.path(), "/bin/sh", &["-ec", tour]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    let steps =
        ["Created jail web", "Started jail web", "jailctl: supervise jail=web jid=", "busybox httpd -f -p 8080", "CPU10S"];
    for step in steps.into_iter().chain(["jail_vmem_bytes{jid=", "Stopped jail web"]) {
        assert!(text.contains(step), "{step:?} is missing in:\n{text}");
    }
}

#[test]
fn the_script_at_the_top_runs_as_it_stands() {
    let Some(body) = body::here() else { return };
    let _machine = Machine::take(body);
    let names = names();
    let _gone = Gone(names.path(), "web");
    let script = names.path().join("readme.rhai");
    fs::write(&script, blocks("rhai").first().expect("a script at the top")).unwrap();
    let output = run(names.path(), JAILSH, &[script.to_str().unwrap()]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("busybox httpd -f -p 8080") && text.contains("CPU10S"), "{text}");
}

/// The smallest root that a base can be.
fn busybox_tree(at: &Path) -> String {
    let tree = at.join("tree");
    for name in ["bin", "etc"] {
        fs::create_dir_all(tree.join(name)).unwrap();
    }
    fs::copy("/usr/bin/busybox", tree.join("bin/busybox")).unwrap();
    for name in ["sh", "cat", "ls", "rm", "wc"] {
        symlink("busybox", tree.join("bin").join(name)).unwrap();
    }
    tree.display().to_string()
}

#[test]
fn every_show_runs_as_it_stands_and_leaves_no_jail() {
    let Some(body) = body::here() else { return };
    let _machine = Machine::take(body);
    let names = names();
    let _gone = ["web", "boxed"].map(|jail| Gone(names.path(), jail));
    let tree = busybox_tree(names.path());
    // What describes jails, and leaves them there, has a test of its own.
    let mut shows: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.ends_with("tour.rhai") || path.extension().is_some_and(|kind| kind == "sh"))
        .collect();
    shows.sort();
    assert!(shows.len() >= 3, "{shows:?}");
    for show in &shows {
        let path = show.to_str().unwrap();
        let program = if path.ends_with(".sh") { "/bin/sh" } else { JAILSH };
        // Guests have no network to fetch a whole system from; tests/roots makes a jail of a real one.
        let arguments = if path.ends_with("debian-base.sh") { vec![path, tree.as_str()] } else { vec![path] };
        let output = run(names.path(), program, &arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{path}:\n{text}");
        let left = run(names.path(), names.path().join("jailctl").to_str().unwrap(), &["list"]);
        assert_eq!(String::from_utf8_lossy(&left.stdout), "no jails\n", "{path} left a jail");
    }
}
