//! Forking: the one place where it happens, and only from a process with a single thread, so that the child may go on
//! in ordinary Rust.

use std::panic::{AssertUnwindSafe, catch_unwind};

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::JailError;

/// Exit status of a child that panicked.
const PANICKED: i32 = 70;

/// linux/sched.h.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Runs `child` in a new process, which ends with the number it returns. Its drops run, its exit handlers do not.
///
/// # Errors
/// [`JailError::Threads`]: another thread might hold a lock that would stay locked in the child.
pub fn in_child(child: impl FnOnce() -> i32) -> Result<Pid, JailError> {
    in_group(None, |_| child())
}

/// The same in a process that is born in this group of cgroup2, if there is one and the kernel lets it; it is told.
pub fn in_group(group: Option<BorrowedFd<'_>>, child: impl FnOnce(bool) -> i32) -> Result<Pid, JailError> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(JailError::io("count this process's threads"))?.count();
    if threads != 1 {
        return Err(JailError::Threads);
    }
    // SAFETY: this process has one thread, so the child has a consistent copy of all memory and locks.
    match unsafe { split(group) } {
        (-1, _) => Err(JailError::System { doing: "fork".into(), errno: Errno::last() }),
        (0, born) => {
            let status = catch_unwind(AssertUnwindSafe(|| child(born))).unwrap_or(PANICKED);
            // SAFETY: ends the process at once; buffers and exit handlers are the parent's business.
            unsafe { libc::_exit(status) }
        }
        (child, _) => Ok(Pid::from_raw(child)),
    }
}

/// As fork(2); and whether the child is born in the group. Where that cannot be (Linux 5.7 has it; a group that is full),
/// it is a fork like any other, and the child has to move.
///
/// # Safety
/// As for fork(2): with other threads, the child may call async-signal-safe functions only.
pub unsafe fn split(group: Option<BorrowedFd<'_>>) -> (libc::pid_t, bool) {
    if let Some(group) = group {
        // SAFETY: every field may be 0.
        let mut how: libc::clone_args = unsafe { std::mem::zeroed() };
        how.flags = CLONE_INTO_CGROUP;
        how.exit_signal = libc::SIGCHLD as u64;
        how.cgroup = group.as_raw_fd() as u64;
        // SAFETY: as for fork(2): no new stack, no thread storage, the child goes on with a copy of this one.
        let child = unsafe { libc::syscall(libc::SYS_clone3, &raw const how, size_of_val(&how)) };
        if child >= 0 {
            return (child as libc::pid_t, true);
        }
    }
    // SAFETY: the caller's promise.
    (unsafe { libc::fork() }, false)
}

/// Waits for a child to end; its exit status, 128+n for signal n. `None` when someone else reaped it.
pub fn wait(pid: Pid) -> Option<i32> {
    let mut status = 0;
    loop {
        // nix's own waitpid knows no real-time signals and would lose the status of a child that one killed.
        // SAFETY: writes one integer.
        match Errno::result(unsafe { libc::waitpid(pid.as_raw(), &mut status, 0) }) {
            Err(Errno::EINTR) => {}
            Err(_) => return None,
            Ok(_) if libc::WIFSTOPPED(status) => release(pid.as_raw(), libc::WSTOPSIG(status)),
            Ok(_) if libc::WIFSIGNALED(status) => return Some(128 + libc::WTERMSIG(status)),
            Ok(_) => return Some(libc::WEXITSTATUS(status)),
        }
    }
}

/// A child that asked to be traced by its parent (PTRACE_TRACEME) stops at a signal and would wait for us: it goes on
/// untraced, with the signal.
pub fn release(pid: i32, signal: i32) {
    let (address, signal) = (std::ptr::null_mut::<libc::c_void>(), signal as usize as *mut libc::c_void);
    // SAFETY: takes numbers alone; of a child that died meanwhile it fails, and the next round reaps it.
    unsafe { libc::ptrace(libc::PTRACE_DETACH, pid, address, signal) };
}

/// Reaps every ended child among `pids`.
pub fn reap(pids: impl IntoIterator<Item = Pid>) {
    for pid in pids {
        // A pid that is no child of ours, or runs on, is nothing to reap.
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    }
}
