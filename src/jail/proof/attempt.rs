//! Doing what a probe is about. For a child process of its own each: what it changes of itself ends with it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::jail::spec::probe::Probe;
use crate::kernel::system::try_feat;

/// Tries it.
///
/// # Errors
/// What the kernel answered.
pub fn attempt(probe: &Probe) -> Result<(), Errno> {
    match probe {
        Probe::Bind { address, port, udp } => {
            let at = SocketAddr::new(address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port.get());
            if *udp { UdpSocket::bind(at).map(drop) } else { TcpListener::bind(at).map(drop) }.map_err(errno)
        }
        Probe::Open { path, write } => {
            let way = if *write { OFlag::O_WRONLY } else { OFlag::O_RDONLY };
            open(path.as_str(), way | OFlag::O_NONBLOCK | OFlag::O_NOCTTY, Mode::empty()).map(drop)
        }
        Probe::Feat(feat) => try_feat(feat.name),
    }
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}
