//! What opening a path asks the policy: by where such paths lead on Linux, since nothing is opened here.

use crate::kernel::Right;
use crate::kernel::policy::{Action, FsKind};

/// Names in /dev and their numbers, of Linux's admin-guide/devices.txt. Those that can be granted by name are a
/// table of their own; all others are taken for a device that is not common to jails.
const DEVICES: [(&str, u32, u32); 7] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0), ("ptmx", 5, 2)];
/// What block devices are called.
const BLOCKS: [&str; 9] = ["sd", "vd", "xvd", "nvme", "mmcblk", "loop", "dm-", "md", "mapper/"];
/// No device has this major number.
const UNNAMED: u32 = 0;

/// Capabilities that two files of /proc take besides their modes (proc(5)).
const CAP_SYS_RAWIO: u32 = 17;
const CAP_SYSLOG: u32 = 34;

pub fn action(path: &str, write: bool) -> Action {
    if let Some(name) = below(path, "/dev") {
        return device(name);
    }
    let fs = match below(path, "/proc").map(|rest| rest.split('/').next().unwrap_or(rest)) {
        Some("kcore") => return Action::Capability(CAP_SYS_RAWIO),
        Some("kmsg") => return Action::Capability(CAP_SYSLOG),
        Some("sysvipc") => FsKind::ProcIpc,
        Some(first) if is_process(first) => FsKind::ProcProcess,
        Some(_) => FsKind::ProcHost,
        None => match below(path, "/sys") {
            Some(rest) if ["kernel/debug", "kernel/tracing", "fs/bpf"].iter().any(|hidden| leads(rest, hidden)) => {
                FsKind::KernelHidden
            }
            Some(_) => FsKind::Kernel,
            None => FsKind::Ordinary,
        },
    };
    Action::Open { fs, write }
}

fn device(name: &str) -> Action {
    let ordinary = Action::Open { fs: FsKind::Ordinary, write: false };
    if leads(name, "shm") || leads(name, "mqueue") || name == "fd" || leads(name, "fd") {
        return ordinary;
    }
    let pty = leads(name, "pts") && name != "pts";
    let parts = Right::parts().filter_map(Right::device);
    let known = DEVICES.into_iter().chain(parts).find(|(known, ..)| *known == name);
    let (major, minor) = known.map_or((UNNAMED, 0), |(_, major, minor)| (major, minor));
    Action::Device { block: BLOCKS.iter().any(|block| name.starts_with(block)), major, minor, pty }
}

fn is_process(name: &str) -> bool {
    matches!(name, "self" | "thread-self") || (!name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()))
}

/// What of the path is below `root`; not empty.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    path.strip_prefix(root)?.strip_prefix('/').map(|rest| rest.trim_start_matches('/')).filter(|rest| !rest.is_empty())
}

fn leads(rest: &str, to: &str) -> bool {
    rest.strip_prefix(to).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
