//! The values that cross the kernel boundary, parsed once at the edge.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::connect::ConnectRule;
use super::object::Object;
use super::policy::{self, Right, RightSet, Verdict};
use super::reservation::Reservation;

/// A jail's number in the kernel: from 1, never reused while the module is loaded. The host is jid 0, which this type
/// cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Jid(NonZeroU32);

impl Jid {
    /// `None` for 0, the host.
    pub fn new(raw: u32) -> Option<Self> {
        NonZeroU32::new(raw).map(Jid)
    }

    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A jail's name: `[A-Za-z0-9]([A-Za-z0-9._-]{0,62})`, not all digits, no `..`. Safe as a file name and in a log line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JailName(String);

/// Why a text is no jail name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is not a jail name: {why}; use letters, digits, \".\", \"_\" and \"-\", at most 63, starting with a letter or digit"
)]
pub struct NameError {
    pub name: String,
    pub why: &'static str,
}

impl JailName {
    /// Longest name, in bytes.
    pub const MAX: usize = 63;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JailName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = |why| Err(NameError { name: text.chars().take(80).collect(), why });
        if text.is_empty() {
            return bad("it is empty");
        }
        if text.len() > Self::MAX {
            return bad("it is too long");
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return bad("it does not start with a letter or digit");
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return bad("it holds another character");
        }
        if text.contains("..") {
            return bad("it holds \"..\"");
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return bad("it is all digits, which is how a jid is written");
        }
        Ok(JailName(text.to_owned()))
    }
}

impl TryFrom<String> for JailName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<JailName> for String {
    fn from(name: JailName) -> String {
        name.0
    }
}

impl fmt::Display for JailName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A TCP or UDP port number, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u16")]
pub struct Port(u16);

/// Why a value is no port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a port; use a number from 1 to 65535")]
pub struct PortError(pub String);

impl Port {
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Port {
    type Error = PortError;

    fn try_from(number: i64) -> Result<Self, PortError> {
        match u16::try_from(number) {
            Ok(port) if port != 0 => Ok(Port(port)),
            _ => Err(PortError(number.to_string())),
        }
    }
}

impl FromStr for Port {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = if digits { text.parse::<i64>().ok() } else { None };
        number.and_then(|n| Port::try_from(n).ok()).ok_or_else(|| PortError(format!("{text:?}")))
    }
}

impl From<Port> for u16 {
    fn from(port: Port) -> u16 {
        port.0
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a jail may do: the rights its profile grants, the ports it owns, and where it may connect to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    pub rights: RightSet,
    /// Not held, but let through and told. Says nothing of a right that is held, and opens no fence and no
    /// grave right.
    pub audited: RightSet,
    /// At most [`Reservation::MAX`], no two of which overlap, of at most [`Reservation::MAX_PORTS`] ports in all.
    pub ports: Vec<Reservation>,
    /// Where it may connect and send to without the right `connect`; means nothing to a jail that holds it. At most
    /// [`ConnectRule::MAX`].
    pub connect: Vec<ConnectRule>,
}

impl Policy {
    /// With nothing audited.
    pub fn new(rights: RightSet, ports: Vec<Reservation>) -> Policy {
        Policy { rights, ports, ..Policy::default() }
    }

    /// What becomes of a use of the right.
    pub fn judge(&self, right: Right) -> Verdict {
        policy::judge(self.rights, self.audited, right)
    }

    /// All that is let through, told or not.
    pub fn open(&self) -> RightSet {
        self.audited.iter().filter(|right| !right.is_grave()).fold(self.rights, RightSet::with)
    }
}

/// What the kernel is told of a new jail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JailDef {
    pub name: JailName,
    /// The root as the host sees it; shown in listings, at most 255 bytes.
    pub root: String,
    /// Name of the profile the rights came from; shown in listings, at most 31 bytes.
    pub profile: String,
    pub policy: Policy,
}

/// A jail as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JailInfo {
    pub jid: Jid,
    pub name: JailName,
    pub root: String,
    pub profile: String,
    pub policy: Policy,
    /// Processes counted by the kernel, zombies included.
    pub processes: u64,
    /// A supervisor holds the jail.
    pub held: bool,
    /// Being stopped: no process can enter or fork any more.
    pub closing: bool,
}

/// One process of a jail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub pid: i32,
    /// Short command name, at most 15 bytes, as the process chose it.
    pub command: String,
}

/// One snapshot of one jail.
#[derive(Debug, Clone, PartialEq)]
pub struct JailStats {
    pub jid: Jid,
    pub name: JailName,
    pub root: String,
    /// CPU time of the last sampled second, in clock ticks (1/100 s).
    pub cpu_ticks_1s: u64,
    /// Mean of the last up to ten samples, in clock ticks per second.
    pub cpu_ticks_10s: f64,
    /// Live processes.
    pub processes: u64,
    /// Processes and zombies, and the supervisor's hold.
    pub references: u64,
    /// Sum of the members' virtual sizes, in bytes.
    pub vmem_bytes: u64,
    /// CPU time of all members since creation, exited ones included, in microseconds.
    pub cpu_usec: u64,
    /// Denials since creation, per right; rights without one are left out. `None`: this body counts none.
    pub denials: Option<BTreeMap<Right, u64>>,
    /// The same for uses of audited rights, which were let through and are no denials.
    pub audits: Option<BTreeMap<Right, u64>>,
    /// Every right is let through to it and told, because somebody learns what it needs.
    pub learning: bool,
}

/// What a jail uses now and how often it came to a limit, as its control groups tell; `None` where no group counts it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory in use: anonymous, page cache, and the kernel's own for the jail.
    pub memory_bytes: Option<u64>,
    /// The most it was.
    pub memory_peak_bytes: Option<u64>,
    /// Anonymous memory in use.
    pub resident_bytes: Option<u64>,
    /// Processes that were killed because memory reached its limit.
    pub oom_kills: Option<u64>,
    /// Periods of the quota in which it was used up.
    pub throttled_periods: Option<u64>,
    /// Time that members waited for the next period, in microseconds.
    pub throttled_usec: Option<u64>,
    /// Processes that were refused because the limit was reached.
    pub forks_refused: Option<u64>,
    /// Open files, counted once however many descriptors lead to one. Counted for a jail that has a limit of them.
    pub files: Option<u64>,
    /// Read from disks, in bytes.
    pub io_read_bytes: Option<u64>,
    /// Written to disks, in bytes; version 1 of control groups does not see what the page cache writes later.
    pub io_written_bytes: Option<u64>,
    /// Received by sockets that were made in the jail, in bytes of IP packets.
    pub network_received_bytes: Option<u64>,
    /// Sent by them.
    pub network_sent_bytes: Option<u64>,
    /// Files that were not opened because the limit was reached.
    pub files_refused: Option<u64>,
    /// Space that the files of the data layer take, in bytes. Counted for a jail that has, or had, a limit of it.
    pub disk_bytes: Option<u64>,
    /// How many files, directories included.
    pub disk_files: Option<u64>,
}

/// One action that the kernel refused, or let through though no right allows it, because that right is audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub jid: Jid,
    pub right: Right,
    /// Let through.
    pub audited: bool,
    pub pid: i32,
    pub command: String,
    pub object: Object,
    /// A path as the process saw it; without a slash in front the last name of one. As the jail chose it.
    pub subject: Option<String>,
    /// Nanoseconds of the monotonic clock.
    pub when_ns: u64,
}

/// So many processes, as one says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processes(pub usize);

impl fmt::Display for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} process{}", self.0, if self.0 == 1 { "" } else { "es" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_is_one() {
        assert_eq!([0, 1, 2].map(|n| Processes(n).to_string()), ["0 processes", "1 process", "2 processes"]);
    }

    #[test]
    fn names_that_could_be_paths_options_or_jids_are_refused() {
        for bad in ["", "../x", "a/b", "..", ".a", "-a", "a..b", "123", "a b", "a\nb", "ü", "a\0b"] {
            assert!(bad.parse::<JailName>().is_err(), "{bad:?} must be refused");
        }
        assert!("a".repeat(64).parse::<JailName>().is_err());
    }

    #[test]
    fn ordinary_names_are_taken() {
        for good in ["web", "a", "1a", "web-1.example_x"] {
            assert_eq!(good.parse::<JailName>().unwrap().as_str(), good);
        }
        assert!("a".repeat(63).parse::<JailName>().is_ok());
    }

    #[test]
    fn ports_are_decimal_and_from_1_to_65535() {
        for bad in ["", "0", "65536", "-1", "+80", "0x50", "80 ", "99999999999999999999"] {
            assert!(bad.parse::<Port>().is_err(), "{bad:?} must be refused");
        }
        assert_eq!("8080".parse::<Port>().unwrap().get(), 8080);
        assert!(Port::try_from(-1_i64).is_err());
    }
}
