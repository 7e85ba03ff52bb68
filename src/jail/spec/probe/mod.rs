//! The catalogue of probes: concrete actions that a profile can promise to allow or deny, by the words a person would use,
//! and what each asks the policy. Pure; [`crate::jail::proof`] tries them.

mod file;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::nearest;
use super::profile::meant as meant_right;
use crate::kernel::policy::Action;
use crate::kernel::sim::Deed;
use crate::kernel::{Port, PortError, Protocol, Reservation, ReservationError, Right};

/// An action, small enough to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// `bind 80`, `bind 53/udp`, `bind 127.0.0.2:53/udp`: a socket on that port, of every IPv4 address where none is named.
    Bind { address: Option<IpAddr>, port: Port, udp: bool },
    /// `open /dev/sda`, and with `write` `write /proc/sys/kernel/hostname`: opening, without reading or writing.
    Open { path: String, write: bool },
    /// Anything that takes no argument, by its name.
    Feat(&'static Feat),
}

/// A probe without argument.
#[derive(Debug, PartialEq, Eq)]
pub struct Feat {
    pub name: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
    asks: &'static [Ask],
}

/// What the kernel asks when it happens, by the names of the rights table.
#[derive(Debug, PartialEq, Eq)]
enum Ask {
    Capability(u32),
    Mknod(u32),
    Socket(u32, u32, u32),
    /// A right as such.
    Right(&'static str),
    /// On a process of the host; denied by this fence.
    Host(&'static str),
}

const fn feat(name: &'static str, does: &'static str, asks: &'static [Ask]) -> Feat {
    Feat { name, does, asks }
}

/// Capabilities are numbers of capabilities(7), sockets those of socket(2) and netlink(7).
pub const FEATS: [Feat; 40] = [
    feat("ping", "a raw ICMP socket, as ping(8) opens", &[Ask::Socket(2, 3, 1)]),
    feat("raw_socket", "a raw IP socket", &[Ask::Socket(2, 3, 255)]),
    feat("packet_socket", "a packet socket on no link", &[Ask::Socket(17, 3, 0)]),
    feat("socket_family", "a socket of the kernel's cryptography", &[Ask::Socket(38, 5, 0)]),
    feat("netlink_route", "a netlink socket that lists addresses and routes", &[Ask::Socket(16, 3, 0)]),
    feat("netlink", "a generic netlink socket", &[Ask::Socket(16, 3, 16)]),
    feat("connect", "a datagram socket whose other end is this machine", &[Ask::Right("connect")]),
    feat("net_admin", "a receive buffer beyond the limit", &[Ask::Capability(12)]),
    feat("mount", "a temporary file system on a fresh directory", &[Ask::Right("mount"), Ask::Capability(21)]),
    feat("chroot", "the root as root", &[Ask::Capability(18)]),
    feat("mknod", "a node of a block device, removed again", &[Ask::Mknod(libc::S_IFBLK)]),
    feat("ptrace", "a child that asks to be traced", &[Ask::Right("ptrace")]),
    feat("userns", "a user namespace for a child", &[Ask::Right("userns")]),
    feat("namespaces", "a host name of a child's own", &[Ask::Capability(21)]),
    feat("swap", "an end to a swap file that does not exist", &[Ask::Right("swap")]),
    feat("time", "a wrong setting of the clock, refused as such", &[Ask::Capability(25)]),
    feat("reboot", "a reboot without the words that make it one", &[Ask::Capability(22)]),
    feat("kernel_module", "the removal of a module that does not exist", &[Ask::Capability(16)]),
    feat("bpf", "a map of one number", &[Ask::Right("bpf")]),
    feat("perf", "a counter of the probe's own time", &[Ask::Right("perf")]),
    feat("keyring", "a key in the probe's own keyring", &[Ask::Right("keyring")]),
    feat("syslog_read", "the size of the kernel's log", &[Ask::Capability(34)]),
    feat("raw_io", "permission for one I/O port", &[Ask::Capability(17)]),
    feat("accounting", "accounting to a file that does not exist", &[Ask::Capability(20)]),
    feat("quota", "writing quotas out", &[Ask::Right("quota")]),
    feat("file_handle", "the root by its file handle", &[Ask::Capability(2)]),
    feat("priority", "a raised priority for a child", &[Ask::Capability(23)]),
    feat("resource", "a raised hard limit for a child", &[Ask::Capability(24)]),
    feat("tty", "hanging up no terminal", &[Ask::Capability(26)]),
    feat("immutable", "the immutable flag on a fresh file", &[Ask::Capability(9)]),
    feat("io_uring", "a ring that is asked nothing", &[Ask::Right("io_uring")]),
    feat("io_uring_poll", "a ring with a polling thread", &[Ask::Right("io_uring_poll"), Ask::Right("io_uring")]),
    feat("userfaultfd", "a descriptor for page faults", &[Ask::Right("userfaultfd")]),
    feat("ipc_override", "memory locked beyond a limit of none", &[Ask::Capability(14)]),
    feat("file_capability", "a capability on a fresh file", &[Ask::Capability(31)]),
    feat("wake", "a timer that would wake the host", &[Ask::Capability(35)]),
    feat("see host", "a look at process 1 in /proc", &[Ask::Host("process_see")]),
    feat("signal host", "signal 0 for process 1", &[Ask::Host("process_signal")]),
    feat("trace host", "a look into the memory of process 1", &[Ask::Host("process_trace")]),
    feat("schedule host", "the priority of process 1, set to what it is", &[Ask::Host("process_schedule")]),
];

/// The forms of probes with an argument.
const FORMS: [&str; 5] = ["bind PORT", "bind PORT/udp", "bind ADDRESS:PORT", "open PATH", "write PATH"];
/// capabilities(7): binding ports below 1024.
const CAP_NET_BIND_SERVICE: u32 = 10;
const FIRST_FREE_PORT: u16 = 1024;
const MAX_PATH: usize = 4095;

/// What a profile promises something of: a probe, or a right as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Example {
    Probe(Probe),
    Right(Right),
}

/// Why a text is no example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExampleError {
    #[error("{text:?} is neither a probe nor a right{}; see jailsh profile probes", meant(.hint))]
    Unknown { text: String, hint: Option<String> },
    #[error("{text:?}: {error}")]
    Port { text: String, error: PortError },
    #[error("{text:?}: {error}")]
    Place { text: String, error: ReservationError },
    #[error("{0:?} names no absolute path; write open /dev/sda")]
    Path(String),
}

fn meant(hint: &Option<String>) -> String {
    hint.as_ref().map(|hint| format!("; did you mean {hint:?}?")).unwrap_or_default()
}

impl FromStr for Example {
    type Err = ExampleError;

    fn from_str(given: &str) -> Result<Example, ExampleError> {
        let text = given.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(feat) = FEATS.iter().find(|feat| feat.name == text) {
            return Ok(Example::Probe(Probe::Feat(feat)));
        }
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let write = verb == "write";
        match verb {
            "bind" => {
                let (port, udp) = match rest.split_once('/') {
                    Some((port, "udp")) => (port, true),
                    Some((port, "tcp")) => (port, false),
                    _ => (rest, false),
                };
                let (address, port) = match port.parse::<Reservation>() {
                    Ok(place) if place.address().is_some() && place.count() == 1 => {
                        (place.address(), place.ports().0.to_string())
                    }
                    Err(error) if port.contains(':') => return Err(ExampleError::Place { text, error }),
                    _ => (None, port.to_owned()),
                };
                let port = port.parse().map_err(|error| ExampleError::Port { text: text.clone(), error })?;
                Ok(Example::Probe(Probe::Bind { address, port, udp }))
            }
            "open" | "write" => {
                // A path may hold blanks of its own.
                let path = given.trim_start().strip_prefix(verb).unwrap_or_default().trim();
                if !path.starts_with('/') || path.len() > MAX_PATH || path.chars().any(char::is_control) {
                    return Err(ExampleError::Path(text));
                }
                Ok(Example::Probe(Probe::Open { path: path.to_owned(), write }))
            }
            _ => match text.parse() {
                Ok(right) => Ok(Example::Right(right)),
                Err(()) => {
                    let known = FEATS.iter().map(|feat| feat.name).chain(FORMS).chain(Right::all().map(Right::name));
                    let form = || nearest(verb, ["bind", "open", "write"]).filter(|_| !rest.is_empty());
                    let other = || meant_right(&text).map(|right| right.name().to_owned());
                    let hint = other().or_else(|| nearest(&text, known)).or_else(form);
                    Err(ExampleError::Unknown { text, hint })
                }
            },
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Bind { address, port, udp } => {
                let protocol = if *udp { "/udp" } else { "" };
                match address {
                    None => write!(f, "bind {port}{protocol}"),
                    Some(address) => write!(f, "bind {}{protocol}", SocketAddr::new(*address, port.get())),
                }
            }
            Probe::Open { path, write } => write!(f, "{} {path}", if *write { "write" } else { "open" }),
            Probe::Feat(feat) => f.write_str(feat.name),
        }
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Example::Probe(probe) => probe.fmt(f),
            Example::Right(right) => right.fmt(f),
        }
    }
}

impl Serialize for Example {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Probe {
    /// What a process that does it is judged by, in this order; all must be allowed.
    pub fn deeds(&self) -> Vec<Deed> {
        match self {
            Probe::Bind { address, port, udp } => {
                let at = SocketAddr::new(address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port.get());
                let protocol = if *udp { Protocol::Udp } else { Protocol::Tcp };
                let privileged = port.get() < FIRST_FREE_PORT;
                let capability = privileged.then_some(Deed::Act(Action::Capability(CAP_NET_BIND_SERVICE)));
                capability.into_iter().chain([Deed::Bind(at, Some(protocol))]).collect()
            }
            Probe::Open { path, write } => vec![Deed::Act(file::action(path, *write))],
            Probe::Feat(feat) => feat.asks.iter().map(Ask::deed).collect(),
        }
    }
}

impl Ask {
    fn deed(&self) -> Deed {
        let named = |name: &str| name.parse().expect("a right of the rights table");
        match *self {
            Ask::Capability(cap) => Deed::Act(Action::Capability(cap)),
            Ask::Mknod(mode) => Deed::Act(Action::Mknod(mode)),
            Ask::Socket(family, kind, protocol) => Deed::Act(Action::Socket { family, kind, protocol }),
            Ask::Right(name) => Deed::Use(named(name)),
            Ask::Host(fence) => Deed::Process { target: 0, fence: named(fence) },
        }
    }
}

impl Example {
    pub fn deeds(&self) -> Vec<Deed> {
        match self {
            Example::Probe(probe) => probe.deeds(),
            Example::Right(right) => vec![Deed::Use(*right)],
        }
    }

    /// The right it turns on; `None`: free to every jail.
    pub fn right(&self) -> Option<Right> {
        self.deeds().into_iter().find_map(Deed::right)
    }

    /// What is tried for it: itself, or what stands for the right; `None` if nothing harmless does.
    pub fn probe(&self) -> Option<Probe> {
        let open = |path: &str, write| Some(Probe::Open { path: path.to_owned(), write });
        let right = match self {
            Example::Probe(probe) => return Some(probe.clone()),
            Example::Right(right) => match right.device() {
                Some((name, ..)) => return open(&format!("/dev/{name}"), false),
                None => right.name(),
            },
        };
        match right {
            "privileged_port" => Some(Probe::Bind { address: None, port: Port::try_from(1).ok()?, udp: false }),
            "device" => open("/dev/mem", false),
            "sysctl_write" => open("/proc/sys/kernel/hostname", true),
            "kernel_fs_write" => open("/sys/kernel/uevent_helper", true),
            "process_see" | "process_signal" | "process_trace" | "process_schedule" => {
                let is_it = |feat: &&Feat| feat.asks.iter().any(|ask| matches!(ask, Ask::Host(fence) if *fence == right));
                FEATS.iter().find(is_it).map(Probe::Feat)
            }
            _ => None,
        }
    }
}

/// Every probe as it is written, with what it does and the right it turns on; a right's name stands for what takes an
/// argument.
pub fn catalogue() -> Vec<(&'static str, &'static str, Option<Right>)> {
    let named = |name: &str| name.parse().ok();
    let mut found = vec![
        ("bind PORT", "a TCP socket on the port; below 1024 it takes a right", named("privileged_port")),
        ("bind PORT/udp", "a UDP socket on the port", named("privileged_port")),
        ("bind ADDRESS:PORT", "the same on one address", named("privileged_port")),
        ("open PATH", "opening a file or device for reading", None),
        ("write PATH", "opening it for writing, without writing", None),
    ];
    let feats = FEATS.iter().map(|feat| (feat.name, feat.does, Example::Probe(Probe::Feat(feat)).right()));
    found.extend(feats);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn right(text: &str) -> Option<&'static str> {
        text.parse::<Example>().unwrap_or_else(|error| panic!("{error}")).right().map(Right::name)
    }

    #[test]
    fn a_feat_named_as_a_right_asks_that_right_first() {
        for feat in &FEATS {
            if feat.name.parse::<Right>().is_ok() {
                assert_eq!(right(feat.name), Some(feat.name), "{}", feat.name);
            }
        }
    }

    #[test]
    fn people_s_words_lead_to_the_right_that_decides() {
        let cases = [
            ("bind 80", Some("privileged_port")),
            ("bind 53/udp", Some("privileged_port")),
            ("bind 127.0.0.2:53/udp", Some("privileged_port")),
            ("bind [::1]:8080", Some("port_foreign")),
            ("bind 8080", Some("port_foreign")),
            ("ping", Some("ping")),
            ("open /dev/sda", Some("device")),
            ("open /dev/null", None),
            ("open /dev/pts/3", None),
            ("write /proc/sys/kernel/hostname", Some("sysctl_write")),
            ("open /proc/sys/kernel/hostname", None),
            ("write /proc/self/oom_score_adj", None),
            ("open /proc/kmsg", Some("syslog_read")),
            ("write /sys/power/state", Some("kernel_fs_write")),
            ("open /sys/kernel/debug/sched", Some("kernel_fs_write")),
            ("open /etc/passwd", None),
            ("signal host", Some("process_signal")),
            ("mac_audit", Some("mac_audit")),
        ];
        for (text, expected) in cases {
            assert_eq!(right(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_example_is_told_with_what_may_have_been_meant() {
        let texts = [
            "",
            "bnid 80",
            "bind",
            "bind 99999",
            "bind 80/sctp",
            "bind 127.0.0.2:0",
            "bind 80-90",
            "bind ::1:80",
            "open",
            "open etc/passwd",
            "pnig",
            "mount /",
        ];
        let messages: Vec<String> = texts.iter().map(|text| text.parse::<Example>().unwrap_err().to_string()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn the_catalogue_is_as_documented() {
        let line = |(name, does, right): (&str, &str, Option<Right>)| {
            format!("{name:<16} {:<18} {does}", right.map_or("by path", Right::name))
        };
        insta::assert_snapshot!(catalogue().into_iter().map(line).collect::<Vec<_>>().join("\n"));
    }

    proptest! {
        #[test]
        fn an_example_reads_back_as_it_prints(text in "(bind|open|write) ?/?([ -~]{0,12}|[0-9.:\\[\\]]{0,12}(/udp)?)|[a-z_ ]{1,12}") {
            if let Ok(example) = text.parse::<Example>() {
                prop_assert_eq!(example.to_string().parse::<Example>().unwrap(), example);
            }
        }
    }
}
