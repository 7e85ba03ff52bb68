//! What a process would inherit from its caller and must not: signals, limits, scheduling, keyring.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const MIB: u64 = 1 << 20;
const UNLIMITED: u64 = libc::RLIM_INFINITY;

/// Soft and hard limits of a process in a jail; those of a process that init starts.
const LIMITS: [(Resource, u64, u64); 14] = [
    (Resource::RLIMIT_CORE, 0, 0),
    (Resource::RLIMIT_NOFILE, 1024, 524_288),
    (Resource::RLIMIT_STACK, 8 * MIB, UNLIMITED),
    (Resource::RLIMIT_MEMLOCK, 8 * MIB, 8 * MIB),
    (Resource::RLIMIT_MSGQUEUE, 819_200, 819_200),
    (Resource::RLIMIT_NICE, 0, 0),
    (Resource::RLIMIT_RTPRIO, 0, 0),
    (Resource::RLIMIT_RTTIME, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_AS, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_CPU, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_DATA, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_FSIZE, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_NPROC, UNLIMITED, UNLIMITED),
    (Resource::RLIMIT_LOCKS, UNLIMITED, UNLIMITED),
];

pub fn limits() -> Result<(), Errno> {
    LIMITS.iter().try_for_each(|(resource, soft, hard)| match setrlimit(*resource, *soft, *hard) {
        // Above fs.nr_open, or a host that took CAP_SYS_RESOURCE from its root: never more than the caller has.
        Err(Errno::EPERM) => {
            let (_, most) = getrlimit(*resource)?;
            setrlimit(*resource, *soft.min(&most), *hard.min(&most))
        }
        other => other,
    })
}

/// Every signal at its default, none blocked. Rust ignores SIGPIPE, and an ignored signal stays so over execve.
pub fn signals() {
    /// struct sigaction as the kernel has it, all zero: the default action, no flags, nothing blocked.
    const DEFAULT: [u64; 4] = [0; 4];
    const MASK_SIZE: usize = 8;
    for signal in 1..=super::processes::last_signal() {
        let (new, old) = (DEFAULT.as_ptr(), std::ptr::null_mut::<u64>());
        // The kernel's own call: libc's refuses the signals it keeps for itself, which may be ignored all the same.
        // SAFETY: a valid action that outlives the call. SIGKILL and SIGSTOP are refused, which is fine.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, old, MASK_SIZE) };
    }
    // Cannot fail: the arguments are constants.
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
}

/// The ordinary scheduler, nice 0, default I/O priority.
pub fn scheduling() -> Result<(), Errno> {
    let ordinary = libc::sched_param { sched_priority: 0 };
    // SAFETY: `ordinary` outlives the call.
    Errno::result(unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &ordinary) })?;
    // SAFETY: integers only.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) })?;
    const IOPRIO_WHO_PROCESS: i32 = 1;
    // SAFETY: integers only.
    Errno::result(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0) }).map(drop)
}

/// A session keyring of its own: the caller's may hold the host's keys.
pub fn keyring() {
    const KEYCTL_JOIN_SESSION_KEYRING: i32 = 1;
    // SAFETY: a null name asks for a new, unnamed keyring. A kernel without keyrings refuses: nothing to hide then.
    unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
}

/// The host's own protection from the out-of-memory killer is not handed on.
pub fn oom_score() {
    // Without /proc, or where a container fixed the value, the process keeps what it has.
    let _ = std::fs::write("/proc/self/oom_score_adj", "0");
}
