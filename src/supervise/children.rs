//! The children of this process, orphans of the jail that it adopted included.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::state::Ending;
use crate::jail::fork;

/// Makes orphans among the descendants children of this process, so that none escapes to pid 1.
pub fn adopt_orphans() -> Result<(), Errno> {
    nix::sys::prctl::set_child_subreaper(true)
}

/// Reaps the children that have ended and hands each to `ended`; says whether any lives but `spared`.
pub fn reap(spared: Option<i32>, mut ended: impl FnMut(i32, Ending)) -> bool {
    loop {
        let mut status = 0;
        // Not nix's waitpid: it fails, after reaping, on a death by a realtime signal.
        // SAFETY: `status` outlives the call, which writes nothing else.
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
        match pid {
            0 => return living().any(|pid| Some(pid) != spared),
            -1 if Errno::last() == Errno::EINTR => {}
            -1 => return false,
            pid if libc::WIFSTOPPED(status) => fork::release(pid, libc::WSTOPSIG(status)),
            pid if libc::WIFEXITED(status) => ended(pid, Ending::Status(libc::WEXITSTATUS(status))),
            pid => ended(pid, Ending::Signal(libc::WTERMSIG(status))),
        }
    }
}

/// Sends SIGKILL to every child but `spared`. Their own children become ours and are met next time.
pub fn kill_children(spared: Option<i32>) {
    for pid in living().filter(|pid| Some(*pid) != spared) {
        // A zombie is reaped next time.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// The kernel's own list of this (only) thread's children; a pid is not reused before we reap it.
fn living() -> impl Iterator<Item = i32> {
    let list = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let pids: Vec<i32> = list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    pids.into_iter()
}
