//! Denials as people read them, and the last of them, kept.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use super::{moment, printable};
use crate::kernel::policy::{Action, part_of};
use crate::kernel::{CAPABILITIES, Denial, Jid, Object, Protocol};

/// Address families (address_families(7)) that are asked for in practice.
const FAMILIES: [(u16, &str); 10] = [
    (1, "unix"),
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
const FILE_SYSTEMS: [(u32, &str); 8] = [
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x6367_7270, "cgroup2"),
    (0x0027_e0eb, "cgroup"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0xcafe_4a11, "bpf"),
    (0x7363_6673, "securityfs"),
];

/// socket(2): types by their numbers.
const KINDS: [(u16, &str); 5] = [(1, "stream"), (2, "dgram"), (3, "raw"), (4, "rdm"), (5, "seqpacket")];

/// Protocols of the inet families (protocols(5)).
const PROTOCOLS: [(u16, &str); 9] = [
    (1, "icmp"),
    (2, "igmp"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (58, "icmpv6"),
    (132, "sctp"),
    (136, "udplite"),
    (255, "raw"),
];
const NETLINK: u16 = 16;
/// In stat(2)'s mode: what kind of file, and a directory.
const KIND_MASK: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;

fn named<K: PartialEq + Copy>(table: &[(K, &'static str)], number: K) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// What a denial was about, as the jail's processes chose it; `None` where the kernel does not tell.
pub fn object(denial: &Denial) -> Option<String> {
    let about = match denial.object {
        Object::Nothing => None,
        Object::Process(pid) => Some(format!("process {pid}")),
        Object::Port { address, port, protocol } => Some(format!("port {}", binding(address, port, protocol))),
        Object::Capability(number) => {
            let name = usize::try_from(number).ok().and_then(|at| CAPABILITIES.get(at));
            Some(name.map_or_else(|| format!("capability {number}"), |name| format!("capability {name}")))
        }
        Object::Device { major, minor } => Some(format!("device {major}:{minor}")),
        Object::Socket { family, kind, protocol } => Some(socket(family, kind, protocol)),
        Object::File(magic) => Some(named(&FILE_SYSTEMS, magic).map_or_else(|| format!("fs {magic:#x}"), str::to_owned)),
        Object::Descriptor(mode) if mode & KIND_MASK == DIRECTORY => Some("a directory".to_owned()),
        Object::Destination { address, port, protocol } => Some(format!("to {}", destination(address, port, protocol))),
        Object::Descriptor(_) => Some("a namespace or ring".to_owned()),
    };
    match (&denial.subject, about) {
        (Some(subject), Some(about)) => Some(format!("{}, {about}", place(subject))),
        (Some(subject), None) => Some(place(subject)),
        (None, about) => about,
    }
}

/// As a rule of `connect` has it.
fn destination(address: IpAddr, port: u16, protocol: Option<Protocol>) -> String {
    match protocol {
        Some(protocol) => format!("{}/{protocol}", SocketAddr::new(address, port)),
        None => address.to_string(),
    }
}

/// As an entry of `ports` has it.
fn binding(address: IpAddr, port: u16, protocol: Option<Protocol>) -> String {
    let place = if address.is_unspecified() { port.to_string() } else { SocketAddr::new(address, port).to_string() };
    protocol.map_or(place.clone(), |protocol| format!("{place}/{protocol}"))
}

/// A name without its path is told as one.
fn place(subject: &str) -> String {
    if subject.starts_with('/') { subject.to_owned() } else { format!(".../{subject}") }
}

/// As the part of the right to it is called.
fn netlink(protocol: u16) -> Option<&'static str> {
    let part = part_of(Action::Socket { family: NETLINK.into(), kind: 0, protocol: protocol.into() });
    if protocol == 0 { Some("route") } else { part?.name().strip_prefix("netlink:") }
}

/// `socket inet raw icmp`, as socket(2) takes them.
fn socket(family: u16, kind: u16, protocol: u16) -> String {
    let number = |named: Option<&str>, number: u16| named.map_or_else(|| number.to_string(), str::to_owned);
    let family_name = number(named(&FAMILIES, family), family);
    let kind_name = number(named(&KINDS, kind), kind);
    match (family, protocol) {
        (NETLINK, _) => format!("socket {family_name} {}", number(netlink(protocol), protocol)),
        (_, 0) => format!("socket {family_name} {kind_name}"),
        (2 | 10, _) => format!("socket {family_name} {kind_name} {}", number(named(&PROTOCOLS, protocol), protocol)),
        _ => format!("socket {family_name} {kind_name} {protocol}"),
    }
}

/// `ping (pid 812) was denied ping (socket inet raw icmp)`.
pub fn sentence(denial: &Denial) -> String {
    let about = object(denial).map_or(String::new(), |object| format!(" ({})", printable(&object)));
    let verdict = if denial.audited { "used the audited right" } else { "was denied" };
    format!("{} (pid {}) {verdict} {}{about}", printable(&denial.command), denial.pid, denial.right)
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

    fn denial(right: &str, object: Object) -> Denial {
        let (jid, right) = (Jid::new(3).unwrap(), right.parse().unwrap());
        let command = "ping".to_owned();
        Denial { jid, right, audited: false, pid: 812, command, object, subject: None, when_ns: 5_000_000_000 }
    }

    fn socket(family: u16, kind: u16, protocol: u16) -> Object {
        Object::Socket { family, kind, protocol }
    }

    fn about(right: &str, object: Object, subject: &str) -> Denial {
        Denial { subject: Some(subject.into()), ..denial(right, object) }
    }

    #[test]
    fn each_kind_of_object_has_its_words() {
        let told = [
            denial("ping", socket(2, 3, 1)),
            denial("ping", Object::Capability(13)),
            denial("packet_socket", socket(17, 3, 768)),
            denial("socket_family", socket(99, 1, 0)),
            denial("socket_family", socket(2, 1, 132)),
            denial("netlink", socket(16, 3, 16)),
            denial("netlink", socket(16, 3, 99)),
            denial("port_foreign", Object::Port { address: "::".parse().unwrap(), port: 8080, protocol: Some(Protocol::Tcp) }),
            denial(
                "port_foreign",
                Object::Port { address: "127.0.0.2".parse().unwrap(), port: 53, protocol: Some(Protocol::Udp) },
            ),
            denial("port_foreign", Object::Port { address: "::".parse().unwrap(), port: 9899, protocol: None }),
            denial("connect", Object::Destination { address: [192, 0, 2, 7].into(), port: 443, protocol: Some(Protocol::Tcp) }),
            denial(
                "connect",
                Object::Destination { address: "fd00::7".parse().unwrap(), port: 53, protocol: Some(Protocol::Udp) },
            ),
            denial("connect", Object::Destination { address: [192, 0, 2, 7].into(), port: 0, protocol: None }),
            denial("privileged_port", Object::Capability(10)),
            about("device", Object::Device { major: 8, minor: 1 }, "/dev/sda1"),
            about("mknod", Object::Device { major: 1, minor: 1 }, "mem"),
            about("sysctl_write", Object::File(0x9fa0), "/proc/sys/kernel/core_pattern"),
            about("kernel_fs_write", Object::File(0x1234_5678), "b\u{1b}[2J"),
            about("mount", Object::Nothing, "/mnt"),
            denial("process_signal", Object::Process(1)),
            denial("descriptor_receive", Object::Descriptor(0o040_755)),
            denial("namespaces", Object::Capability(21)),
            denial("namespaces", Object::Capability(4711)),
            denial("quota", Object::Nothing),
            Denial { audited: true, ..denial("chroot", Object::Capability(18)) },
        ];
        insta::assert_snapshot!(told.iter().map(sentence).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_process_that_names_itself_cleverly_moves_no_cursor() {
        let clever = Denial { command: "\u{1b}[2J\u{202e}".into(), ..denial("mount", Object::Nothing) };
        assert!(!sentence(&clever).chars().any(char::is_control));
    }

    #[test]
    fn equal_neighbours_are_counted_and_the_oldest_go() {
        let mut denials = Denials::default();
        let now = (6_000_000_000, 1_795_472_160_007);
        denials.add(
            &[denial("mount", Object::Nothing), denial("mount", Object::Nothing), denial("ping", socket(2, 3, 1))],
            4,
            now,
        );
        assert_eq!(
            denials.lines(Jid::new(3).unwrap(), 9),
            [
                "2026-11-23T22:15:59.007Z ping (pid 812) was denied mount, 2 times",
                "2026-11-23T22:15:59.007Z ping (pid 812) was denied ping (socket inet raw icmp)"
            ]
        );
        assert_eq!((denials.lines(Jid::new(3).unwrap(), 1).len(), denials.lines(Jid::new(4).unwrap(), 9).len()), (1, 0));
        denials.add(&vec![denial("mount", Object::Nothing); 2 * KEPT], 0, now);
        assert_eq!((denials.of(Jid::new(3).unwrap()).count(), denials.lost), (KEPT, 4));
    }
}
