//! Signals to all of a jail's members, and its end.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::control::Control;
use super::iterate::{self, Process};
use crate::kernel::system::pidfd;
use crate::kernel::{Jid, KernelError, cgroup};

const POLL: Duration = Duration::from_millis(2);

/// The processes of one jail.
pub fn of(control: &Control, jid: Jid) -> Result<BTreeMap<i32, Process>, KernelError> {
    let mut processes = iterate::processes(control)?;
    processes.retain(|_, process| process.jid == jid.get());
    Ok(processes)
}

/// Sends a signal to every live member once; answers how many were reached.
pub fn signal(control: &Control, jid: Jid, signal: i32) -> Result<usize, KernelError> {
    let seen = of(control, jid)?;
    let opened: Vec<(&Process, pidfd::Process)> = seen
        .values()
        .filter(|process| process.alive)
        .filter_map(|process| Some((process, pidfd::open(process.pid).ok()?)))
        .collect();
    // A pid may have been given to somebody else before it was opened. Whoever has the same start time after as before was
    // there in between.
    let still = of(control, jid)?;
    let same = |process: &Process| still.get(&process.pid).is_some_and(|now| now.start_ns == process.start_ns);
    Ok(opened.iter().filter(|(process, descriptor)| same(process) && pidfd::signal(descriptor, signal).is_ok()).count())
}

/// Closes the jail and kills its members until none is left that could act: what remains are at most zombies whose
/// parent is the caller.
pub fn kill_all(control: &Control, jid: Jid, name: &str, timeout: Duration) -> Result<(), KernelError> {
    let deadline = Instant::now() + timeout;
    let group = cgroup::open(name);
    // Opened before: a jail that is there still has this group, and no later jail of its name.
    control.close(jid)?;
    if let Some(group) = &group {
        cgroup::kill(group);
    }
    let caller = std::process::id() as i32;
    loop {
        signal(control, jid, libc::SIGKILL)?;
        let counted = control.close(jid)?;
        if counted == 0 {
            return Ok(());
        }
        let left = of(control, jid)?;
        if left.len() as u64 >= counted && left.values().all(|process| !process.alive && process.parent == caller) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(KernelError::Busy { jid, members: counted });
        }
        sleep(POLL);
    }
}
