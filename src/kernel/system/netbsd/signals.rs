//! Signals that come by a descriptor: a kqueue(2), which hears of one whether it is blocked, ignored or neither.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};

use nix::Result;
use nix::errno::Errno;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use nix::sys::signal::{SigSet, Signal};

/// Events taken at a time.
const EVENTS: usize = 16;

/// Readable when a signal is there.
#[derive(Debug)]
pub struct Signals {
    queue: Kqueue,
    taken: RefCell<VecDeque<i32>>,
}

impl Signals {
    /// Of these, which the caller blocks.
    pub fn of(signals: &SigSet) -> Result<Signals> {
        let queue = Kqueue::new()?;
        nix::fcntl::fcntl(&queue, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        let signals_of = |set: &SigSet| set.iter().collect::<Vec<Signal>>();
        for signal in signals_of(signals) {
            add(&queue, signal as usize, EventFilter::EVFILT_SIGNAL, EvFlags::EV_CLEAR, FilterFlag::empty())?;
        }
        // What came while they were blocked, and before the queue heard of them.
        let mut pending = *SigSet::empty().as_ref();
        // SAFETY: room for one set.
        Errno::result(unsafe { libc::sigpending(&raw mut pending) })?;
        // SAFETY: asks whether a number is in a set that the kernel filled.
        let is_pending = |signal: &Signal| unsafe { libc::sigismember(&raw const pending, *signal as i32) } == 1;
        let taken = signals_of(signals).into_iter().filter(is_pending).map(|signal| signal as i32).collect();
        Ok(Signals { queue, taken: RefCell::new(taken) })
    }

    /// SIGTERM also when this process's parent ends.
    pub fn and_end_of_parent(&self) -> Result<()> {
        let parent = nix::unistd::getppid().as_raw() as usize;
        match add(&self.queue, parent, EventFilter::EVFILT_PROC, EvFlags::empty(), FilterFlag::NOTE_EXIT) {
            // Gone already.
            Err(Errno::ESRCH) => {
                self.taken.borrow_mut().push_back(libc::SIGTERM);
                Ok(())
            }
            other => other,
        }
    }

    /// The next signal, and the pid of who sent it; 0: the system does not tell.
    pub fn next(&self) -> Option<(i32, i32)> {
        let mut taken = self.taken.borrow_mut();
        if taken.is_empty() {
            let blank = KEvent::new(0, EventFilter::EVFILT_READ, EvFlags::empty(), FilterFlag::empty(), 0, 0);
            let mut events = [blank; EVENTS];
            let at_once = Some(libc::timespec { tv_sec: 0, tv_nsec: 0 });
            let count = self.queue.kevent(&[], &mut events, at_once).unwrap_or(0);
            taken.extend(events[..count].iter().map(|event| match event.filter() {
                Ok(EventFilter::EVFILT_SIGNAL) => event.ident() as i32,
                _ => libc::SIGTERM,
            }));
        }
        taken.pop_front().map(|signal| (signal, 0))
    }
}

fn add(queue: &Kqueue, ident: usize, filter: EventFilter, how: EvFlags, note: FilterFlag) -> Result<()> {
    let event = KEvent::new(ident, filter, EvFlags::EV_ADD | how, note, 0, 0);
    let at_once = Some(libc::timespec { tv_sec: 0, tv_nsec: 0 });
    queue.kevent(&[event], &mut [], at_once).map(drop)
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
