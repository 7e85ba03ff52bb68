//! Limits of one jail's control groups, and what they say of its use (cgroup-v2.rst; cgroup-v1/memory.rst, sched-bwc.rst,
//! pids.rst).

use std::fs;
use std::path::{Path, PathBuf};

use super::hierarchy::{Controller, Hierarchy, Version};
use super::io::{self, Disk};
use super::{group_in, layout, traffic};
use crate::kernel::{Bytes, CpuQuota, CpuWeight, KernelError, Limits, Usage, plain};

/// What groups have that were told nothing.
const USUAL_WEIGHT: u32 = 100;
const USUAL_SHARES: u64 = 1024;
/// Version 1 says "no limit" by a number near the largest.
const ENDLESS: u64 = 1 << 62;

/// Why a limit cannot be had here: what was asked for, and what is missing.
pub type Unheld = (String, String);

/// Can this host hold a jail whose data lies below `data` to these limits?
pub fn check(limits: &Limits, data: &Path) -> Result<(), Unheld> {
    let asked = [
        ("cpu", Controller::Cpu, limits.cpu.is_some()),
        ("cpu_weight", Controller::Cpu, limits.cpu_weight.is_some()),
        ("memory", Controller::Memory, limits.memory.is_some()),
        ("memory_soft", Controller::Memory, limits.memory_soft.is_some()),
        ("swap", Controller::Memory, limits.swap.is_some()),
        ("processes", Controller::Pids, limits.processes.is_some()),
        ("socket_buffers", Controller::Memory, limits.socket_buffers.is_some()),
        ("io_read", Controller::Io, limits.io_read.is_some()),
        ("io_write", Controller::Io, limits.io_write.is_some()),
    ];
    if limits.files.is_some() {
        return Err((limit_of("files"), "no control group counts open files; the lsm body (--kernel lsm) does".into()));
    }
    for (key, controller) in asked.into_iter().filter_map(|(key, controller, asked)| asked.then_some((key, controller))) {
        let Some(found) = layout().of(controller) else {
            let name = controller.name();
            return Err((
                limit_of(key),
                format!("no control group of this host has the controller {name}; {}", remedy(controller)),
            ));
        };
        if key == "socket_buffers" && found.version == Version::V2 {
            let why = "version 2 of control groups counts them as memory of the jail; limit memory instead";
            return Err((limit_of(key), why.into()));
        }
        if controller == Controller::Io {
            Disk::of(data).map_err(|why| (limit_of(key), why))?;
        }
        if key == "io_write" && found.version == Version::V1 {
            let why = "version 1 of control groups does not see what is written by the page cache; boot with version 2 alone";
            return Err((limit_of(key), why.into()));
        }
        if key == "swap" && found.version == Version::V1 {
            if limits.memory.is_none() {
                return Err((
                    limit_of(key),
                    "version 1 of control groups counts swap together with memory; limit memory too".into(),
                ));
            }
            if !found.top.join("memory.memsw.limit_in_bytes").exists() {
                return Err((limit_of(key), "this kernel does not count swap; boot it with swapaccount=1".into()));
            }
        }
    }
    Ok(())
}

fn limit_of(key: &str) -> String {
    format!("the limit {key}")
}

fn remedy(controller: Controller) -> &'static str {
    match controller {
        Controller::Memory => "boot with cgroup_enable=memory, or mount cgroup2 on /sys/fs/cgroup",
        Controller::Cpu | Controller::Pids | Controller::Io => "mount cgroup2 on /sys/fs/cgroup, or a kernel's that has it",
    }
}

/// One file to write.
pub(super) struct Write {
    pub key: &'static str,
    pub file: &'static str,
    pub text: String,
    /// Something was asked for; without it, a file that is not there has nothing to undo.
    pub asked: bool,
}

/// Sets all limits of the jail's groups; those that are absent are lifted. Stops at the first that fails. `data` is where the
/// jail's data lies.
pub fn apply(name: &str, limits: &Limits, data: &Path) -> Result<(), KernelError> {
    for controller in super::hierarchy::CONTROLLERS {
        let Some(found) = layout().of(controller) else { continue };
        let group = group_in(&found.top, name);
        let writes = match controller {
            Controller::Io => io::writes(&Files { version: found.version, group: group.clone() }, limits, data)?,
            _ => writes(controller, found.version, limits),
        };
        for write in writes {
            let file = group.join(write.file);
            match fs::write(&file, &write.text) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !write.asked => {}
                Err(error) => return Err(failed(&write, &file, &error)),
            }
        }
    }
    Ok(())
}

fn failed(write: &Write, file: &Path, error: &std::io::Error) -> KernelError {
    let doing = format!("limit {} to {}", write.key, write.text.trim());
    match error.raw_os_error() {
        Some(libc::EBUSY) if write.key.starts_with("memory") => KernelError::Other {
            doing,
            why: "the jail uses more, which cannot be taken back; stop what uses it, or raise it".into(),
        },
        Some(libc::ENOENT) => KernelError::Other {
            doing,
            why: format!("{} is not there; restart the jail, which makes its control groups anew", file.display()),
        },
        _ => KernelError::io(format!("{doing} in {}", file.display()))(std::io::Error::from_raw_os_error(
            error.raw_os_error().unwrap_or(libc::EIO),
        )),
    }
}

fn writes(controller: Controller, version: Version, limits: &Limits) -> Vec<Write> {
    let size = |bytes: Option<Bytes>, none: &str| bytes.map_or_else(|| none.to_owned(), |bytes| bytes.0.to_string());
    let write = |key, file, text: String, asked| Write { key, file, text, asked };
    let (memory, soft, swap, sockets) = (limits.memory, limits.memory_soft, limits.swap, limits.socket_buffers);
    match (controller, version) {
        (Controller::Cpu, Version::V2) => vec![
            write("cpu", "cpu.max", limits.cpu.map_or_else(|| "max".into(), quota_and_period), limits.cpu.is_some()),
            write("cpu_weight", "cpu.weight", weight(limits).to_string(), limits.cpu_weight.is_some()),
        ],
        (Controller::Cpu, Version::V1) => {
            // A period is taken only while the quota fits into it.
            let mut writes = vec![write("cpu", "cpu.cfs_quota_us", "-1".into(), limits.cpu.is_some())];
            if let Some(cpu) = limits.cpu {
                writes.push(write("cpu", "cpu.cfs_period_us", cpu.period_usec().to_string(), true));
                writes.push(write("cpu", "cpu.cfs_quota_us", cpu.quota_usec().to_string(), true));
            }
            let shares = (u64::from(weight(limits)) * USUAL_SHARES).div_ceil(u64::from(USUAL_WEIGHT)).max(2);
            writes.push(write("cpu_weight", "cpu.shares", shares.to_string(), limits.cpu_weight.is_some()));
            writes
        }
        (Controller::Memory, Version::V2) => vec![
            write("memory_soft", "memory.high", size(soft, "max"), soft.is_some()),
            write("memory", "memory.max", size(memory, "max"), memory.is_some()),
            write("swap", "memory.swap.max", size(swap, "max"), swap.is_some()),
        ],
        (Controller::Memory, Version::V1) => {
            // Memory and swap together are never less than memory alone.
            let both = memory.zip(swap).map(|(memory, swap)| Bytes(memory.0.saturating_add(swap.0)));
            vec![
                write("swap", "memory.memsw.limit_in_bytes", "-1".into(), both.is_some()),
                write("memory", "memory.limit_in_bytes", size(memory, "-1"), memory.is_some()),
                write("memory_soft", "memory.soft_limit_in_bytes", size(soft, "-1"), soft.is_some()),
                write("swap", "memory.memsw.limit_in_bytes", size(both, "-1"), both.is_some()),
                write("socket_buffers", "memory.kmem.tcp.limit_in_bytes", size(sockets, "-1"), sockets.is_some()),
            ]
        }
        (Controller::Pids, _) => {
            let most = limits.processes.map_or_else(|| "max".into(), |processes| processes.to_string());
            vec![write("processes", "pids.max", most, limits.processes.is_some())]
        }
        // Of a disk, see `io`.
        (Controller::Io, _) => Vec::new(),
    }
}

fn weight(limits: &Limits) -> u32 {
    limits.cpu_weight.map_or(USUAL_WEIGHT, CpuWeight::get)
}

fn quota_and_period(cpu: CpuQuota) -> String {
    format!("{} {}", cpu.quota_usec(), cpu.period_usec())
}

/// The limits that the jail's groups have now.
pub fn read(name: &str) -> Limits {
    let mut limits = Limits::default();
    if let Some(cpu) = Files::of(name, Controller::Cpu) {
        let (share, weight) = match cpu.version {
            Version::V2 => (cpu.text("cpu.max").and_then(|text| quota(&text)), cpu.number("cpu.weight")),
            Version::V1 => {
                let pair = cpu.number("cpu.cfs_quota_us").zip(cpu.number("cpu.cfs_period_us"));
                let shares = cpu.number("cpu.shares");
                let weight = shares.map(|shares| shares * u64::from(USUAL_WEIGHT) / USUAL_SHARES);
                (pair.and_then(|(quota, period)| CpuQuota::new(quota, period)), weight)
            }
        };
        limits.cpu = share;
        let weight = weight.and_then(|weight| u32::try_from(weight).ok()).filter(|weight| *weight != USUAL_WEIGHT);
        limits.cpu_weight = weight.and_then(CpuWeight::new);
    }
    if let Some(memory) = Files::of(name, Controller::Memory) {
        let size = |file: &str| memory.number(file).filter(|bytes| *bytes < ENDLESS).map(Bytes);
        if memory.version == Version::V1 {
            limits.socket_buffers = size("memory.kmem.tcp.limit_in_bytes");
        }
        (limits.memory, limits.memory_soft, limits.swap) = match memory.version {
            Version::V2 => (size("memory.max"), size("memory.high"), size("memory.swap.max")),
            Version::V1 => {
                let hard = size("memory.limit_in_bytes");
                let both = size("memory.memsw.limit_in_bytes");
                let swap = both.zip(hard).map(|(both, hard)| Bytes(both.0.saturating_sub(hard.0)));
                (hard, size("memory.soft_limit_in_bytes"), swap)
            }
        };
    }
    if let Some(pids) = Files::of(name, Controller::Pids) {
        limits.processes = pids.number("pids.max").and_then(|most| u32::try_from(most).ok());
    }
    if let Some(files) = Files::of(name, Controller::Io) {
        (limits.io_read, limits.io_write) = io::read(&files);
    }
    limits
}

fn quota(text: &str) -> Option<CpuQuota> {
    let (quota, period) = text.split_once(' ')?;
    CpuQuota::new(quota.parse().ok()?, period.trim().parse().ok()?)
}

/// What the groups tell of the jail's use.
pub fn usage(name: &str) -> Usage {
    let mut usage = Usage::default();
    if let Some(cpu) = Files::of(name, Controller::Cpu) {
        usage.throttled_periods = cpu.entry("cpu.stat", "nr_throttled");
        usage.throttled_usec = match cpu.version {
            Version::V2 => cpu.entry("cpu.stat", "throttled_usec"),
            Version::V1 => cpu.entry("cpu.stat", "throttled_time").map(|ns| ns / 1000),
        };
    }
    if let Some(memory) = Files::of(name, Controller::Memory) {
        let [current, peak, resident, events] = match memory.version {
            Version::V2 => ["memory.current", "memory.peak", "anon", "memory.events"],
            Version::V1 => ["memory.usage_in_bytes", "memory.max_usage_in_bytes", "total_rss", "memory.oom_control"],
        };
        usage.memory_bytes = memory.number(current);
        usage.memory_peak_bytes = memory.number(peak);
        usage.resident_bytes = memory.entry("memory.stat", resident);
        usage.oom_kills = memory.entry(events, "oom_kill");
    }
    if let Some(pids) = Files::of(name, Controller::Pids) {
        usage.forks_refused = pids.entry("pids.events", "max");
    }
    if let Some(files) = Files::of(name, Controller::Io) {
        (usage.io_read_bytes, usage.io_written_bytes) = io::bytes(&files).unzip();
    }
    if let Some(traffic) = super::group(name).and_then(|group| traffic::read(&group)) {
        (usage.network_received_bytes, usage.network_sent_bytes) = (Some(traffic.received), Some(traffic.sent));
    }
    usage
}

/// The files of one controller for one jail.
pub(super) struct Files {
    pub version: Version,
    pub group: PathBuf,
}

impl Files {
    fn of(name: &str, controller: Controller) -> Option<Files> {
        let Hierarchy { version, top } = layout().of(controller)?.clone();
        let group = group_in(&top, name);
        Some(Files { version, group })
    }

    pub fn text(&self, file: &str) -> Option<String> {
        plain::text(self.group.join(file)).ok()
    }

    fn number(&self, file: &str) -> Option<u64> {
        self.text(file)?.trim().parse().ok()
    }

    /// The number behind a word, of a file with one a line.
    fn entry(&self, file: &str, word: &str) -> Option<u64> {
        let text = self.text(file)?;
        text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse().ok())
    }
}
