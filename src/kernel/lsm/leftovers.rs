//! What the members of jails that are gone made outside of any root and did not remove: System V objects and POSIX message
//! queues. They live in the host's IPC namespace and would outlive their jail; nobody but the host reaches them then.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::abi::{IPC_MEMORY, IPC_MESSAGES, IPC_SEMAPHORES, IpcMaker};
use super::control::Control;
use crate::kernel::{KernelError, detached};

/// Removes those of every jail that is not there any more, so that what a crash left goes with the next jail. Jids are not
/// given twice, so a jail that comes meanwhile is none of them.
pub fn sweep(control: &Control) -> Result<(), KernelError> {
    let living: Vec<u32> = control.jails()?.iter().map(|jail| jail.jid).collect();
    let is_gone = |jid: u32| jid != 0 && !living.contains(&jid);
    system_v(control, is_gone)?;
    queues(control, is_gone)
}

fn system_v(control: &Control, is_gone: impl Fn(u32) -> bool) -> Result<(), KernelError> {
    let reading = || KernelError::system("read who made System V objects");
    let makers = control.table::<u64, IpcMaker>("ipc_makers")?;
    let keys = makers.keys().map_err(reading())?;
    if keys.is_empty() {
        return Ok(());
    }
    let ours = std::fs::metadata("/proc/self/ns/ipc").map_err(KernelError::io("look at the IPC namespace"))?.ino();
    for key in keys {
        let Some(maker) = makers.get(key).map_err(reading())?.filter(|maker| is_gone(maker.jid)) else { continue };
        // Those of a namespace that a member made go with it, and their numbers are somebody else's here.
        if u64::from(maker.namespace) != ours {
            continue;
        }
        if let Some(id) = control.ipc(maker.jid, key)? {
            remove(maker.kind, id);
        }
    }
    Ok(())
}

/// One that is gone meanwhile is as good.
fn remove(kind: u32, id: i32) {
    // SAFETY: this command of each takes no buffer.
    unsafe {
        match kind {
            IPC_MEMORY => libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()),
            IPC_SEMAPHORES => libc::semctl(id, 0, libc::IPC_RMID),
            IPC_MESSAGES => libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()),
            _ => return,
        }
    };
}

/// The kernel notes the maker at the queue's inode, where a descriptor of it leads.
fn queues(control: &Control, is_gone: impl Fn(u32) -> bool) -> Result<(), KernelError> {
    // A kernel without such queues has none to remove.
    let Ok(mount) = detached::file_system(c"mqueue", &[]) else { return Ok(()) };
    let listing = || KernelError::system("list the message queues");
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let top = openat(mount.as_fd(), ".", flags, Mode::empty()).map_err(listing())?;
    let mut names: Vec<CString> = Vec::new();
    for entry in Dir::from_fd(top).map_err(listing())?.iter() {
        let name = entry.map_err(listing())?.file_name().to_owned();
        if name.to_bytes() != b"." && name.to_bytes() != b".." {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    let makers = control.table::<u32, u32>("queue_makers")?;
    for name in names {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let queue = match openat(mount.as_fd(), name.as_c_str(), flags, Mode::empty()) {
            Ok(queue) => queue,
            Err(Errno::ENOENT) => continue,
            Err(errno) => return Err(listing()(errno)),
        };
        let maker = makers.get(queue.as_raw_fd() as u32).map_err(KernelError::system("read who made a message queue"))?;
        if maker.is_some_and(&is_gone) {
            match unlinkat(mount.as_fd(), name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(KernelError::System { doing: "remove a message queue".into(), errno }),
            }
        }
    }
    Ok(())
}
