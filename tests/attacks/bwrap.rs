//! The same attacks under bwrap, as another oracle: what a sandbox of mount, process and IPC namespaces lets through to root.

#![allow(dead_code, reason = "each test uses its part")]

use std::path::Path;
use std::process::Command;

use super::table::{Expectation, Row};

/// What people use it with: everything apart but the network. Root gets a user namespace too, as everybody does.
pub const OPTIONS: &[&str] = &["--unshare-all", "--share-net", "--die-with-parent", "--new-session"];
const ROOT: &[&str] =
    &["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];

/// The series of the kernel that [`THROUGH`] was seen on.
const SEEN_ON: &str = "6.12.";

/// Rows that get through there, but for those that work everywhere.
pub const THROUGH: &[&str] = &[
    "open(O_PATH) a kmsg node",
    "memfd_secret",
    "personality",
    "keyctl(JOIN_SESSION)",
    "open /proc/net/unix",
    "open /proc/locks",
    "open /proc/timer_list",
    "open /proc/kpagecount",
    "shmctl(SHM_INFO)",
    "name_to_handle_at",
    "change a file's flags",
    "see by inotify that the host opens a shared file",
    "hold a lock on a shared file",
    "take every inotify instance of the user id",
    "mount tmpfs",
    "mount proc",
    "mount cgroup2",
    "mount cgroup v1, open its release_agent (CVE-2022-0492)",
    "bind mount",
    "remount /",
    "umount /proc",
    "pivot_root",
    "fsopen",
    "fspick",
    "open_tree(CLONE)",
    "move_mount",
    "mount_setattr",
    "unshare(NEWUSER)",
    "clone(NEWUSER)",
    "clone3(NEWUSER)",
    "clone(NEWUSER), a bit above the 32nd",
    "unshare(NEWUSER|NEWNS), then a file system's context (CVE-2022-0185)",
    "unshare(NEWUSER|NEWNS), then an overlay (CVE-2023-0386)",
    "clone3(NEWNS)",
    "clone3(chosen pid)",
    "unshare(NEWNS)",
    "unshare(NEWNET)",
    "unshare(NEWPID)",
    "unshare(NEWUTS)",
    "unshare(NEWIPC)",
    "unshare(NEWCGROUP)",
    "unshare(NEWTIME)",
    "setns(own mnt)",
    "quotactl(Q_SYNC)",
    "sethostname",
    "setdomainname",
    "keyctl(session keyring)",
    "keyctl(user keyring)",
    "add_key(user keyring)",
    "open core_pattern for writing",
    "open pid_max for writing",
    "open modprobe for writing",
    "open ip_local_reserved_ports for writing",
    "open any sysctl for writing (CVE-2022-0811)",
    "open any other file of /proc for writing",
    "open a sysfs knob for writing",
    "open any file of /sys/kernel for writing",
    "open a sysfs uevent for writing",
    "truncate a sysfs file",
    "chmod a sysfs file",
    "open cgroup.procs for writing",
    "open release_agent for writing",
    "mkdir in cgroup v2",
    "mkdir in cgroup v1",
    "rename in cgroup v1",
    "rmdir in cgroup v1",
    "mkdir in bpffs",
    "netlink audit",
    "netlink uevent",
    "netlink sock_diag",
    "netlink generic",
    "connect to an abstract unix socket of the host",
    "send to an abstract unix socket of the host",
    "connect and send to an abstract unix datagram socket of the host",
    "send forged credentials",
    "bind a reserved port, TCP, any address",
    "bind a reserved port, TCP, loopback",
    "bind a reserved port, TCP, SO_REUSEPORT",
    "bind a reserved port, TCP, SO_REUSEADDR",
    "bind a reserved port, TCP, AF_UNSPEC address",
    "bind a reserved port, TCP, IPv6",
    "bind a reserved port, TCP, IPv4 mapped",
    "bind a reserved port, MPTCP",
    "bind a reserved port, UDP",
    "bind a reserved port, UDP, SO_REUSEPORT",
    "bind a reserved port, UDP, IPv6",
    "bind a reserved port, UDP-Lite",
    "bind a reserved address, TCP",
    "bind a reserved address, IPv4 mapped",
    "bind a reserved address by all of IPv4",
    "bind a reserved address by all of IPv4, mapped",
    "bind a reserved address by all of IPv6",
    "bind a reserved address by IPV6_V6ONLY",
    "bind a reserved address, MPTCP",
    "be given a reserved port by bind(0), TCP",
    "be given a reserved port by bind(0), UDP",
    "be given a reserved port from a range of it alone",
    "be given a reserved port by listen",
    "be given a reserved port by connect, TCP",
    "be given a reserved port by connect, UDP",
    "be given a reserved port by sendto",
    "io_uring worker opens core_pattern for writing",
    "io_uring worker connects to an abstract unix socket of the host",
    "io_uring worker sends to an abstract unix socket of the host",
    "io_uring worker binds a reserved port",
    "io_uring worker makes a directory in cgroup v1",
    "io_uring with a polling kernel thread",
    "io_uring with borrowed credentials",
    "openat a leaked directory",
    "fchdir to a leaked directory",
    "open through /proc/self/fd of a leaked directory",
    "receive a directory from the host",
    "change a file's mode through a directory from the host",
    "receive an O_PATH directory from the host",
    "receive a namespace from the host",
    "open a received file of the host again",
    "ioprio_set(everybody of root)",
];

/// bwrap around the attack program, to be given its arguments; `bait` is seen at `place`.
pub fn command(bait: &Path, place: &str) -> Command {
    let mut command = Command::new("bwrap");
    command.args(OPTIONS).args(ROOT).arg("--bind").arg(bait).arg(place).arg("--").arg(format!("{place}/attacks"));
    command
}

/// Where the list and what was seen differ.
pub fn verdict(row: &Row, result: &str) -> Option<String> {
    let release = nix::sys::utsname::uname().expect("a kernel");
    if row.expectation == Expectation::Works || !release.release().to_string_lossy().starts_with(SEEN_ON) {
        return None;
    }
    let (through, listed) = (result == "ok", THROUGH.contains(&row.name.as_str()));
    (through != listed)
        .then(|| format!("{}: {result} under bwrap, which bwrap.rs {}", row.name, if listed { "lists" } else { "does not list" }))
}
