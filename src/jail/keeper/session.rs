//! What a keeper forks: a process that becomes the ordered program. It is a member from its first moment; what it opens,
//! it opens inside, confined.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::{Pid, write};

use super::message::{MAX_ORDER, MessageError, Order, RUN_DESCRIPTORS, decode};
use crate::jail::enter::account::Who;
use crate::jail::enter::program::{Program, close_all_but, out_of_the_way};
use crate::jail::enter::step::Failure;
use crate::jail::relaunch;
use crate::kernel::system::{self, reset};

/// Why an order is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("a run takes {RUN_DESCRIPTORS} descriptors, or one more, not {0}")]
    Descriptors(usize),
    #[error("the order is no sealed memory file of at most {MAX_ORDER} bytes")]
    NotSealed,
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("move the error pipe: {}", .0.desc())]
    Descriptor(Errno),
    #[error("the order holds a NUL byte")]
    Nul,
    #[error("the order names no user: {0:?}")]
    User(String),
    #[error("fork: {}", .0.desc())]
    Fork(Errno),
}

/// An order and the descriptors it came with, checked.
pub struct Session {
    order: Order,
    argv: Vec<CString>,
    workdir: Option<CString>,
    who: Who,
    /// Tells the asker which step failed; closes at the exec.
    told: OwnedFd,
    standard: [OwnedFd; 3],
    notify: Option<OwnedFd>,
}

impl Session {
    pub fn open(descriptors: Vec<OwnedFd>) -> Result<Session, OrderError> {
        let mut descriptors = descriptors;
        let count = descriptors.len();
        let notify = if count == RUN_DESCRIPTORS + 1 { descriptors.pop() } else { None };
        let given: [OwnedFd; RUN_DESCRIPTORS] = descriptors.try_into().map_err(|_| OrderError::Descriptors(count))?;
        let [order, told, stdin, stdout, stderr] = given;
        let told = out_of_the_way(told).map_err(OrderError::Descriptor)?;
        let order: Order = decode(&relaunch::unsealed(order, MAX_ORDER).ok_or(OrderError::NotSealed)?)?;
        let c_string = |text: &String| CString::new(text.as_str()).map_err(|_| OrderError::Nul);
        let argv = order.argv.iter().map(c_string).collect::<Result<_, _>>()?;
        let workdir = order.workdir.as_ref().map(c_string).transpose()?;
        let who = Who::parse(order.user.as_deref()).ok_or_else(|| OrderError::User(order.user.clone().unwrap_or_default()))?;
        Ok(Session { order, argv, workdir, who, told, standard: [stdin, stdout, stderr], notify })
    }

    pub fn is_sibling(&self) -> bool {
        self.order.sibling
    }

    /// Starts the process; it is a child of the keeper, or its sibling.
    pub fn start(self) -> Result<Pid, OrderError> {
        // SAFETY: this process has one thread, so the child has a consistent copy of all memory and locks.
        match unsafe { system::fork_beside(self.order.sibling) } {
            -1 => Err(OrderError::Fork(Errno::last())),
            0 => {
                let failure = self.run().expect_err("a program that runs does not return");
                // No reader: then nobody waits for the answer either.
                let _ = write(&self.told, &failure.encode());
                // SAFETY: ends the process at once; the keeper's buffers and exit handlers are none of its business.
                unsafe { libc::_exit(1) }
            }
            pid => Ok(Pid::from_raw(pid)),
        }
    }

    fn run(&self) -> Result<std::convert::Infallible, Failure> {
        use crate::jail::enter::step::{Step, at};
        reset::signals();
        system::adopt_orphans(self.order.adopts).map_err(at(Step::Session))?;
        let program = Program {
            argv: &self.argv,
            env: &self.order.env,
            who: &self.who,
            workdir: self.workdir.as_deref(),
            terminal: self.order.terminal,
            term: self.order.term.as_deref(),
            notify: self.notify.as_ref().map(AsFd::as_fd),
            low_ports: self.order.low_ports,
        };
        let standard: [BorrowedFd<'_>; 3] = [self.standard[0].as_fd(), self.standard[1].as_fd(), self.standard[2].as_fd()];
        program.begin_session(standard)?;
        close_all_but(&mut program.kept(self.told.as_fd())).map_err(at(Step::Descriptors))?;
        let person = program.look_up()?;
        program.take_groups(&person)?;
        program.run(&person)
    }
}
