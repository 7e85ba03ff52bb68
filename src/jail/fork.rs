//! Forking: the one place where it happens, and only from a process with a single thread, so that the child may go on
//! in ordinary Rust.

use std::panic::{AssertUnwindSafe, catch_unwind};

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::JailError;
use crate::kernel::system;

/// Exit status of a child that panicked.
const PANICKED: i32 = 70;

/// Runs `child` in a new process, which ends with the number it returns. Its drops run, its exit handlers do not.
///
/// # Errors
/// [`JailError::Threads`]: another thread might hold a lock that would stay locked in the child.
pub fn in_child(child: impl FnOnce() -> i32) -> Result<Pid, JailError> {
    in_group(None, |_| child())
}

/// The same in a process that is born in this group of cgroup2, if there is one and the kernel lets it; it is told.
pub fn in_group(group: Option<BorrowedFd<'_>>, child: impl FnOnce(bool) -> i32) -> Result<Pid, JailError> {
    let threads = system::threads().map_err(JailError::io("count this process's threads"))?;
    if threads != 1 {
        return Err(JailError::Threads);
    }
    // SAFETY: this process has one thread, so the child has a consistent copy of all memory and locks.
    match unsafe { system::split(group) } {
        (-1, _) => Err(JailError::System { doing: "fork".into(), errno: Errno::last() }),
        (0, born) => {
            let status = catch_unwind(AssertUnwindSafe(|| child(born))).unwrap_or(PANICKED);
            // SAFETY: ends the process at once; buffers and exit handlers are the parent's business.
            unsafe { libc::_exit(status) }
        }
        (child, _) => Ok(Pid::from_raw(child)),
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
            Ok(_) if libc::WIFSTOPPED(status) => system::go_on_untraced(pid.as_raw(), libc::WSTOPSIG(status)),
            Ok(_) if libc::WIFSIGNALED(status) => return Some(128 + libc::WTERMSIG(status)),
            Ok(_) => return Some(libc::WEXITSTATUS(status)),
        }
    }
}

/// Reaps every ended child among `pids`.
pub fn reap(pids: impl IntoIterator<Item = Pid>) {
    for pid in pids {
        // A pid that is no child of ours, or runs on, is nothing to reap.
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    }
}
