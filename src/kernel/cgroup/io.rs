//! What a jail reads from and writes to disks, and how much of that it may in a second (cgroup-v2.rst, io.max and io.stat;
//! cgroup-v1/blkio-controller.rst). The limit is of one disk: the one that the jail's data lies on. Reads /sys/dev/block.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::hierarchy::Version;
use super::limits::{Files, Write};
use crate::kernel::{Bytes, KernelError, Limits};

const READ_V1: &str = "blkio.throttle.read_bps_device";

/// A whole disk, by the numbers that control groups take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    major: u64,
    minor: u64,
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl Disk {
    /// That of the file system that holds the path, or the nearest directory above it that is there. Why there is none.
    pub fn of(path: &Path) -> Result<Disk, String> {
        let found = path.ancestors().find_map(|place| Some((place, fs::metadata(place).ok()?)));
        let (place, status) = found.ok_or_else(|| format!("{} is not there", path.display()))?;
        let number = status.dev();
        let part = format!("/sys/dev/block/{}:{}", nix::sys::stat::major(number), nix::sys::stat::minor(number));
        // Limits are of whole disks: a partition's directory lies in its disk's (block/blk-cgroup.c).
        let place_of = if Path::new(&part).join("partition").exists() { format!("{part}/../dev") } else { format!("{part}/dev") };
        let disk = fs::read_to_string(place_of).ok().and_then(|text| Disk::parse(text.trim()));
        disk.ok_or_else(|| format!("{} is on no disk that the kernel names; put the data directory on one", place.display()))
    }

    fn parse(text: &str) -> Option<Disk> {
        let (major, minor) = text.split_once(':')?;
        Some(Disk { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

/// Sets what is asked for and lifts what the group has beside it, which may be of a disk that the data lay on before.
pub fn writes(files: &Files, limits: &Limits, data: &Path) -> Result<Vec<Write>, KernelError> {
    let asked = limits.io_read.is_some() || limits.io_write.is_some();
    let disk = if asked { Some(Disk::of(data).map_err(unknown)?) } else { None };
    let (file, lift) = match files.version {
        Version::V2 => ("io.max", "rbps=max wbps=max"),
        Version::V1 => (READ_V1, "0"),
    };
    let limited = limited(&files.text(file).unwrap_or_default());
    let others = limited.into_iter().filter(|other| disk.as_ref() != Some(other));
    let lifted = others.map(|other| Write { key: "io_read", file, text: format!("{other} {lift}"), asked: false });
    let set = disk.iter().map(|disk| Write {
        key: if limits.io_read.is_some() { "io_read" } else { "io_write" },
        file,
        text: match files.version {
            Version::V2 => format!("{disk} rbps={} wbps={}", rate(limits.io_read, "max"), rate(limits.io_write, "max")),
            Version::V1 => format!("{disk} {}", rate(limits.io_read, "0")),
        },
        asked: true,
    });
    Ok(lifted.chain(set).collect())
}

fn unknown(why: String) -> KernelError {
    KernelError::Other { doing: "limit reading and writing".into(), why }
}

fn rate(bytes: Option<Bytes>, none: &str) -> String {
    bytes.map_or_else(|| none.to_owned(), |bytes| bytes.0.to_string())
}

/// The disks that a file of limits names.
fn limited(text: &str) -> Vec<Disk> {
    text.lines().filter_map(|line| Disk::parse(line.split(' ').next()?)).collect()
}

/// Limits of reading and writing that the group has.
pub fn read(files: &Files) -> (Option<Bytes>, Option<Bytes>) {
    match files.version {
        Version::V2 => {
            let text = files.text("io.max").unwrap_or_default();
            (least(&text, "rbps="), least(&text, "wbps="))
        }
        Version::V1 => {
            let text = files.text(READ_V1).unwrap_or_default();
            let rates = text.lines().filter_map(|line| line.split_once(' ')?.1.trim().parse().ok().map(Bytes));
            (rates.min(), None)
        }
    }
}

/// The least of the values behind this word.
fn least(text: &str, word: &str) -> Option<Bytes> {
    text.split_whitespace().filter_map(|field| field.strip_prefix(word)?.parse().ok().map(Bytes)).min()
}

/// Bytes read and written so far, on all disks.
pub fn bytes(files: &Files) -> Option<(u64, u64)> {
    match files.version {
        Version::V2 => files.text("io.stat").map(|text| (sum(&text, "rbytes="), sum(&text, "wbytes="))),
        Version::V1 => files.text("blkio.throttle.io_service_bytes").map(|text| (sum_v1(&text, "Read"), sum_v1(&text, "Write"))),
    }
}

fn sum(text: &str, word: &str) -> u64 {
    text.split_whitespace().filter_map(|field| field.strip_prefix(word)?.parse::<u64>().ok()).sum()
}

fn sum_v1(text: &str, word: &str) -> u64 {
    let count = |line: &str| line.split_once(' ')?.1.strip_prefix(word)?.trim().parse::<u64>().ok();
    text.lines().filter_map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_all_disks_are_added_up_in_both_versions() {
        let two =
            "8:0 rbytes=1000 wbytes=20 rios=3 wios=1 dbytes=0 dios=0\n254:0 rbytes=24 wbytes=1 rios=1 wios=1 dbytes=7 dios=1\n";
        assert_eq!((sum(two, "rbytes="), sum(two, "wbytes=")), (1024, 21));
        let one = "254:0 Read 4096\n254:0 Write 12\n254:0 Total 4108\n8:0 Read 4\nTotal 4112\n";
        assert_eq!((sum_v1(one, "Read"), sum_v1(one, "Write")), (4100, 12));
    }

    #[test]
    fn limits_of_a_disk_are_set_and_those_of_others_lifted() {
        let group = tempfile::tempdir().unwrap();
        let files = Files { version: Version::V2, group: group.path().into() };
        fs::write(group.path().join("io.max"), "7:3 rbps=1000 wbps=max riops=max wiops=max\n").unwrap();
        assert_eq!(read(&files), (Some(Bytes(1000)), None));
        let texts = |limits: &Limits| {
            writes(&files, limits, Path::new("/")).unwrap().into_iter().map(|write| write.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&Limits::default()), ["7:3 rbps=max wbps=max"]);
        if let Ok(disk) = Disk::of(Path::new("/")) {
            let limits = Limits { io_write: Some(Bytes(4096)), ..Limits::default() };
            assert_eq!(texts(&limits), ["7:3 rbps=max wbps=max".to_owned(), format!("{disk} rbps=max wbps=4096")]);
        }
    }

    #[test]
    fn what_is_on_no_disk_is_told() {
        let why = Disk::of(Path::new("/proc/self/status")).unwrap_err();
        assert_eq!(why, "/proc/self/status is on no disk that the kernel names; put the data directory on one");
    }
}
