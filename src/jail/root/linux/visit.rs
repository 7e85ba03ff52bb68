//! Fetching a descriptor from inside a jail's namespace: a short-lived child goes there, opens, and sends it back.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};
use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, fstatfs};

use crate::jail::{JailError, fork};
use crate::kernel::system::{Bounds, open_below};

/// statfs(2)'s type of devpts, linux/magic.h.
const DEVPTS_MAGIC: FsType = FsType(0x1cd1);

/// Opens a fresh pty of the jail's own devpts; returns the master.
pub fn open_terminal(namespace: &OwnedFd) -> Result<OwnedFd, JailError> {
    let doing = || JailError::system("open a terminal in the jail");
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).map_err(doing())?;
    let child = fork::in_child(|| {
        let sent = open_master(namespace).and_then(|master| {
            let fds = [master.as_raw_fd()];
            sendmsg::<()>(theirs.as_raw_fd(), &[IoSlice::new(b"+")], &[ControlMessage::ScmRights(&fds)], MsgFlags::empty(), None)
        });
        sent.map_or_else(|errno| errno as i32, |_| 0)
    })?;
    drop(theirs);
    let received = receive(&ours);
    match fork::wait(child) {
        Some(0) | None => received.map_err(doing()),
        Some(errno) => Err(JailError::System { doing: "open a terminal in the jail".into(), errno: Errno::from_raw(errno) }),
    }
}

fn open_master(namespace: &OwnedFd) -> nix::Result<OwnedFd> {
    super::go_in(namespace.as_fd())?;
    let root = nix::fcntl::open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    let master = open_below(root.as_fd(), Path::new("dev/pts/ptmx"), flags, Mode::empty(), Bounds::Beneath)?;
    // Neither can be replaced by the jail, being a mount point and a file system without rename; looked at all the same.
    if fstatfs(&master)?.filesystem_type() != DEVPTS_MAGIC {
        return Err(Errno::ENOTTY);
    }
    Ok(master)
}

fn receive(socket: &OwnedFd) -> nix::Result<OwnedFd> {
    let mut byte = [0_u8; 1];
    let mut space = nix::cmsg_space!([i32; 1]);
    let mut slices = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = control
            && let Some(fd) = fds.first()
        {
            // SAFETY: the kernel just made this descriptor for us; the sender sends exactly one.
            return Ok(unsafe { OwnedFd::from_raw_fd(*fd) });
        }
    }
    Err(Errno::EPROTO)
}
