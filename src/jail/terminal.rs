//! The caller's terminal and the jail's pty: raw mode that is undone on every way out, window sizes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

use super::JailError;

/// The caller's terminal in raw mode; as it was again on drop, a panic included.
pub struct RawMode {
    terminal: OwnedFd,
    before: Termios,
}

impl RawMode {
    pub fn enter(terminal: BorrowedFd<'_>) -> Result<RawMode, JailError> {
        let doing = || JailError::system("set the terminal to raw mode");
        let terminal = terminal.try_clone_to_owned().map_err(JailError::io("keep the terminal"))?;
        let before = tcgetattr(&terminal).map_err(doing())?;
        let raw = RawMode { terminal, before };
        raw.apply().map_err(doing())?;
        Ok(raw)
    }

    /// Raw again, after the shell that stopped us took the terminal back and changed it.
    pub fn apply(&self) -> Result<(), Errno> {
        let mut raw = self.before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&self.terminal, SetArg::TCSANOW, &raw)
    }

    /// Gives the jail's pty the size of the caller's window.
    pub fn copy_size(&self, pty: BorrowedFd<'_>) -> Result<(), Errno> {
        let size = window(self.terminal.as_fd())?;
        // SAFETY: an open pty and one winsize; the kernel tells the foreground processes.
        Errno::result(unsafe { libc::ioctl(pty.as_raw_fd(), libc::TIOCSWINSZ, &size) }).map(drop)
    }
}

/// Lines and columns of a terminal, if it is one and tells.
pub fn size(terminal: BorrowedFd<'_>) -> Option<(usize, usize)> {
    let size = window(terminal).ok()?;
    let (lines, columns) = (usize::from(size.ws_row), usize::from(size.ws_col));
    (lines > 0 && columns > 0).then_some((lines, columns))
}

fn window(terminal: BorrowedFd<'_>) -> Result<libc::winsize, Errno> {
    // SAFETY: all-zero is a valid winsize.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: an open descriptor and room for one winsize.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &mut size) })?;
    Ok(size)
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}
