//! Devices.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use jailsh::kernel::RightSet;
use jailsh::kernel::landlock::{devices, ports};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use tempfile::TempDir;

use crate::stage::{Group, attached_to, inside};

/// A tmpfs that holds the node of the kernel's messages and that of null.
struct Nodes(TempDir);

impl Nodes {
    fn make() -> Nodes {
        let nodes = Nodes(TempDir::new().expect("a scratch directory"));
        let none: Option<&str> = None;
        mount(Some("none"), nodes.0.path(), Some("tmpfs"), MsFlags::empty(), none).expect("a tmpfs");
        for (name, major, minor) in [("null", 1, 3), ("kmsg", 1, 11), ("fuse", 10, 229), ("hwrng", 10, 183)] {
            let mode = Mode::from_bits_truncate(0o600);
            mknod(&nodes.0.path().join(name), SFlag::S_IFCHR, mode, makedev(major, minor)).expect(name);
        }
        nodes
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        let _ = umount2(self.0.path(), MntFlags::MNT_DETACH);
    }
}

fn shell(group: Option<&Path>, nodes: &Nodes, line: &str) -> Output {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).current_dir(nodes.0.path());
    let mut command = match group {
        Some(group) => inside(group, command),
        None => command,
    };
    command.output().expect("a shell")
}

/// `describe` asks them each time.
#[test]
fn the_probes_take_less_than_five_milliseconds() {
    let best = |probe: fn() -> Result<(), String>| {
        let timed = || {
            let begin = Instant::now();
            let _ = probe();
            begin.elapsed()
        };
        std::iter::repeat_with(timed).take(20).min()
    };
    for (what, probe) in [("devices", devices::probe as fn() -> _), ("ports", ports::probe)] {
        let taken = best(probe);
        assert!(taken < Some(Duration::from_millis(5)), "{what}: {taken:?}");
    }
}

#[test]
fn a_member_of_a_guarded_group_opens_and_makes_no_device_but_the_free_ones() {
    if let Err(why) = devices::probe() {
        eprintln!("skipped: {why}");
        return;
    }
    let (group, nodes) = (Group::make("devices"), Nodes::make());
    let refused = [
        ": < kmsg",
        ": 3< kmsg",
        "echo jailsh > kmsg",
        "/bin/busybox mknod fresh c 1 3",
        "/bin/busybox mknod fresh b 1 0",
        ": < /proc/self/root/dev/kmsg",
    ];
    for line in &refused {
        let output = shell(Some(&group.path), &nodes, &format!("rm -f fresh; {line}"));
        assert!(output.status.success() || line.contains("proc"), "{line}, before: {output:?}");
    }
    devices::guard(&group.path, RightSet::EMPTY).expect("guarded");
    let works = [
        ": < null",
        "echo > /dev/null",
        "head -c1 /dev/zero",
        "head -c1 /dev/urandom",
        "head -c1 /dev/random",
        ": < /dev/full",
        "rm -f pipe; mkfifo pipe",
        "script -qec true /dev/null",
    ];
    let check = |group: &Path| {
        for line in refused {
            let output = shell(Some(group), &nodes, &format!("rm -f fresh; {line}"));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains("not permitted"), "{line}: {output:?}");
        }
        for line in works {
            let output = shell(Some(group), &nodes, line);
            assert!(output.status.success(), "{line}: {output:?}");
        }
    };
    check(&group.path);
    check(&group.nested());
    devices::guard(&group.path, RightSet::EMPTY).expect("guarded again");
    assert_eq!(attached_to(&group.path, libbpf_sys::BPF_CGROUP_DEVICE).len(), 1, "one program, however often it is asked for");
    assert!(shell(None, &nodes, ": < kmsg").status.success(), "the host is not guarded");
}

#[test]
fn a_device_that_was_granted_by_name_is_opened_and_no_other() {
    if let Err(why) = devices::probe() {
        eprintln!("skipped: {why}");
        return;
    }
    let (group, nodes) = (Group::make("granted"), Nodes::make());
    let denied = |name: &str| {
        let output = shell(Some(&group.path), &nodes, &format!(": < {name}"));
        String::from_utf8_lossy(&output.stderr).contains("not permitted")
    };
    let all = ["null", "kmsg", "fuse", "hwrng"];
    devices::guard(&group.path, RightSet::EMPTY).expect("guarded");
    assert_eq!(all.map(denied), [false, true, true, true]);
    // A machine without the driver says so instead: the program let it pass.
    devices::guard(&group.path, RightSet::EMPTY.with("device:fuse".parse().unwrap())).expect("guarded again");
    assert_eq!(all.map(denied), [false, true, false, true]);
    let made = shell(Some(&group.path), &nodes, "/bin/busybox mknod fresh c 10 229");
    assert!(!made.status.success(), "opening it is no right to make it");
}
