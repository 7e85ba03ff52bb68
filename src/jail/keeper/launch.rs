//! Starting a keeper.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket, socketpair};
use nix::unistd::{Pid, UnlinkatFlags, pipe2, unlinkat};

use super::entry::{READY, Task};
use super::message::encode;
use super::{SOCKET, TITLE, channel};
use crate::jail::relaunch::{Kinship, Relaunch, RelaunchError, sealed};
use crate::jail::store::Directory;
use crate::jail::{Host, JailError, root};
use crate::kernel::{JailName, Jid};

/// A keeper has to build its walls only.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest reason that a keeper gives for not being one.
const MAX_REPORT: u64 = 4096;
/// Callers that may wait to be accepted.
const BACKLOG: i32 = 128;

/// A keeper that is a child of this process, and goes on without it only as long as it is needed.
#[derive(Debug)]
pub struct Keeper {
    pub pid: Pid,
    _link: OwnedFd,
}

impl Keeper {
    /// Starts one as a child of this process. The caller holds the jail's keeper lock.
    pub(super) fn start(host: &Host, name: &JailName, jid: Jid) -> Result<Keeper, JailError> {
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
            .map_err(JailError::system("make a socket pair"))?;
        let pid = launch(host, name, jid, Kinship::Child, Some(theirs))?;
        Ok(Keeper { pid: pid.ok_or_else(|| refused(name, "it is nobody's child"))?, _link: ours })
    }
}

/// Starts one that is nobody's. The caller holds the jail's keeper lock.
pub fn on_demand(host: &Host, name: &JailName, jid: Jid) -> Result<(), JailError> {
    launch(host, name, jid, Kinship::Nobodys, None).map(drop)
}

fn launch(host: &Host, name: &JailName, jid: Jid, kinship: Kinship, link: Option<OwnedFd>) -> Result<Option<Pid>, JailError> {
    let failed = |error: RelaunchError| refused(name, &error.to_string());
    let run = root::run_of(&host.config, name)?.ok_or_else(|| JailError::NotRunning(name.clone()))?;
    let listener = listener(&run)?;
    let (report, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))?;
    let task = encode(&Task { name: name.clone(), jid, config: host.config.clone() });
    let mut descriptors = vec![sealed(&task).map_err(failed)?, report_end, listener];
    descriptors.extend(link);
    let relaunch = Relaunch {
        exe: Path::new("/proc/self/exe"),
        shielded: true,
        title: format!("{TITLE}jail={name} jid={jid}"),
        descriptors,
        kinship,
        group: host.kernel.gate(jid)?.group(),
    };
    let pid = relaunch.start().map_err(failed)?;
    let word = hear(report).map_err(|errno| refused(name, errno.desc()));
    match word {
        Ok(word) if word == READY => Ok(pid),
        failure => {
            if let Some(pid) = pid {
                // Ours and not reaped, so the pid is its own; one that failed has ended or is about to.
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
                crate::jail::fork::wait(pid);
            }
            let word = failure?;
            let why =
                if word.is_empty() { "it ended without a word".into() } else { String::from_utf8_lossy(&word).into_owned() };
            Err(refused(name, &why))
        }
    }
}

fn refused(name: &JailName, why: &str) -> JailError {
    JailError::Keeper { name: name.clone(), why: why.to_owned() }
}

/// A fresh socket in place of whatever an earlier keeper left.
fn listener(run: &Directory) -> Result<OwnedFd, JailError> {
    let doing = || format!("listen on {}", run.path_of(SOCKET).display());
    match unlinkat(run.fd(), SOCKET, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(JailError::System { doing: doing(), errno }),
    }
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let made = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).and_then(|socket| {
        bind(socket.as_raw_fd(), &address(run)?)?;
        listen(&socket, Backlog::new(BACKLOG)?)?;
        Ok(socket)
    });
    made.map_err(JailError::system(doing()))
}

/// The socket's address by its directory's descriptor: short whatever the path, and no other directory's.
pub fn address(run: &Directory) -> Result<UnixAddr, Errno> {
    UnixAddr::new(format!("/proc/self/fd/{}/{SOCKET}", run.fd().as_raw_fd()).as_str())
}

/// What the keeper reports before it closes the pipe.
fn hear(report: OwnedFd) -> Result<Vec<u8>, Errno> {
    let deadline = Some(Instant::now() + PATIENCE);
    let mut report = File::from(report);
    let mut word = Vec::new();
    while (word.len() as u64) < MAX_REPORT {
        channel::wait(report.as_fd(), deadline)?;
        let mut buffer = [0; 512];
        match report.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => word.extend_from_slice(&buffer[..length]),
            Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))),
        }
    }
    Ok(word)
}
