//! What a process would inherit from its caller and must not: signals, limits, scheduling.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const MIB: u64 = 1 << 20;
const UNLIMITED: u64 = libc::RLIM_INFINITY;

/// Soft and hard limits of a process in a jail: those that init's have, by login.conf(5) as it is shipped, and no core files.
const LIMITS: [(Resource, u64, u64); 4] = [
    (Resource::RLIMIT_CORE, 0, 0),
    (Resource::RLIMIT_CPU, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_FSIZE, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_STACK, 4 * MIB, UNLIMITED),
];

pub fn limits() -> Result<(), Errno> {
    LIMITS.iter().try_for_each(|(resource, soft, hard)| {
        // Never more than the kernel gives anybody (kern.maxproc and kin), nor than the caller has.
        let (_, most) = getrlimit(*resource)?;
        setrlimit(*resource, *soft.min(&most), *hard.min(&most))
    })
}

/// Every signal at its default, none blocked. Rust ignores SIGPIPE, and an ignored signal stays so over execve.
pub fn signals() {
    for signal in 1..=super::processes::last_signal() {
        // SAFETY: sets a default action. SIGKILL and SIGSTOP are refused, which is fine.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // Cannot fail: the arguments are constants.
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
}

/// Nice 0.
pub fn scheduling() -> Result<(), Errno> {
    // SAFETY: integers only.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) }).map(drop)
}

/// There are no keyrings.
pub fn keyring() {}

/// There is no such score.
pub fn oom_score() {}
