//! The reading end of one output of the service.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::line::Splitter;

/// Bytes taken at once: little, because each may be an empty line, which is long in the log.
const READ: usize = 2048;

/// A pipe that is cut into lines. Its end says nothing about the service.
#[derive(Debug, Default)]
pub struct Pipe {
    file: Option<File>,
    splitter: Splitter,
}

impl Pipe {
    /// A new pipe and its writing end, for the next run.
    pub fn open(&mut self) -> Result<OwnedFd, Errno> {
        let (ours, theirs) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        // Ours alone: each end has its own flags.
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        self.file = Some(ours.into());
        Ok(theirs)
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(|file| file.as_fd())
    }

    /// Takes what is there, once. False when there was nothing more to take for now, or ever.
    pub fn read(&mut self, line: impl FnMut(String)) -> bool {
        let Some(file) = &mut self.file else { return false };
        let mut buffer = [0; READ];
        match file.read(&mut buffer) {
            Ok(0) => {}
            Ok(length) => {
                self.splitter.push(&buffer[..length], line);
                return true;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return false,
            Err(_) => {}
        }
        self.file = None;
        self.splitter.finish(line);
        false
    }

    /// Gives the pipe up, with what has no newline.
    pub fn close(&mut self, line: impl FnMut(String)) {
        self.file = None;
        self.splitter.finish(line);
    }
}
