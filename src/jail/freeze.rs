//! Holding a jail still while its files are copied. A child of ours lets it go again, also when we are killed.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::unistd::{Pid, close, pipe2, setsid};

use super::{Host, JailError, fork};
use crate::kernel::Jid;

/// A frozen jail; runs again on drop, and when this process ends in whatever way.
pub struct Frozen {
    /// Closed to let it go.
    held: Option<OwnedFd>,
    keeper: Pid,
}

impl Frozen {
    pub fn new(host: &Host, jid: Jid) -> Result<Frozen, JailError> {
        let (told, held) = pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))?;
        let ours = held.as_raw_fd();
        let keeper = fork::in_child(move || {
            // A terminal's signals are for us, not for whom cleans up after us.
            let _ = setsid();
            // The child's own copy, which would keep the pipe open after our end; nobody uses it in the child.
            let _ = close(ours);
            let _ = File::from(told).read(&mut [0]);
            i32::from(host.kernel.thaw(jid).is_err())
        })?;
        let frozen = Frozen { held: Some(held), keeper };
        host.kernel.freeze(jid)?;
        Ok(frozen)
    }

    /// Lets the jail run again, and waits for it.
    pub fn thaw(mut self, host: &Host, jid: Jid) -> Result<(), JailError> {
        match self.release() {
            Some(0) => Ok(()),
            // Once more ourselves, for the reason.
            _ => Ok(host.kernel.thaw(jid)?),
        }
    }

    fn release(&mut self) -> Option<i32> {
        self.held.take().and_then(|held| {
            drop(held);
            fork::wait(self.keeper)
        })
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // After an error, which is the one to tell.
        let _ = self.release();
    }
}
