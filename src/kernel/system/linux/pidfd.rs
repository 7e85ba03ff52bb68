//! A process by descriptor: what it names never becomes another process.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// Readable once the process has ended.
#[derive(Debug)]
pub struct Process(OwnedFd);

impl Process {
    /// By a descriptor that somebody sent, of the process with this pid.
    pub fn received(_pid: i32, descriptor: OwnedFd) -> Process {
        Process(descriptor)
    }

    /// The same process by another descriptor.
    pub fn again(&self) -> std::io::Result<Process> {
        self.0.try_clone().map(Process)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Opens a process. The caller makes sure that the pid still is the one it means.
pub fn open(pid: i32) -> Result<Process, Errno> {
    // SAFETY: pidfd_open(2) takes no pointers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: a fresh descriptor (close-on-exec) that nobody else owns.
    Ok(Process(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
}

/// Sends a signal to the very process, never to a later one of the same pid.
pub fn signal(process: &Process, signal: i32) -> Result<(), Errno> {
    send(process, signal, 0)
}

/// The same to the process group that the process leads. Since Linux 6.9.
pub fn signal_group(process: &Process, signal: i32) -> Result<(), Errno> {
    /// linux/pidfd.h
    const PIDFD_SIGNAL_PROCESS_GROUP: u32 = 1 << 2;
    send(process, signal, PIDFD_SIGNAL_PROCESS_GROUP)
}

fn send(process: &Process, signal: i32, flags: u32) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: pidfd_send_signal(2) on an open descriptor; null stands for what kill(2) would say.
    Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.0.as_raw_fd(), signal, none, flags) }).map(drop)
}
