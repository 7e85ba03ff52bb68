//! Local sockets.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use nix::Result;
use nix::sys::socket::{UnixAddr, getsockopt, sockopt::PeerCredentials};

/// Who is at the other end: user and pid.
pub fn peer(socket: &impl AsFd) -> Result<(u32, i32)> {
    getsockopt(socket, PeerCredentials).map(|peer| (peer.uid(), peer.pid()))
}

/// The address of a socket in a directory, by its descriptor: short whatever the path, and no other directory's.
pub fn place_of(directory: &OwnedFd, _path: &Path, name: &str) -> Result<UnixAddr> {
    UnixAddr::new(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()).as_str())
}

/// The address of a socket that no file stands for.
pub fn hidden_address(name: &str) -> std::io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name)
}
