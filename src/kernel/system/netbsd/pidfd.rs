//! A process by descriptor: a kqueue(2) that tells of its end (EVFILT_PROC, NOTE_EXIT). A signal goes by number, and only
//! while that end was not told: between the one and the other the process would have to end, be reaped, and its number be
//! given anew.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};

/// Readable once the process has ended.
#[derive(Debug)]
pub struct Process {
    queue: OwnedFd,
    pid: i32,
}

impl Process {
    /// By a descriptor that somebody sent, of the process with this pid. Nobody sends a kqueue, which cannot be sent.
    pub fn received(pid: i32, descriptor: OwnedFd) -> Process {
        Process { queue: descriptor, pid }
    }

    /// The same process by another descriptor.
    pub fn again(&self) -> std::io::Result<Process> {
        Ok(Process { queue: self.queue.try_clone()?, pid: self.pid })
    }

    fn has_ended(&self) -> bool {
        poll(&mut [PollFd::new(self.queue.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO) != Ok(0)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// Opens a process. The caller makes sure that the pid still is the one it means. One that ended, and was not reaped, is
/// readable at once.
pub fn open(pid: i32) -> Result<Process, Errno> {
    let queue = Kqueue::new()?;
    let change = |ident: usize, filter, note| {
        let event = KEvent::new(ident, filter, EvFlags::EV_ADD, note, 0, 0);
        let at_once = Some(libc::timespec { tv_sec: 0, tv_nsec: 0 });
        queue.kevent(&[event], &mut [], at_once).map(drop)
    };
    match change(pid as usize, EventFilter::EVFILT_PROC, FilterFlag::NOTE_EXIT) {
        // A zombie is not found, though kill(2) knows it still: a timer stands for its end.
        // SAFETY: takes numbers.
        Err(Errno::ESRCH) if unsafe { libc::kill(pid, 0) } == 0 => {
            change(pid as usize, EventFilter::EVFILT_TIMER, FilterFlag::empty())?;
        }
        registered => registered?,
    }
    let queue = OwnedFd::from(queue);
    // A kqueue is not handed to a child, but to a program that is executed.
    nix::fcntl::fcntl(&queue, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    Ok(Process { queue, pid })
}

/// Sends a signal, unless the process has ended.
pub fn signal(process: &Process, signal: i32) -> Result<(), Errno> {
    send(process, process.pid, signal)
}

/// The same to the process group that the process leads.
pub fn signal_group(process: &Process, signal: i32) -> Result<(), Errno> {
    send(process, -process.pid, signal)
}

fn send(process: &Process, to: i32, signal: i32) -> Result<(), Errno> {
    if process.has_ended() {
        return Err(Errno::ESRCH);
    }
    // SAFETY: takes numbers.
    Errno::result(unsafe { libc::kill(to, signal) }).map(drop)
}
