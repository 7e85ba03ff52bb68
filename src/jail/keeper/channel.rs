//! Packets with descriptors over a unix socket. Whole packets only: a cut one is an error, and its descriptors are closed.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use super::message::MAX_PACKET;

/// As many descriptors as one packet can bring (SCM_MAX_FD of the kernel's include/net/scm.h): with less room those that
/// fit would stay open, unseen.
const ROOM: usize = 253;
/// As many as any message has.
const MAX_DESCRIPTORS: usize = 8;

/// One end of a connection between a keeper and somebody who asks it.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// A message as it came.
#[derive(Debug)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Over a connected socket of type SOCK_SEQPACKET.
    pub fn new(socket: OwnedFd) -> Channel {
        Channel(socket)
    }

    /// Sends a packet without waiting for room.
    pub fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let raw: Vec<i32> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &[][..] } else { &rights[..] };
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        loop {
            match sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
                Ok(sent) if sent < bytes.len() => return Err(Errno::EMSGSIZE),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// The packet that has come; `None` at the end of the connection.
    ///
    /// # Errors
    /// `EAGAIN` when none has; `EMSGSIZE` for one that is too long or brings too many descriptors.
    pub fn receive(&self) -> Result<Option<Packet>, Errno> {
        let mut bytes = vec![0; MAX_PACKET];
        let mut room = nix::cmsg_space!([i32; ROOM]);
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let message = loop {
            match recvmsg::<()>(self.0.as_raw_fd(), &mut slices, Some(&mut room), flags) {
                Err(Errno::EINTR) => {}
                other => break other?,
            }
        };
        let mut descriptors = Vec::new();
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(raw) = control {
                // SAFETY: the kernel just made these descriptors for us, and nobody else knows them.
                descriptors.extend(raw.into_iter().map(|raw| unsafe { OwnedFd::from_raw_fd(raw) }));
            }
        }
        let (length, flags) = (message.bytes, message.flags);
        if flags.contains(MsgFlags::MSG_TRUNC) || descriptors.len() > MAX_DESCRIPTORS {
            return Err(Errno::EMSGSIZE);
        }
        if length == 0 {
            return Ok(None);
        }
        bytes.truncate(length);
        Ok(Some(Packet { bytes, descriptors }))
    }

    /// Waits for the next packet until `deadline`; without one for ever.
    ///
    /// # Errors
    /// `ETIMEDOUT`, and those of [`Channel::receive`].
    pub fn receive_until(&self, deadline: Option<Instant>) -> Result<Option<Packet>, Errno> {
        loop {
            match self.receive() {
                Err(Errno::EAGAIN) => wait(self.0.as_fd(), deadline)?,
                other => return other,
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until a descriptor can be read. `ETIMEDOUT` at the deadline.
pub fn wait(fd: BorrowedFd<'_>, deadline: Option<Instant>) -> Result<(), Errno> {
    loop {
        let timeout = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => PollTimeout::NONE,
            Some(left) if left.is_zero() => return Err(Errno::ETIMEDOUT),
            Some(left) => PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX),
        };
        match poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    fn pair() -> (Channel, Channel) {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        (Channel(a), Channel(b))
    }

    fn null() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn a_packet_brings_its_descriptors_and_they_close_on_exec() {
        let (a, b) = pair();
        let null = null();
        a.send(b"hello", &[null.as_fd(), null.as_fd()]).unwrap();
        let packet = b.receive().unwrap().unwrap();
        assert_eq!((packet.bytes.as_slice(), packet.descriptors.len()), (&b"hello"[..], 2));
        for fd in &packet.descriptors {
            let flags = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFD).unwrap();
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        }
    }

    #[test]
    fn what_is_too_long_or_brings_too_much_is_refused_and_the_next_packet_is_taken() {
        let (a, b) = pair();
        a.send(&vec![b'x'; MAX_PACKET + 1], &[]).unwrap();
        assert_eq!(b.receive().unwrap_err(), Errno::EMSGSIZE);
        let null = null();
        a.send(b"x", &[null.as_fd(); MAX_DESCRIPTORS + 1]).unwrap();
        assert_eq!(b.receive().unwrap_err(), Errno::EMSGSIZE);
        a.send(b"fine", &[]).unwrap();
        assert_eq!(b.receive().unwrap().unwrap().bytes, b"fine");
    }

    #[test]
    fn silence_ends_at_the_deadline_and_an_end_is_an_end() {
        let (a, b) = pair();
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(b.receive_until(Some(soon)).unwrap_err(), Errno::ETIMEDOUT);
        drop(a);
        assert!(b.receive_until(None).unwrap().is_none());
    }
}
