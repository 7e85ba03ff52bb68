//! The way into one jail, opened while the process still sees the host's files.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::abi::{ABI, JailCall};
use crate::kernel::{Gate, bpf, cgroup};

/// A thread that was joined is still counted for a while (seen on 6.12: about 50 ms).
const SETTLING: Duration = Duration::from_millis(5);
const SETTLING_TRIES: u32 = 40;

pub struct LsmGate {
    pub(super) jid: u32,
    /// `ctl_enter`.
    pub(super) program: OwnedFd,
    /// The jail's; its group of cgroup2 is a directory, and whoever enters holds none.
    pub(super) name: String,
    /// The `cgroup.procs` of the jail's control groups, that of cgroup2 first; none on a host without.
    pub(super) groups: Vec<OwnedFd>,
}

impl Gate for LsmGate {
    fn descriptors(&self) -> Vec<i32> {
        self.groups.iter().map(AsRawFd::as_raw_fd).chain([self.program.as_raw_fd()]).collect()
    }

    fn group(&self) -> Option<OwnedFd> {
        cgroup::open(&self.name)
    }

    fn join_cgroup(&self, born: bool) -> Result<(), Errno> {
        self.groups.iter().skip(usize::from(born)).try_for_each(|group| nix::unistd::write(group, b"0").map(drop))
    }

    fn enter(&self) -> Result<(), Errno> {
        for attempt in 1.. {
            let mut call = JailCall { abi: ABI, jid: self.jid, processes: 0 };
            match bpf::run(self.program.as_fd(), &mut call)? {
                0 => return Ok(()),
                answer if Errno::from_raw(answer as i32) == Errno::EBUSY && attempt < SETTLING_TRIES => {
                    std::thread::sleep(SETTLING);
                }
                answer => return Err(Errno::from_raw(answer as i32)),
            }
        }
        Err(Errno::EBUSY)
    }
}
