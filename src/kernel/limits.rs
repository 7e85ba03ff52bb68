//! What a jail as a whole may take of the machine, as typed values. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Limits of one jail; what is absent is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Processor time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuQuota>,
    /// Share of the processors where they are wanted by several, 1 to 10000; others have 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_weight: Option<CpuWeight>,
    /// Memory in use: anonymous, page cache, and the kernel's own for the jail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Above this the jail's memory is taken back first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_soft: Option<Bytes>,
    /// Swap, beside memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Bytes>,
    /// Processes at a time, threads included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Open files at a time: files, sockets, pipes' ends and all else that a descriptor leads to, each counted once however
    /// many descriptors, mappings and messages hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u32>,
    /// Memory of TCP sockets' buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_buffers: Option<Bytes>,
    /// Bytes a second read from the disk of the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_read: Option<Bytes>,
    /// Bytes a second written to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_write: Option<Bytes>,
    /// Space that the files of the data layer take of their file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Bytes>,
}

impl Limits {
    pub fn is_empty(&self) -> bool {
        *self == Limits::default()
    }

    /// Space on disks is kept in blocks of the file system, of which none has larger ones.
    const DISK_STEP: u64 = 64 << 10;

    /// As the kernel keeps them: memory in whole pages, disk space in whole blocks.
    #[must_use]
    pub fn as_kept(&self) -> Limits {
        let paged = |bytes: Option<Bytes>| bytes.map(|Bytes(bytes)| Bytes(bytes & !(page_size() - 1)));
        Limits {
            memory: paged(self.memory),
            memory_soft: paged(self.memory_soft),
            swap: paged(self.swap),
            socket_buffers: paged(self.socket_buffers),
            disk: self.disk.map(|Bytes(bytes)| Bytes(bytes & !(Self::DISK_STEP - 1))),
            ..self.clone()
        }
    }

    /// What differs from `old`, a line a limit: `memory: 256M -> 512M`.
    pub fn diff(&self, old: &Limits) -> Vec<String> {
        let (new, old) = (self.entries(), old.entries());
        let value = |entries: &[(&str, String)], key: &str| {
            entries.iter().find(|(known, _)| *known == key).map_or_else(|| "no limit".to_owned(), |(_, value)| value.clone())
        };
        let mut keys: Vec<&str> = old.iter().chain(&new).map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let pairs = keys.into_iter().map(|key| (key, value(&old, key), value(&new, key)));
        pairs.filter(|(_, old, new)| old != new).map(|(key, old, new)| format!("{key}: {old} -> {new}")).collect()
    }

    /// What is limited, each as its key and its value in the form that a spec takes.
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        fn said<T: fmt::Display>(key: &'static str, value: Option<T>) -> Option<(&'static str, String)> {
            value.map(|value| (key, value.to_string()))
        }
        [
            said("cpu", self.cpu),
            said("cpu_weight", self.cpu_weight),
            said("memory", self.memory),
            said("memory_soft", self.memory_soft),
            said("swap", self.swap),
            said("processes", self.processes),
            said("files", self.files),
            said("socket_buffers", self.socket_buffers),
            said("io_read", self.io_read),
            said("io_write", self.io_write),
            said("disk", self.disk),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn page_size() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |size| size as u64)
}

/// A number of bytes. Written with a binary unit where it is a whole number of it: `512M`, `1G`, `1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

const UNITS: [(char, u64); 4] = [('T', 1 << 40), ('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size; use a number of bytes, or one with K, M, G or T as in \"512M\" (1024 bytes in a K)")]
pub struct BytesError(String);

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Bytes, BytesError> {
        let bad = || BytesError(text.chars().take(40).collect());
        let (number, scale) = UNITS
            .iter()
            .find_map(|(unit, scale)| Some((text.strip_suffix([*unit, unit.to_ascii_lowercase()])?, *scale)))
            .unwrap_or((text, 1));
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(scale)).ok_or_else(bad)?;
        // The kernel counts in pages, signed.
        (bytes <= i64::MAX as u64).then_some(Bytes(bytes)).ok_or_else(bad)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale)) {
            Some((unit, scale)) => f.pad(&format!("{}{unit}", self.0 / scale)),
            None => f.pad(&self.0.to_string()),
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// So many microseconds of processor time in each period, of all processors together. `50%` is half of one processor;
/// another period than 100 ms is written out: `20ms/1s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuQuota {
    quota_usec: u64,
    period_usec: u64,
}

/// Why a text is no share of a processor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no share of a processor; use a percentage of one as \"50%\" or \"200%\", or time and period as \"20ms/100ms\" (1 ms or more in 1 ms to 1 s)"
)]
pub struct CpuError(pub String);

impl CpuQuota {
    /// The kernel's bounds of a period (kernel/sched/core.c), and the least of a quota.
    const PERIODS: std::ops::RangeInclusive<u64> = 1_000..=1_000_000;
    const LEAST: u64 = 1_000;
    /// The kernel's own default.
    const USUAL: u64 = 100_000;
    /// More than any machine has.
    const MOST_PROCESSORS: u64 = 8192;

    /// `None` for what the kernel does not take.
    pub fn new(quota_usec: u64, period_usec: u64) -> Option<CpuQuota> {
        let holds = Self::PERIODS.contains(&period_usec)
            && quota_usec >= Self::LEAST
            && quota_usec <= period_usec * Self::MOST_PROCESSORS;
        holds.then_some(CpuQuota { quota_usec, period_usec })
    }

    pub fn quota_usec(self) -> u64 {
        self.quota_usec
    }

    pub fn period_usec(self) -> u64 {
        self.period_usec
    }

    fn parse(text: &str) -> Option<CpuQuota> {
        if let Some(percent) = text.strip_suffix('%') {
            let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
            let digits = |text: &str| !text.is_empty() && text.len() <= 7 && text.bytes().all(|b| b.is_ascii_digit());
            if !digits(whole) || !digits(part) || part.len() > 1 {
                return None;
            }
            let tenths = whole.parse::<u64>().ok()? * 10 + part.parse::<u64>().ok()?;
            return CpuQuota::new(tenths * Self::USUAL / 1000, Self::USUAL);
        }
        let (quota, period) = text.split_once('/')?;
        CpuQuota::new(span(quota)?, span(period)?)
    }
}

/// `20ms`, `1s`, `1500us` in microseconds.
fn span(text: &str) -> Option<u64> {
    let (number, scale) =
        [("us", 1), ("ms", 1_000), ("s", 1_000_000)].iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse::<u64>().ok()?.checked_mul(scale)).flatten()
}

impl FromStr for CpuQuota {
    type Err = CpuError;

    fn from_str(text: &str) -> Result<CpuQuota, CpuError> {
        CpuQuota::parse(text).ok_or_else(|| CpuError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for CpuQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenth = Self::USUAL / 1000;
        if self.period_usec != Self::USUAL || !self.quota_usec.is_multiple_of(tenth) {
            return write!(f, "{}/{}", Span(self.quota_usec), Span(self.period_usec));
        }
        match (self.quota_usec / tenth / 10, self.quota_usec / tenth % 10) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, part) => write!(f, "{whole}.{part}%"),
        }
    }
}

struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            usec if usec.is_multiple_of(1_000_000) => write!(f, "{}s", usec / 1_000_000),
            usec if usec.is_multiple_of(1_000) => write!(f, "{}ms", usec / 1_000),
            usec => write!(f, "{usec}us"),
        }
    }
}

impl Serialize for CpuQuota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// 1 to 10000; groups that were told nothing have 100 (cgroup-v2.rst, "Weights").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CpuWeight(u32);

impl CpuWeight {
    /// `None` outside of 1 to 10000.
    pub fn new(weight: u32) -> Option<CpuWeight> {
        (1..=10_000).contains(&weight).then_some(CpuWeight(weight))
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CpuWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_written_as_short_as_they_are_exact() {
        let sizes = ["0", "1000", "1024", "1536K", "512M", "1g", "2T"].map(|text| text.parse::<Bytes>().unwrap().to_string());
        assert_eq!(sizes, ["0", "1000", "1K", "1536K", "512M", "1G", "2T"]);
    }

    #[test]
    fn what_is_no_size_is_told() {
        for text in ["", "M", "1.5G", "-1", "+1", "1 M", "1MB", "1Mi", "0x10", "9999999999T", "99999999999999999999"] {
            let said = text.parse::<Bytes>().unwrap_err().to_string();
            assert!(said.starts_with(&format!("{text:?} is no size; ")), "{said}");
        }
    }

    #[test]
    fn shares_of_a_processor_are_percentages_or_a_time_in_a_period() {
        let kept = |text: &str| {
            let quota: CpuQuota = text.parse().unwrap();
            (quota.quota_usec(), quota.period_usec(), quota.to_string())
        };
        assert_eq!(kept("50%"), (50_000, 100_000, "50%".into()));
        assert_eq!(kept("250%"), (250_000, 100_000, "250%".into()));
        assert_eq!(kept("1.5%"), (1_500, 100_000, "1.5%".into()));
        assert_eq!(kept("20ms/1s"), (20_000, 1_000_000, "20ms/1s".into()));
        assert_eq!(kept("20ms/100ms"), (20_000, 100_000, "20%".into()));
        assert_eq!(kept("1500us/2ms"), (1_500, 2_000, "1500us/2ms".into()));
    }

    #[test]
    fn what_the_kernel_would_not_take_is_no_share() {
        for text in ["", "50", "%", "0%", "0.5%", "1.25%", "-5%", "1e2%", "5ms", "5ms/2s", "1us/1ms", "9999999999%", "1ms/0ms"] {
            assert!(text.parse::<CpuQuota>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_size_reads_back(bytes in 0..=i64::MAX as u64) {
            prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }

        #[test]
        fn a_share_reads_back(quota in 1_000..10_000_000_u64, period in 1_000..=1_000_000_u64) {
            if let Some(share) = CpuQuota::new(quota, period) {
                prop_assert_eq!(share.to_string().parse(), Ok(share));
            }
        }

        #[test]
        fn no_text_makes_them_panic(text in "\\PC*|[0-9.%smu/KMGT]*") {
            let _ = (text.parse::<Bytes>(), text.parse::<CpuQuota>());
        }
    }
}
