//! What kauth(9) lets the NetBSD module hold, and what it cannot see.

use super::abi::ABI;
use crate::kernel::policy::kauth_questions;
use crate::kernel::{Description, Enforcement, Right, RightStatus};

/// Rights whose objects NetBSD does not have.
const ABSENT: [&str; 15] = [
    "audit_write",
    "bpf",
    "checkpoint",
    "file_capability",
    "io_uring",
    "io_uring_command",
    "io_uring_poll",
    "kernel_fs_write",
    "keyring",
    "netlink",
    "perf",
    "userfaultfd",
    "userns",
    "wake",
    "namespaces",
];

/// Rights that no question of kauth(9) is about: a jail is refused that lacks one.
const UNASKED: [&str; 3] = ["connect", "loopback_foreign", "setuid_exec"];

/// What gets through although the right is denied.
const GAPS: [(&str, &str); 8] = [
    ("raw_socket", "where ping is granted, headers can be written by hand (IP_HDRINCL), about which nothing is asked"),
    ("process_see", "the threads of any process can be listed (kern.lwp) and its priority read"),
    ("tty", "a program can type into its own controlling terminal (TIOCSTI): the kernel asks, and does it all the same"),
    ("port_foreign", "a socket that held the port before it was reserved keeps it, and the host can take one by SCTP"),
    ("ipc_foreign", "names of System V objects are shared by equal users, where ipc_override is granted"),
    ("descriptor_receive", "a directory that arrives over a socket leads out of the root"),
    ("foreign_mount", "the root is as strong as chroot(2), and a descriptor that was handed in works as it was opened"),
    ("unix_foreign", "a local socket of the host's that lies inside the root can be connected to"),
];

/// Held by something else than a question of kauth(9).
const ELSEWHERE: [(&str, &str); 11] = [
    ("port_foreign", "NETWORK BIND"),
    ("unix_foreign", "every local socket has a path, and chroot(2)"),
    ("descriptor_receive", "fchdir(2)"),
    ("jail_enter", "the nodes of security.models.jail"),
    ("module_tamper", "no unloading while a jail exists"),
    ("foreign_mount", "chroot(2)"),
    ("ptrace", "PROCESS PROCFS"),
    ("packet_socket", "NETWORK SOCKET OPEN"),
    ("socket_family", "NETWORK SOCKET OPEN"),
    ("raw_socket", "NETWORK SOCKET OPEN"),
    ("ping", "NETWORK SOCKET OPEN"),
];

fn of<'a>(table: &'a [(&str, &'a str)], right: Right) -> Option<&'a str> {
    table.iter().find(|(name, _)| *name == right.name()).map(|(_, text)| *text)
}

fn enforcement(right: Right) -> Enforcement {
    if ABSENT.contains(&right.name()) {
        return Enforcement::Enforced { by: "nothing of the kind is in NetBSD, and an unknown question is refused".into() };
    }
    let asked = kauth_questions().filter(|question| question.right == Some(right) || question.fence == Some(right));
    let mut by: Vec<&str> = of(&ELSEWHERE, right).into_iter().collect();
    by.extend(asked.map(|question| question.name).filter(|name| Some(*name) != of(&ELSEWHERE, right)));
    let by = by.join(", ");
    match of(&GAPS, right) {
        _ if UNASKED.contains(&right.name()) || by.is_empty() => {
            Enforcement::NotEnforceable { why: "kauth(9) asks nothing that would take it".into() }
        }
        Some(gap) => Enforcement::Weaker { by, gap: gap.into() },
        None => Enforcement::Enforced { by },
    }
}

/// As the module holds it, whatever the machine.
pub fn describe(kernel: String) -> Description {
    let rights = Right::all().map(|right| RightStatus { right, enforcement: enforcement(right) }).collect();
    let notes = vec![
        "jails cannot be frozen, and denials are counted, not told one by one".into(),
        "in high, System V IPC is refused altogether; POSIX semaphores and queues are in every profile".into(),
    ];
    Description { body: super::BODY, abi: ABI, kernel, rights, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_held_by_something_that_is_named() {
        let described = describe("test".into());
        for status in &described.rights {
            let unasked = UNASKED.contains(&status.right.name());
            assert_eq!(status.enforcement.is_held(), !unasked, "{}", status.right);
        }
        let names =
            ABSENT.iter().chain(&UNASKED).chain(GAPS.iter().map(|(name, _)| name)).chain(ELSEWHERE.iter().map(|(name, _)| name));
        for name in names {
            assert!(name.parse::<Right>().is_ok(), "there is no right {name}");
        }
    }

    #[test]
    fn a_right_names_the_questions_that_take_it() {
        let by = |name: &str| enforcement(name.parse().unwrap());
        assert_eq!(by("chroot"), Enforcement::Enforced { by: "SYSTEM CHROOT".into() });
        assert_eq!(by("process_signal"), Enforcement::Enforced { by: "PROCESS SIGNAL".into() });
        assert!(matches!(by("port_foreign"), Enforcement::Weaker { .. }));
    }
}
