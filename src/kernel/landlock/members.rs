//! Who is in a jail's control group, and what they use. Reads the group and /proc; signals by descriptor, so that a
//! process that took over a pid is never met.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::kernel::system::pidfd;
use crate::kernel::{Jid, KernelError, Member, cgroup, plain};

const POLL: Duration = Duration::from_millis(2);

/// Pids of the live members, ascending.
pub fn pids(group: &Path) -> Result<Vec<i32>, KernelError> {
    let file = group.join("cgroup.procs");
    let text = match plain::text(&file) {
        Ok(text) => text,
        // The group goes with its jail.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV)) => return Ok(Vec::new()),
        Err(error) => return Err(KernelError::io(format!("read {}", file.display()))(error)),
    };
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

/// The members with their names; one that ends meanwhile is left out.
pub fn of(group: &Path) -> Result<Vec<Member>, KernelError> {
    let name = |pid| {
        let comm = plain::read(format!("/proc/{pid}/comm")).ok()?;
        let command = String::from_utf8_lossy(comm.strip_suffix(b"\n").unwrap_or(&comm)).into_owned();
        Some(Member { pid, command })
    };
    Ok(pids(group)?.into_iter().filter_map(name).collect())
}

/// Sum of the members' virtual sizes, in pages.
pub fn virtual_pages(pids: &[i32]) -> u64 {
    let size = |pid: &i32| {
        let statm = plain::text(format!("/proc/{pid}/statm")).ok()?;
        statm.split(' ').next()?.parse::<u64>().ok()
    };
    pids.iter().filter_map(size).sum()
}

/// Sends a signal to every member once; answers how many were reached.
pub fn signal(group: &Path, signal: i32) -> Result<usize, KernelError> {
    let opened: Vec<(i32, pidfd::Process)> =
        pids(group)?.into_iter().filter_map(|pid| Some((pid, pidfd::open(pid).ok()?))).collect();
    // Who is listed still, now that its descriptor is open, is the one the descriptor means.
    let still = pids(group)?;
    let reached =
        |(pid, process): &&(i32, pidfd::Process)| still.binary_search(pid).is_ok() && pidfd::signal(process, signal).is_ok();
    Ok(opened.iter().filter(reached).count())
}

/// Kills until the group is empty. New members are kept out by whoever marked the jail as closing.
pub fn kill_all(group: &OwnedFd, jid: Jid, timeout: Duration) -> Result<(), KernelError> {
    let deadline = Instant::now() + timeout;
    loop {
        // At once and without a gap for those who fork (cgroup-v2.rst); a frozen member dies too.
        cgroup::kill(group);
        let left = pids(&cgroup::path_of(group))?.len();
        if left == 0 {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(KernelError::Busy { jid, members: left as u64 });
        }
        sleep(POLL);
    }
}
