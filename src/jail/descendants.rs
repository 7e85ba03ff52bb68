//! Ending a command with all it started. While one runs with a time limit this process adopts orphans, so that what the
//! command detached from itself (double fork, setsid) is still found as a descendant.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{JailError, fork};
use crate::kernel::Member;
use crate::kernel::system::{self, is_zombie, parents, pidfd};

/// Rounds of killing: each finds what was forked while the one before went on.
const ROUNDS: usize = 50;
const PAUSE: Duration = Duration::from_millis(5);

/// Orphaned descendants become children of this process, until dropped.
pub struct Adoption {
    before: bool,
    /// Children from before, which are none of the command's.
    others: BTreeSet<i32>,
}

impl Adoption {
    pub fn begin() -> Result<Adoption, JailError> {
        let doing = || JailError::system("adopt the command's orphans");
        let before = system::adopts_orphans().map_err(doing())?;
        system::adopt_orphans(true).map_err(doing())?;
        Ok(Adoption { before, others: children(&parents(), own_pid()) })
    }

    /// Kills the command and everything it started, until nothing is left of it. The command itself is not reaped.
    pub fn kill_all(&self, command: Pid) {
        for _ in 0..ROUNDS {
            let parents = parents();
            let mut found = BTreeSet::new();
            let mut next: Vec<i32> = children(&parents, own_pid()).difference(&self.others).copied().collect();
            while let Some(pid) = next.pop() {
                if found.insert(pid) {
                    next.extend(children(&parents, pid));
                }
            }
            let alive = found.iter().filter(|pid| !is_zombie(**pid)).count();
            if alive == 0 {
                self.reap(&found, command);
                return;
            }
            for pid in &found {
                // Pids below this process: ours to kill, and gone ones do not matter.
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            self.reap(&found, command);
            std::thread::sleep(PAUSE);
        }
    }

    fn reap(&self, found: &BTreeSet<i32>, command: Pid) {
        fork::reap(found.iter().map(|pid| Pid::from_raw(*pid)).filter(|pid| *pid != command));
    }
}

impl Drop for Adoption {
    fn drop(&mut self) {
        // Cannot fail: takes a flag.
        let _ = system::adopt_orphans(self.before);
    }
}

/// Kills everything that a process of a jail started, where that process adopts orphans and is no child of this one. By
/// descriptor, and members only: none of them is ours to reap, so a pid may become another process at any time.
pub fn kill_below(root: Pid, members: impl Fn() -> Vec<Member>) {
    for _ in 0..ROUNDS {
        let parents = parents();
        let mut below = BTreeSet::new();
        let mut next: Vec<i32> = children(&parents, root.as_raw()).into_iter().collect();
        while let Some(pid) = next.pop() {
            if below.insert(pid) {
                next.extend(children(&parents, pid));
            }
        }
        below.retain(|pid| !is_zombie(*pid));
        if below.is_empty() {
            return;
        }
        let opened: Vec<(i32, pidfd::Process)> =
            below.into_iter().filter_map(|pid| Some((pid, pidfd::open(pid).ok()?))).collect();
        // Who is a member now that the descriptor is open is the one the descriptor means.
        let members: BTreeSet<i32> = members().into_iter().map(|member| member.pid).collect();
        for (_, process) in opened.iter().filter(|(pid, _)| members.contains(pid)) {
            // It may have ended at this very moment.
            let _ = pidfd::signal(process, libc::SIGKILL);
        }
        std::thread::sleep(PAUSE);
    }
}

fn own_pid() -> i32 {
    std::process::id() as i32
}

fn children(parents: &[(i32, i32)], of: i32) -> BTreeSet<i32> {
    parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid).collect()
}
