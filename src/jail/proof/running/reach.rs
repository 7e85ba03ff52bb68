//! Reaching for what is the host's or another jail's: what the host laid out is named by an argument, or lies in the socket
//! that is standard input.

use crate::kernel::system;
use std::fmt;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::stat::Mode;

/// The file that a directory of [`super::bait`] holds.
pub const MARK: &str = "mark";

/// What is reached for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// A System V shared memory segment, by its number.
    Segment(i32),
    /// A listening abstract unix socket, by its name.
    Socket(String),
    /// A process: its directory in /proc, signal 0, its memory.
    See(i32),
    Signal(i32),
    Trace(i32),
    /// A directory and a file in messages on standard input.
    Directory,
    File,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Segment(id) => write!(f, "reach segment {id}"),
            Reach::Socket(name) => write!(f, "reach socket {name}"),
            Reach::See(pid) => write!(f, "reach see {pid}"),
            Reach::Signal(pid) => write!(f, "reach signal {pid}"),
            Reach::Trace(pid) => write!(f, "reach trace {pid}"),
            Reach::Directory => f.write_str("reach directory -"),
            Reach::File => f.write_str("reach file -"),
        }
    }
}

impl FromStr for Reach {
    type Err = ();

    fn from_str(text: &str) -> Result<Reach, ()> {
        let (kind, what) = text.strip_prefix("reach ").and_then(|rest| rest.split_once(' ')).ok_or(())?;
        // Signals to 0, -1 and groups are not what is meant.
        let number = || what.parse().ok().filter(|number: &i32| *number > 0).ok_or(());
        match kind {
            "segment" => what.parse().map(Reach::Segment).map_err(|_| ()),
            "socket" => Ok(Reach::Socket(what.to_owned())),
            "see" => number().map(Reach::See),
            "signal" => number().map(Reach::Signal),
            "trace" => number().map(Reach::Trace),
            "directory" => Ok(Reach::Directory),
            "file" => Ok(Reach::File),
            _ => Err(()),
        }
    }
}

impl Reach {
    /// Reaches for it.
    ///
    /// # Errors
    /// What the kernel answered.
    pub fn attempt(&self) -> Result<(), Errno> {
        match self {
            Reach::Segment(id) => attach(*id),
            Reach::Socket(name) => {
                let address = system::hidden_address(name).map_err(|_| Errno::EINVAL)?;
                UnixStream::connect_addr(&address).map(drop).map_err(errno)
            }
            Reach::See(pid) => nix::sys::stat::stat(&in_proc(*pid, "")).map(drop),
            Reach::Signal(pid) => nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), None),
            Reach::Trace(pid) => open(&in_proc(*pid, "mem"), OFlag::O_RDONLY, Mode::empty()).map(drop),
            Reach::Directory => openat(receive()?, MARK, OFlag::O_RDONLY, Mode::empty()).map(drop),
            Reach::File => {
                let file = receive()?;
                let again = format!("/proc/self/fd/{}", file.as_raw_fd());
                open(again.as_str(), OFlag::O_WRONLY, Mode::empty()).map(drop)
            }
        }
    }
}

fn in_proc(pid: i32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

/// sys/shm.h, of either system.
const SHM_RDONLY: i32 = 0o10000;

fn attach(id: i32) -> Result<(), Errno> {
    // SAFETY: attaches where the kernel chooses, for reading; it ends with this process, which never looks at it.
    let at = unsafe { libc::shmat(id, std::ptr::null(), SHM_RDONLY) };
    // shmat(2): (void *) -1 for an error.
    if at as isize == -1 { Err(Errno::last()) } else { Ok(()) }
}

/// The descriptor in the next message on standard input.
fn receive() -> Result<OwnedFd, Errno> {
    let mut byte = [0; 1];
    let mut space = nix::cmsg_space!(OwnedFd);
    let mut text = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(libc::STDIN_FILENO, &mut text, Some(&mut space), MsgFlags::MSG_DONTWAIT)?;
    let sent = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    // A descriptor that is refused is left out of the message, unix(7).
    let raw = sent.ok_or(Errno::EPERM)?;
    // SAFETY: just made by the kernel for this process, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reads_back_as_it_prints_and_no_number_means_many_processes() {
        let all = [
            Reach::Segment(0),
            Reach::Socket("a b".into()),
            Reach::See(7),
            Reach::Signal(7),
            Reach::Trace(7),
            Reach::Directory,
            Reach::File,
        ];
        for reach in all {
            assert_eq!(reach.to_string().parse(), Ok(reach));
        }
        for text in ["reach signal 0", "reach signal -1", "reach segment x", "reach", "reach out 1", "signal 7"] {
            assert_eq!(text.parse::<Reach>(), Err(()), "{text}");
        }
    }
}
