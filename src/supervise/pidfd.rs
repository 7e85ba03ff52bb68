//! A process by descriptor: what it names never becomes another process.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

pub use crate::kernel::system::pidfd::{Process, open};

pub fn signal(process: &Process, signal: Signal) -> Result<(), Errno> {
    crate::kernel::system::pidfd::signal(process, signal as i32)
}

/// Waits for the end of the process; says whether it came in time.
pub fn wait(process: &Process, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}
