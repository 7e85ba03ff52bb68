//! How a process ended, in words.

use std::fmt;

use nix::sys::signal::Signal;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Status(i32),
    Signal(i32),
    /// Killed because the jail's keeper had ended.
    WithKeeper,
}

impl Ending {
    pub fn is_success(self) -> bool {
        self == Ending::Status(0)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Status(status) => write!(f, "exited with status {status}"),
            Ending::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "killed by {signal}"),
                Err(_) => write!(f, "killed by signal {number}"),
            },
            Ending::WithKeeper => write!(f, "killed because the jail's keeper had ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_read_well() {
        assert_eq!(Ending::Status(3).to_string(), "exited with status 3");
        assert_eq!(Ending::Signal(libc::SIGSEGV).to_string(), "killed by SIGSEGV");
        assert_eq!(Ending::Signal(libc::SIGRTMIN()).to_string(), "killed by signal 34");
    }
}
