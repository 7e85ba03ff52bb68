//! Local sockets.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;

use nix::Result;
use nix::errno::Errno;
use nix::sys::socket::UnixAddr;

/// sys/un.h.
const SOL_LOCAL: libc::c_int = 0;

/// Who is at the other end: user and pid, as they were when it connected or listened.
pub fn peer(socket: &impl AsFd) -> Result<(u32, i32)> {
    let mut peer = libc::unpcbid { unp_pid: 0, unp_euid: 0, unp_egid: 0 };
    let mut size = size_of::<libc::unpcbid>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: an open socket, and room for one structure of this size.
    let answer = unsafe { libc::getsockopt(fd, SOL_LOCAL, libc::LOCAL_PEEREID, (&raw mut peer).cast(), &mut size) };
    Errno::result(answer)?;
    if size as usize != size_of::<libc::unpcbid>() {
        return Err(Errno::EPROTO);
    }
    Ok((peer.unp_euid, peer.unp_pid))
}

/// The address of a socket in a directory: by its path, all of which is root's.
pub fn place_of(_directory: &OwnedFd, path: &Path, name: &str) -> Result<UnixAddr> {
    UnixAddr::new(&path.join(name))
}

/// The address of a socket that no file stands for, which there is none of.
pub fn hidden_address(_name: &str) -> std::io::Result<SocketAddr> {
    Err(Errno::EOPNOTSUPP.into())
}
