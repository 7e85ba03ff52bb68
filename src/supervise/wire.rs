//! Whole packets over the control socket. Descriptors that somebody sends along are never taken.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, accept4, bind, connect, listen, recv, send, socket,
};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::message::MAX_PACKET;
use crate::kernel::system::{TO_GO_THROUGH, peer, place_of};

/// The socket's name in the jail's run directory.
const SOCKET: &str = "control";
/// Callers that may wait to be accepted.
const BACKLOG: i32 = 16;
/// How often a supervisor with too many callers is tried.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A connection between a supervisor and a verb.
#[derive(Debug)]
pub struct Wire(OwnedFd);

/// Where a supervisor is called.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// In place of whatever an earlier supervisor left. The umask lets nobody else connect.
    pub fn bind(dir: &Path) -> Result<Listener, Errno> {
        let (path, dir) = (dir, directory(dir)?);
        match unlinkat(&dir, SOCKET, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        bind(socket.as_raw_fd(), &place_of(&dir, path, SOCKET)?)?;
        listen(&socket, Backlog::new(BACKLOG)?)?;
        Ok(Listener(socket))
    }

    /// The next caller and its pid, if it is root. Another one is turned away.
    pub fn accept(&self) -> Option<(Wire, i32)> {
        loop {
            let raw = accept4(self.0.as_raw_fd(), SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK).ok()?;
            // SAFETY: a descriptor just made by the kernel, owned by nobody else.
            let wire = Wire(unsafe { OwnedFd::from_raw_fd(raw) });
            if let Ok((0, pid)) = peer(&wire.0) {
                return Some((wire, pid));
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Wire {
    /// Calls the supervisor of a run directory.
    pub fn connect(dir: &Path) -> Result<Wire, Errno> {
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
        let (path, dir) = (dir, directory(dir)?);
        for _ in 1..TRIES {
            match connect(socket.as_raw_fd(), &place_of(&dir, path, SOCKET)?) {
                // As many as may wait do.
                Err(Errno::EAGAIN) => std::thread::sleep(PAUSE),
                other => {
                    other?;
                    break;
                }
            }
        }
        // Who answers is whoever bound the socket: root, or it is not asked.
        if peer(&socket)?.0 != 0 {
            return Err(Errno::EPERM);
        }
        Ok(Wire(socket))
    }

    /// Sends a packet without waiting for room.
    pub fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.len() > MAX_PACKET {
            return Err(Errno::EMSGSIZE);
        }
        send(self.0.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT).map(drop)
    }

    /// The packet that has come; `None` at the end of the connection. `EAGAIN` when none has, `EMSGSIZE` for a longer one.
    pub fn receive(&self, most: usize) -> Result<Option<Vec<u8>>, Errno> {
        let mut bytes = vec![0; most];
        // MSG_TRUNC: the length that was sent, not the length that fits.
        let length = recv(self.0.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC)?;
        if length > most {
            return Err(Errno::EMSGSIZE);
        }
        bytes.truncate(length);
        Ok((length > 0).then_some(bytes))
    }

    /// Waits for the next packet. `ETIMEDOUT` at the deadline, `ECONNRESET` at the end.
    pub fn receive_until(&self, deadline: Instant) -> Result<Vec<u8>, Errno> {
        loop {
            match self.receive(MAX_PACKET) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                other => return other?.ok_or(Errno::ECONNRESET),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Errno::ETIMEDOUT);
            }
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn directory(dir: &Path) -> Result<OwnedFd, Errno> {
    open(dir, TO_GO_THROUGH | OFlag::O_NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_is_heard() {
        let dir = tempfile::tempdir().unwrap();
        let listener = Listener::bind(dir.path()).unwrap();
        for path in [dir.path().to_owned(), dir.path().join(SOCKET)] {
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        }
        let path = dir.path().to_owned();
        let stranger = std::thread::spawn(move || {
            let unchanged = -1_i32;
            // SAFETY: numbers only. The system call itself, unlike the library's, changes this thread alone.
            let answer = unsafe { libc::syscall(libc::SYS_setresuid, unchanged, 65534, unchanged) };
            assert_eq!(answer, 0, "this test needs root");
            Wire::connect(&path).unwrap().receive_until(Instant::now() + Duration::from_secs(5))
        });
        std::thread::sleep(Duration::from_millis(100));
        let root = Wire::connect(dir.path()).unwrap();
        let (wire, pid) = listener.accept().expect("root's call");
        assert_eq!(pid, std::process::id() as i32);
        assert!(listener.accept().is_none());
        assert!(stranger.join().unwrap().is_err(), "a stranger is turned away without a word");
        root.send(b"hello").unwrap();
        assert_eq!(wire.receive(5), Ok(Some(b"hello".to_vec())));
        root.send(b"hello").unwrap();
        assert_eq!(wire.receive(4), Err(Errno::EMSGSIZE));
        assert_eq!(wire.receive(4), Err(Errno::EAGAIN));
    }
}
