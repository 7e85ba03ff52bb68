//! A command on a terminal: it gets a pty of its own instead of the caller's, which it could read and type into long after it
//! was left. Bytes are carried between the two until it ends.

use std::io::IsTerminal;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Pid, read, write};

use super::terminal::RawMode;
use super::{Command, JailError, start};
use crate::kernel::Gate;

/// How often the window's size and the command's end are looked at, in milliseconds.
const LOOK: u16 = 200;
/// After the command's end, what others in its session still write is waited for this many looks with nothing new.
const LAST_LOOKS: u32 = 1;

fn standard() -> [BorrowedFd<'static>; 3] {
    // SAFETY: 0, 1 and 2 are open: Rust's start-up code opens /dev/null for those that were closed.
    [0, 1, 2].map(|fd| unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Is one of the standard descriptors a terminal?
pub fn has_terminal() -> bool {
    standard().iter().any(|fd| fd.is_terminal())
}

/// Runs the command in a child that has a pty wherever the caller has a terminal; its exit status, 128+n for signal n.
pub fn run(command: &Command, gate: &dyn Gate) -> Result<i32, JailError> {
    let pty = nix::pty::openpty(None, None).map_err(JailError::system("make a pty"))?;
    let keep = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map_err(JailError::io("keep a descriptor"));
    let mut stdio = Vec::new();
    for fd in standard() {
        stdio.push(keep(if fd.is_terminal() { pty.slave.as_fd() } else { fd })?);
    }
    let stdio: [OwnedFd; 3] = stdio.try_into().map_err(|_| JailError::system("keep a descriptor")(Errno::EINVAL))?;
    let [stdin, stdout, stderr] = standard();
    let raw = stdin.is_terminal().then(|| RawMode::enter(stdin)).transpose()?;
    if let Some(raw) = &raw {
        // A terminal that does not tell its size leaves the pty without one.
        let _ = raw.copy_size(pty.master.as_fd());
    }
    let child = start(command, gate, stdio)?;
    drop(pty.slave);
    let shown = if stdout.is_terminal() { stdout } else { stderr };
    Ok(carry(&pty.master, raw.as_ref(), shown, child))
}

fn carry(master: &OwnedFd, raw: Option<&RawMode>, shown: BorrowedFd<'_>, child: Pid) -> i32 {
    let [stdin, ..] = standard();
    let (mut status, mut quiet, mut listens, mut speaks) = (None, 0, raw.is_some(), true);
    loop {
        let wanted = if speaks { PollFlags::POLLIN } else { PollFlags::empty() };
        let mut polled = vec![PollFd::new(master.as_fd(), wanted)];
        if listens {
            polled.push(PollFd::new(stdin, PollFlags::POLLIN));
        }
        let count = poll(&mut polled, PollTimeout::from(LOOK)).unwrap_or(0);
        let woken: Vec<bool> = polled.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if speaks && woken[0] {
            speaks = copied(master.as_fd(), shown);
        }
        if woken.get(1) == Some(&true) {
            listens = copied(stdin, master.as_fd());
        }
        if let Some(raw) = raw {
            let _ = raw.copy_size(master.as_fd());
        }
        status = status.or_else(|| ended(child));
        if let Some(status) = status {
            quiet = if count == 0 { quiet + 1 } else { 0 };
            if !speaks || quiet >= LAST_LOOKS {
                return status;
            }
        }
        if !speaks && status.is_none() {
            // Its terminal is closed, and it goes on without.
            std::thread::sleep(std::time::Duration::from_millis(LOOK.into()));
        }
    }
}

/// Carries what is there; false at the end of the one, or where the other takes no more.
fn copied(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> bool {
    let mut buffer = [0; 4096];
    let length = match read(from, &mut buffer) {
        Ok(0) => return false,
        Ok(length) => length,
        Err(Errno::EINTR | Errno::EAGAIN) => return true,
        Err(_) => return false,
    };
    let mut left = &buffer[..length];
    while !left.is_empty() {
        match write(to, left) {
            Ok(length) => left = &left[length..],
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
    true
}

fn ended(child: Pid) -> Option<i32> {
    let mut status = 0;
    // SAFETY: writes one integer.
    match unsafe { libc::waitpid(child.as_raw(), &mut status, libc::WNOHANG) } {
        0 => None,
        found if found != child.as_raw() => Some(1),
        _ if libc::WIFEXITED(status) => Some(libc::WEXITSTATUS(status)),
        _ => Some(128 + libc::WTERMSIG(status)),
    }
}
