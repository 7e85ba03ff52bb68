//! Denials as people read them, and the last of them, kept.

use std::collections::VecDeque;

use super::{moment, printable};
use crate::kernel::{CAPABILITIES, Denial, Jid};

/// Address families (address_families(7)) that are asked for in practice.
const FAMILIES: [(u64, &str); 9] = [
    (2, "inet"),
    (10, "inet6"),
    (16, "netlink"),
    (17, "packet"),
    (29, "can"),
    (31, "bluetooth"),
    (38, "alg"),
    (40, "vsock"),
    (44, "xdp"),
];

/// File systems of the kernel, by their magic numbers (include/uapi/linux/magic.h).
const FILE_SYSTEMS: [(u64, &str); 8] = [
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x6367_7270, "cgroup2"),
    (0x0027_e0eb, "cgroup"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0xcafe_4a11, "bpf"),
    (0x7363_6673, "securityfs"),
];

/// Bits of a device's number that are the minor one, inside the kernel (include/linux/kdev_t.h).
const MINOR_BITS: u32 = 20;

/// What a denial was about; `None` where the kernel does not tell. A right that several hooks ask for may be about a
/// capability where the others name something else.
pub fn object(denial: &Denial) -> Option<String> {
    let number = denial.object;
    let named = |table: &[(u64, &'static str)]| table.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    let capability = usize::try_from(number).ok().and_then(|at| CAPABILITIES.get(at)).map(|name| format!("capability {name}"));
    if number == 0 {
        return None;
    }
    match denial.right.name() {
        "ptrace" if number == 19 => capability,
        "process_see" | "process_signal" | "process_trace" | "process_schedule" | "ptrace" => Some(format!("process {number}")),
        "port_foreign" => Some(format!("port {number}")),
        "raw_socket" | "packet_socket" if number == 13 => capability,
        "raw_socket" | "packet_socket" | "socket_family" | "netlink" | "netlink_route" => {
            Some(named(&FAMILIES).map_or(format!("family {number}"), |name| format!("family {name}")))
        }
        "device" | "mknod" if number >> MINOR_BITS > 0 => {
            Some(format!("device {}:{}", number >> MINOR_BITS, number & ((1 << MINOR_BITS) - 1)))
        }
        "sysctl_write" | "kernel_fs_write" | "module_tamper" | "foreign_mount" if number >= CAPABILITIES.len() as u64 => {
            Some(named(&FILE_SYSTEMS).map_or(format!("file system {number:#x}"), |name| format!("a file of {name}")))
        }
        "descriptor_receive" => Some("a directory or namespace".to_owned()),
        _ => capability,
    }
}

/// `ping (pid 812) was denied raw_socket (family inet)`.
pub fn sentence(denial: &Denial) -> String {
    let about = object(denial).map_or(String::new(), |object| format!(" ({object})"));
    format!("{} (pid {}) was denied {}{about}", printable(&denial.command), denial.pid, denial.right)
}

/// What is kept of all jails.
const KEPT: usize = 4096;

/// The last denials of all jails.
#[derive(Debug, Clone, Default)]
pub struct Denials {
    /// With milliseconds since the epoch.
    kept: VecDeque<(u64, Denial)>,
    /// Counted by the kernel, and not told.
    pub lost: u64,
}

impl Denials {
    /// `now`: the monotonic clock in nanoseconds, and milliseconds since the epoch.
    pub fn add(&mut self, found: &[Denial], lost: u64, now: (u64, u64)) {
        self.lost += lost;
        for denial in found {
            let ago = now.0.saturating_sub(denial.when_ns) / 1_000_000;
            self.kept.push_back((now.1.saturating_sub(ago), denial.clone()));
        }
        let over = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..over);
    }

    /// A jail's, oldest first, with milliseconds since the epoch.
    pub fn of(&self, jid: Jid) -> impl DoubleEndedIterator<Item = (u64, &Denial)> {
        self.kept.iter().filter(move |(_, denial)| denial.jid == jid).map(|(at, denial)| (*at, denial))
    }

    /// A jail's last ones as lines, equal neighbours counted.
    pub fn lines(&self, jid: Jid, most: usize) -> Vec<String> {
        let mut lines: Vec<(u64, String, usize)> = Vec::new();
        for (at, denial) in self.of(jid) {
            let sentence = sentence(denial);
            match lines.last_mut() {
                Some((last, same, count)) if *same == sentence => (*last, *count) = (at, *count + 1),
                _ => lines.push((at, sentence, 1)),
            }
        }
        let from = lines.len().saturating_sub(most);
        let line = |(at, sentence, count): &(u64, String, usize)| {
            let times = if *count > 1 { format!(", {count} times") } else { String::new() };
            format!("{} {sentence}{times}", moment::stamp(*at))
        };
        lines[from..].iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(right: &str, object: u64) -> Denial {
        let right = right.parse().unwrap();
        Denial { jid: Jid::new(3).unwrap(), right, pid: 812, command: "ping".into(), object, when_ns: 5_000_000_000 }
    }

    #[test]
    fn each_kind_of_object_has_its_words() {
        let about = [
            ("raw_socket", 2),
            ("raw_socket", 13),
            ("packet_socket", 17),
            ("socket_family", 99),
            ("port_foreign", 8080),
            ("privileged_port", 10),
            ("device", (8 << 20) | 1),
            ("mknod", 27),
            ("sysctl_write", 0x9fa0),
            ("kernel_fs_write", 0x1234_5678),
            ("process_signal", 1),
            ("ptrace", 19),
            ("ptrace", 4711),
            ("namespaces", 21),
            ("mount", 0),
            ("quota", u64::MAX),
        ];
        insta::assert_snapshot!(about.map(|(right, object)| sentence(&denial(right, object))).join("\n"));
    }

    #[test]
    fn a_process_that_names_itself_cleverly_moves_no_cursor() {
        let clever = Denial { command: "\u{1b}[2J\u{202e}".into(), ..denial("mount", 0) };
        assert!(!sentence(&clever).chars().any(char::is_control));
    }

    #[test]
    fn equal_neighbours_are_counted_and_the_oldest_go() {
        let mut denials = Denials::default();
        let now = (6_000_000_000, 1_795_472_160_007);
        denials.add(&[denial("mount", 0), denial("mount", 0), denial("raw_socket", 2)], 4, now);
        assert_eq!(
            denials.lines(Jid::new(3).unwrap(), 9),
            [
                "2026-11-23T22:15:59.007Z ping (pid 812) was denied mount, 2 times",
                "2026-11-23T22:15:59.007Z ping (pid 812) was denied raw_socket (family inet)"
            ]
        );
        assert_eq!((denials.lines(Jid::new(3).unwrap(), 1).len(), denials.lines(Jid::new(4).unwrap(), 9).len()), (1, 0));
        denials.add(&vec![denial("mount", 0); 2 * KEPT], 0, now);
        assert_eq!((denials.of(Jid::new(3).unwrap()).count(), denials.lost), (KEPT, 4));
    }
}
