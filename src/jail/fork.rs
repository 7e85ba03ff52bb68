//! Forking: the one place where it happens, and only from a process with a single thread, so that the child may go on
//! in ordinary Rust.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::JailError;

/// Exit status of a child that panicked.
const PANICKED: i32 = 70;

/// Runs `child` in a new process, which ends with the number it returns. Its drops run, its exit handlers do not.
///
/// # Errors
/// [`JailError::Threads`]: another thread might hold a lock that would stay locked in the child.
pub fn in_child(child: impl FnOnce() -> i32) -> Result<Pid, JailError> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(JailError::io("count this process's threads"))?.count();
    if threads != 1 {
        return Err(JailError::Threads);
    }
    // SAFETY: this process has one thread, so the child has a consistent copy of all memory and locks.
    match unsafe { fork() }.map_err(JailError::system("fork"))? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let status = catch_unwind(AssertUnwindSafe(child)).unwrap_or(PANICKED);
            // SAFETY: ends the process at once; buffers and exit handlers are the parent's business.
            unsafe { libc::_exit(status) }
        }
    }
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
