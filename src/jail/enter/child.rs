//! The child's side where every process passes the gate itself: from a copy of the caller to the program in the jail, one
//! step after the other.
//!
//! Order matters. While the process is still the host's it opens nothing that the jail controls but two bounded plain
//! files; once it is a member it has no descriptor but the standard ones and its closing error pipe.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use nix::unistd::write;

use super::program::{Program, close_all_but};
use super::step::{Failure, Step, at};
use super::{Stdio, standard};
use crate::jail::root;
use crate::kernel::Gate;
use crate::kernel::system::{self, reset};

/// How often a busy gate is tried: on some kernels the end of a thread is seen late.
const GATE_TRIES: u32 = 20;
const GATE_PAUSE: Duration = Duration::from_millis(10);

/// Everything the child needs, prepared by the parent.
pub struct Entry<'a> {
    pub program: Program<'a>,
    pub stdio: &'a Stdio,
    pub namespace: BorrowedFd<'a>,
    pub gate: &'a dyn Gate,
    /// A bit per capability that stays in the bounding set.
    pub capabilities: u64,
}

impl Entry<'_> {
    /// Walks in and becomes the program. Returns only after a failure, which it has told.
    /// `born`: in the jail's group of cgroup2.
    pub fn run(&self, told: BorrowedFd<'_>, born: bool) -> i32 {
        let failure = self.enter(told, born).expect_err("a program that runs does not return");
        // No reader: then nobody waits for the answer either.
        let _ = write(told, &failure.encode());
        1
    }

    fn enter(&self, told: BorrowedFd<'_>, born: bool) -> Result<std::convert::Infallible, Failure> {
        reset::signals();
        reset::oom_score();
        self.program.begin_session(standard(self.stdio))?;
        self.gate.join_cgroup(born).map_err(at(Step::Cgroup))?;
        root::go_in(self.namespace).map_err(at(Step::Namespace))?;
        let mut kept = self.gate.descriptors();
        kept.extend(self.program.kept(told));
        close_all_but(&mut kept).map_err(at(Step::Descriptors))?;

        let person = self.program.look_up()?;
        umask(Mode::from_bits_truncate(0o022));
        reset::limits().map_err(at(Step::Limits))?;
        reset::scheduling().map_err(at(Step::Scheduling))?;
        reset::keyring();

        system::drop_capabilities(self.capabilities).map_err(at(Step::Capabilities))?;
        self.program.take_groups(&person)?;
        self.pass_gate().map_err(at(Step::Enter))?;
        // From here on a member: what fails now fails inside.
        close_all_but(&mut self.program.kept(told)).map_err(at(Step::Descriptors))?;
        self.program.run(&person)
    }

    fn pass_gate(&self) -> Result<(), Errno> {
        for _ in 1..GATE_TRIES {
            match self.gate.enter() {
                Err(Errno::EBUSY) => std::thread::sleep(GATE_PAUSE),
                other => return other,
            }
        }
        self.gate.enter()
    }
}
