//! What a probe of a running jail reaches for: things that harm nobody should they be reached after all, made on the host and
//! gone when dropped.
//!
//! The directory and the file that are handed in lie on a file system of their own that is mounted nowhere: a jail that got
//! hold of them would find nothing above.

use std::collections::HashSet;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};
use nix::sys::stat::Mode;

use super::reach::MARK;
use crate::jail::spec::probe::Probe;
use crate::jail::store::random_name;
use crate::jail::{Host, JailError};
use crate::kernel::system;
use crate::kernel::{JailName, Jid, Port, Protocol, Reservation};

/// Laid out.
pub struct Bait {
    pub segment: Segment,
    /// Name of the listening abstract socket.
    pub socket: String,
    _listener: UnixListener,
    /// The jail's end of what the directory and the file lie in; `None` once it was given.
    pub descriptors: OwnedFd,
    _ours: OwnedFd,
    pub neighbour: Neighbour,
}

/// What other jails have.
#[derive(Debug, Default)]
pub struct Neighbour {
    /// A process, and whose it is.
    pub member: Option<(i32, JailName)>,
    /// To bind a port that nobody has a socket on, and who reserved it.
    pub port: Option<(Probe, JailName)>,
}

impl Bait {
    /// # Errors
    /// What the kernel refuses this process.
    pub fn lay(host: &Host, jid: Jid) -> Result<Bait, JailError> {
        let socket = random_name("jailsh-probe-")?;
        let address = system::hidden_address(&socket).map_err(JailError::io("name a socket"))?;
        let listener = UnixListener::bind_addr(&address).map_err(JailError::io("listen on an abstract socket"))?;
        let (ours, theirs) = handed_in().map_err(JailError::system("lay out what a probe is handed"))?;
        let segment = Segment::new().map_err(JailError::system("make a shared memory segment"))?;
        Ok(Bait {
            segment,
            socket,
            _listener: listener,
            descriptors: theirs,
            _ours: ours,
            neighbour: Neighbour::find(host, jid)?,
        })
    }
}

impl Neighbour {
    fn find(host: &Host, jid: Jid) -> Result<Neighbour, JailError> {
        let mut found = Neighbour::default();
        let used = ports_in_use();
        for jail in host.kernel.list()?.into_iter().filter(|jail| jail.jid != jid) {
            if let Some(probe) = jail.policy.ports.iter().find_map(|theirs| unused(*theirs, &used)) {
                found.port.get_or_insert((probe, jail.name.clone()));
            }
            // One that ends meanwhile has no members.
            if let Some(member) = host.kernel.members(jail.jid).unwrap_or_default().first() {
                found.member.get_or_insert((member.pid, jail.name.clone()));
            }
        }
        Ok(found)
    }
}

/// A bind of one of these.
fn unused(theirs: Reservation, used: &HashSet<u16>) -> Option<Probe> {
    let number = theirs.numbers().find(|number| !used.contains(number))?;
    let port = Port::try_from(i64::from(number)).ok()?;
    Some(Probe::Bind { address: theirs.address(), port, udp: theirs.protocol() == Some(Protocol::Udp) })
}

/// Local ports of all TCP sockets, proc_net_tcp(5).
fn ports_in_use() -> HashSet<u16> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(local_port).collect()
}

fn local_port(line: &str) -> Option<u16> {
    let address = line.split_whitespace().nth(1)?;
    u16::from_str_radix(address.rsplit(':').next()?, 16).ok()
}

/// A page of System V shared memory for everybody, shmget(2).
pub struct Segment(pub i32);

impl Segment {
    fn new() -> Result<Segment, Errno> {
        // SAFETY: only takes numbers.
        Errno::result(unsafe { libc::shmget(libc::IPC_PRIVATE, 1, libc::IPC_CREAT | 0o666) }).map(Segment)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: this command takes no buffer; the segment is ours.
        unsafe { libc::shmctl(self.0, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

/// A pair of sockets; in the second lie a directory and a file, a message each.
fn handed_in() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    let directory = system::new_tmpfs()?;
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let file = openat(directory.as_fd(), MARK, flags, Mode::from_bits_truncate(0o666))?;
    for sent in [directory, file] {
        let control = [ControlMessage::ScmRights(&[sent.as_raw_fd()])];
        sendmsg::<()>(ours.as_raw_fd(), &[IoSlice::new(b"d")], &control, MsgFlags::empty(), None)?;
    }
    Ok((ours, theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_port_is_read_whatever_the_address() {
        let lines = [
            "   0: 0100007F:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1",
            "   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A",
            "",
        ];
        assert_eq!(lines.map(local_port), [Some(18080), Some(80), None]);
    }
}
