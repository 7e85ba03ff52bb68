//! Waiting for a process in a jail: bytes to and from it, signals for it, its end, its deadline. One poll loop; it never
//! waits for a pipe to close, since whatever the process left behind may hold it open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{read, write};

use super::terminal::RawMode;
use super::{Child, JailError};
use crate::kernel::system::{self, pidfd};

/// Passed on to the process; it has a session of its own, so a terminal's signals reach only us.
const FORWARDED: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];
const CHUNK: usize = 64 * 1024;
/// Written at once to a descriptor that may block.
const SLICE: usize = 4096;
/// Read at most after the process ended: what was in the pipes, not what some daemon goes on writing.
const AFTERWARDS: usize = 1 << 20;

/// Signals held back and read from a descriptor, until dropped.
pub struct Signals {
    fd: system::Signals,
    before: SigSet,
}

impl Signals {
    /// Call before the process is started, so that none is lost in between.
    pub fn hold() -> Result<Signals, JailError> {
        let doing = || JailError::system("hold back signals");
        let held = SigSet::from_iter(FORWARDED.into_iter().chain([Signal::SIGWINCH, Signal::SIGCONT]));
        let fd = system::Signals::of(&held).map_err(doing())?;
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), Some(&mut before)).map_err(doing())?;
        Ok(Signals { fd, before })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Cannot fail: the mask is the one the kernel gave us.
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}

/// Where bytes go.
pub enum Sink {
    Fd(OwnedFd),
    /// Kept, up to a limit.
    Memory(usize),
}

/// Bytes on their way from a descriptor, or from memory, to a sink.
pub struct Flow {
    from: Option<OwnedFd>,
    to: Option<Sink>,
    bytes: Vec<u8>,
    written: usize,
    afterwards: usize,
    /// Comes from the process: what is left when it ended is still taken.
    output: bool,
    /// Goes to a terminal, where an end of file is typed.
    typed: bool,
}

/// What a terminal in canonical mode takes for the end of its input (VEOF, termios(3)): once to end a line that has
/// begun, and once more.
const END_OF_FILE: [u8; 2] = [4, 4];

impl Flow {
    /// From the process.
    pub fn output(from: OwnedFd, to: Sink) -> Flow {
        Flow { from: Some(from), to: Some(to), bytes: Vec::new(), written: 0, afterwards: 0, output: true, typed: false }
    }

    /// To the process, from a descriptor.
    pub fn input(from: OwnedFd, to: OwnedFd) -> Flow {
        Flow {
            from: Some(from),
            to: Some(Sink::Fd(to)),
            bytes: Vec::new(),
            written: 0,
            afterwards: 0,
            output: false,
            typed: false,
        }
    }

    /// To the process's terminal, from a descriptor.
    pub fn typed(from: OwnedFd, to: OwnedFd) -> Flow {
        Flow { typed: true, ..Flow::input(from, to) }
    }

    /// To the process, from memory; then end of file.
    pub fn bytes(bytes: Vec<u8>, to: OwnedFd) -> Flow {
        Flow { from: None, to: Some(Sink::Fd(to)), bytes, written: 0, afterwards: 0, output: false, typed: false }
    }

    /// What was kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn pending(&self) -> bool {
        matches!(self.to, Some(Sink::Fd(_))) && self.written < self.bytes.len()
    }

    /// What it waits for.
    fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match (&self.to, &self.from) {
            (Some(Sink::Fd(to)), _) if self.pending() => Some((to.as_fd(), PollFlags::POLLOUT)),
            (Some(_), Some(from)) => Some((from.as_fd(), PollFlags::POLLIN)),
            _ => None,
        }
    }

    /// Moves what can be moved. `Err` with the limit when memory is full.
    fn advance(&mut self, ended: bool) -> Result<(), usize> {
        if self.pending() {
            self.write();
        } else if self.from.is_some() && self.to.is_some() {
            self.read(ended)?;
        }
        if self.from.is_none() && !self.pending() && matches!(self.to, Some(Sink::Fd(_))) {
            // Closing it is the end of file that the process waits for.
            self.to = None;
        }
        Ok(())
    }

    fn write(&mut self) {
        let Some(Sink::Fd(to)) = &self.to else { return };
        let end = self.bytes.len().min(self.written + SLICE);
        match write(to, &self.bytes[self.written..end]) {
            Ok(count) => self.written += count,
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // Nobody reads any more.
            Err(_) => (self.from, self.to) = (None, None),
        }
        if !self.pending() && self.to.is_some() {
            self.bytes.clear();
            self.written = 0;
        }
    }

    fn read(&mut self, ended: bool) -> Result<(), usize> {
        let Some(from) = &self.from else { return Ok(()) };
        let mut chunk = [0; CHUNK];
        match read(from, &mut chunk) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // A pty's master says EIO when the last slave was closed.
            Ok(0) | Err(_) => {
                self.from = None;
                if self.typed {
                    self.bytes.extend(END_OF_FILE);
                }
            }
            Ok(count) => {
                self.bytes.extend_from_slice(&chunk[..count]);
                if ended {
                    self.afterwards += count;
                }
                if let Some(Sink::Memory(limit)) = self.to
                    && self.bytes.len() > limit
                {
                    return Err(limit);
                }
            }
        }
        if self.afterwards > AFTERWARDS {
            self.from = None;
        }
        Ok(())
    }
}

/// Why a relay ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// The process ended; it is not reaped yet.
    Exited,
    /// It had its time and runs on.
    Deadline,
    /// It wrote more than the limit and runs on.
    TooMuch(usize),
}

/// Relays until the process ends or must be ended. `terminal`: the caller's, and the master of the jail's pty.
pub fn relay(
    child: &Child,
    signals: &Signals,
    flows: &mut [Flow],
    deadline: Option<Instant>,
    terminal: Option<(&RawMode, BorrowedFd<'_>)>,
) -> Result<Ended, JailError> {
    let mut ended = false;
    loop {
        let (exited, signalled, ready) = wait(child, signals, flows, deadline, ended)?;
        if signalled {
            deliver(child, signals, terminal);
        }
        let mut moved = false;
        for (flow, _) in flows.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            moved = true;
            if let Err(limit) = flow.advance(ended) {
                return Ok(Ended::TooMuch(limit));
            }
        }
        if ended && !moved && !flows.iter().any(|flow| flow.output && flow.pending()) {
            return Ok(Ended::Exited);
        }
        if exited && !ended {
            ended = true;
            flows.iter_mut().filter(|flow| !flow.output).for_each(|flow| (flow.from, flow.to) = (None, None));
        }
        if !ended && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(Ended::Deadline);
        }
    }
}

/// Has the process ended, is a signal there, which flows can move?
fn wait(
    child: &Child,
    signals: &Signals,
    flows: &[Flow],
    deadline: Option<Instant>,
    ended: bool,
) -> Result<(bool, bool, Vec<bool>), JailError> {
    let mut polled =
        vec![PollFd::new(child.pidfd.as_fd(), PollFlags::POLLIN), PollFd::new(signals.fd.as_fd(), PollFlags::POLLIN)];
    let mut owners = Vec::new();
    for (index, flow) in flows.iter().enumerate() {
        if let Some((fd, events)) = flow.interest() {
            polled.push(PollFd::new(fd, events));
            owners.push(index);
        }
    }
    // The pidfd of a process that ended is always ready: left out then, so that waiting for a slow reader does not spin.
    let skip = usize::from(ended);
    let timeout = match (ended, deadline) {
        (true, _) if flows.iter().any(|flow| flow.output && flow.pending()) => PollTimeout::NONE,
        (true, _) => PollTimeout::ZERO,
        (false, None) => PollTimeout::NONE,
        // Rounded up, so that the deadline is over when poll returns for it.
        (false, Some(deadline)) => {
            let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        }
    };
    match poll(&mut polled[skip..], timeout) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok((false, false, vec![false; flows.len()])),
        Err(errno) => return Err(JailError::System { doing: "wait for the command".into(), errno }),
    }
    let is_ready = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
    let mut ready = vec![false; flows.len()];
    for (fd, owner) in polled[2..].iter().zip(owners) {
        ready[owner] = is_ready(fd);
    }
    Ok((ended || is_ready(&polled[0]), is_ready(&polled[1]), ready))
}

/// Hands on what arrived for us.
fn deliver(child: &Child, signals: &Signals, terminal: Option<(&RawMode, BorrowedFd<'_>)>) {
    while let Some((signal, _)) = signals.fd.next() {
        let Ok(signal) = Signal::try_from(signal) else { continue };
        match (signal, terminal) {
            // A terminal that is gone ends the relay by its end of file.
            (Signal::SIGWINCH, Some((raw, master))) => drop(raw.copy_size(master)),
            (Signal::SIGCONT, Some((raw, master))) => drop(raw.apply().and_then(|()| raw.copy_size(master))),
            (Signal::SIGWINCH | Signal::SIGCONT, None) => {}
            // The group too, as a terminal would.
            (signal, _) => {
                if child.signal_group(signal as i32).is_err() {
                    // Ended already: its status tells.
                    let _ = pidfd::signal(&child.pidfd, signal as i32);
                }
            }
        }
    }
}
