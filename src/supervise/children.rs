//! The children of this process, orphans of the jail that it adopted included, and whose they are.
//!
//! An orphan tells whose it is by its session, which each service and check leads one of, or, if it left that, by the mark
//! in its environment. It may have wiped that: then it lives until the jail's processes are all killed.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::ending::Ending;
use crate::kernel::system;

/// As much of an environment as is looked at.
const ENVIRONMENT: u64 = 128 * 1024;

/// Makes orphans among the descendants children of this process, so that none escapes to pid 1.
pub fn adopt_orphans() -> Result<(), Errno> {
    system::adopt_orphans(true)
}

/// Reaps the children that have ended and hands each to `ended`.
pub fn reap(mut ended: impl FnMut(i32, Ending)) {
    loop {
        let mut status = 0;
        // Not nix's waitpid: it fails, after reaping, on a death by a realtime signal.
        // SAFETY: `status` outlives the call, which writes nothing else.
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
        match pid {
            0 => return,
            -1 if Errno::last() == Errno::EINTR => {}
            -1 => return,
            pid if libc::WIFSTOPPED(status) => system::go_on_untraced(pid, libc::WSTOPSIG(status)),
            pid if libc::WIFEXITED(status) => ended(pid, Ending::Status(libc::WEXITSTATUS(status))),
            pid => ended(pid, Ending::Signal(libc::WTERMSIG(status))),
        }
    }
}

/// What a process and all it starts have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Leaders of its sessions.
    pub leaders: Vec<i32>,
    /// `NAME=value` in its environment.
    pub mark: String,
}

impl Owner {
    fn owns(&self, pid: i32) -> bool {
        self.leaders.contains(&pid) || session(pid).is_some_and(|sid| self.leaders.contains(&sid)) || self.has_marked(pid)
    }

    fn has_marked(&self, pid: i32) -> bool {
        system::environment(pid, ENVIRONMENT).split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes())
    }
}

/// Sends SIGKILL to every child but `spared`, or of those to what `owner` started; says how many there are. Their own
/// children become ours and are met next time.
pub fn kill_children(owner: Option<&Owner>, spared: &[i32]) -> usize {
    let mut found = 0;
    for pid in living().filter(|pid| !spared.contains(pid)) {
        if owner.is_none_or(|owner| owner.owns(pid)) {
            found += 1;
            // A zombie is reaped next time; it is not reaped yet, so the pid is its own.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    found
}

fn session(pid: i32) -> Option<i32> {
    nix::unistd::getsid(Some(Pid::from_raw(pid))).ok().map(Pid::as_raw)
}

/// The kernel's own list of this (only) thread's children; a pid is not reused before we reap it.
fn living() -> impl Iterator<Item = i32> {
    system::children().into_iter()
}
