//! Asking a keeper from the host's side. Nothing a keeper says is taken on trust, nor waited for without end.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, connect, socket};
use nix::unistd::Pid;

use super::channel::{Channel, Packet};
use super::launch::{Keeper, address, on_demand};
use super::message::{Order, Reply, Request, decode, encode};
use crate::jail::relaunch::sealed;
use crate::jail::store::Lock;
use crate::jail::{Host, JailError, root};
use crate::kernel::system::pidfd::Process;
use crate::kernel::{JailName, Jid};

/// How long a keeper may take for a word. It does nothing slow.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a supervisor may take to bring a keeper, or another one after the first died.
const REPAIR: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(20);

/// A process that a keeper started.
#[derive(Debug)]
pub struct Asked {
    pub pid: Pid,
    pub pidfd: Process,
    channel: Channel,
}

impl Asked {
    /// Its exit status, or 128+n for signal n, as the keeper tells; `None` if it does not. Call when it has ended.
    pub fn wait(&self) -> Option<i32> {
        match hear(&self.channel) {
            Ok((Reply::Ended { status }, _)) => Some(status.clamp(0, 255)),
            _ => None,
        }
    }
}

/// Has a process started as a keeper's child; brings a keeper if there is none. `told` is the order's error pipe.
pub fn run(
    host: &Host,
    name: &JailName,
    jid: Jid,
    order: &Order,
    told: OwnedFd,
    standard: [BorrowedFd<'_>; 3],
) -> Result<Asked, JailError> {
    let parcel = Parcel::new(order, told, standard, None)?;
    let channel = reach(host, name, jid, &parcel)?;
    drop(parcel);
    let (pid, process) = started(name, &channel)?;
    let pidfd = process.ok_or_else(|| lied(name, "it sent no descriptor of the process"))?;
    check_member(host, name, jid, pid, &pidfd)?;
    Ok(Asked { pid: Pid::from_raw(pid), pidfd: Process::received(pid, pidfd), channel })
}

impl Keeper {
    /// A keeper that is this process's child, in place of an idle one. Refused while others are in the jail.
    pub fn take_over(host: &Host, name: &JailName, jid: Jid) -> Result<Keeper, JailError> {
        let _lock = Lock::keeper(&host.config, name)?;
        retire_or_refuse(host, name, jid)?;
        Keeper::start(host, name, jid)
    }

    /// Has a process started as this process's own child.
    pub fn run(
        &self,
        host: &Host,
        name: &JailName,
        order: &Order,
        told: OwnedFd,
        standard: [BorrowedFd<'_>; 3],
        notify: Option<BorrowedFd<'_>>,
    ) -> Result<Pid, JailError> {
        let parcel = Parcel::new(&Order { sibling: true, ..order.clone() }, told, standard, notify)?;
        let channel = greet(host, name, Some(&parcel))?.ok_or_else(|| lied(name, "it does not answer"))?;
        drop(parcel);
        let (pid, _) = started(name, &channel)?;
        // Whatever it says: what it started for us is our child, and nothing else is.
        let mut status = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: room for one siginfo_t; the child is left as it is.
        let answer = unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, status.as_mut_ptr(), how) };
        if pid <= 0 || answer != 0 {
            return Err(lied(name, "the process it named is no child of the supervisor"));
        }
        Ok(Pid::from_raw(pid))
    }
}

/// Makes sure that no keeper is there. The caller holds the keeper lock.
fn retire_or_refuse(host: &Host, name: &JailName, jid: Jid) -> Result<(), JailError> {
    // The socket is found by the jail's name: a later jail's keeper is not ours to send away.
    host.kernel.members(jid)?;
    if let Some(channel) = greet(host, name, None)? {
        let unheard = |errno: Errno| lied(name, errno.desc());
        channel.send(&encode(&Request::Retire), &[]).map_err(unheard)?;
        match hear(&channel) {
            Ok((Reply::Retiring, _)) => {
                // It has nothing left to do but to end.
                let _ = channel.receive_until(Some(Instant::now() + PATIENCE));
                return Ok(());
            }
            Ok((Reply::Busy, _)) => {
                let members = host.kernel.members(jid)?.len().saturating_sub(1);
                return Err(JailError::Occupied { name: name.clone(), members });
            }
            Ok((other, _)) => return Err(lied(name, &format!("it answered {other:?}"))),
            Err(errno) => return Err(unheard(errno)),
        }
    }
    let members = host.kernel.members(jid)?;
    if members.is_empty() { Ok(()) } else { Err(JailError::Unjoinable { name: name.clone(), members: members.len() }) }
}

/// A connection to the jail's keeper, which is brought if there is none and has the order then.
fn reach(host: &Host, name: &JailName, jid: Jid, parcel: &Parcel<'_>) -> Result<Channel, JailError> {
    if let Some(channel) = greet(host, name, Some(parcel))? {
        return Ok(channel);
    }
    let deadline = Instant::now() + REPAIR;
    while host.kernel.jail(jid)?.is_some_and(|jail| jail.held && !jail.closing) {
        // A supervisor brings its own.
        if let Some(channel) = greet(host, name, Some(parcel))? {
            return Ok(channel);
        }
        if Instant::now() >= deadline {
            let members = host.kernel.members(jid)?.len();
            return Err(JailError::Unjoinable { name: name.clone(), members });
        }
        std::thread::sleep(STEP);
    }
    let _lock = Lock::keeper(&host.config, name)?;
    // Another command may have brought one in between.
    if let Some(channel) = greet(host, name, Some(parcel))? {
        return Ok(channel);
    }
    let members = host.kernel.members(jid)?.len();
    if members > 0 {
        return Err(JailError::Unjoinable { name: name.clone(), members });
    }
    on_demand(host, name, jid)?;
    greet(host, name, Some(parcel))?.ok_or_else(|| lied(name, "it does not answer"))
}

/// Connects to a keeper and waits for its first word; `None` if there is no keeper, or one that is just going. An order is
/// sent along, which saves the two a turn: a keeper takes none of a caller who did not stay for that word.
fn greet(host: &Host, name: &JailName, parcel: Option<&Parcel<'_>>) -> Result<Option<Channel>, JailError> {
    let Some(run) = root::run_of(&host.config, name)? else { return Ok(None) };
    let doing = || JailError::system(format!("reach the keeper of jail {name}"));
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).map_err(doing())?;
    match connect(socket.as_raw_fd(), &address(&run).map_err(doing())?) {
        Ok(()) => {}
        Err(Errno::ENOENT | Errno::ECONNREFUSED) => return Ok(None),
        Err(errno) => return Err(doing()(errno)),
    }
    let channel = Channel::new(socket);
    match parcel.map_or(Ok(()), |parcel| parcel.send(&channel)) {
        Ok(()) => {}
        Err(Errno::ECONNRESET | Errno::EPIPE) => return Ok(None),
        Err(errno) => return Err(lied(name, errno.desc())),
    }
    match hear(&channel) {
        Ok((Reply::Ready, _)) => Ok(Some(channel)),
        Ok((other, _)) => Err(lied(name, &format!("it greeted with {other:?}"))),
        Err(Errno::ECONNRESET) => Ok(None),
        Err(Errno::ETIMEDOUT) => Err(match host.kernel.find(name)? {
            Some(jail) if host.kernel.is_frozen(jail.jid)? => JailError::Frozen(name.clone()),
            _ => lied(name, "it says nothing"),
        }),
        Err(errno) => Err(lied(name, errno.desc())),
    }
}

/// An order, and the descriptors that go with it.
struct Parcel<'a> {
    body: OwnedFd,
    told: OwnedFd,
    standard: [BorrowedFd<'a>; 3],
    notify: Option<BorrowedFd<'a>>,
}

impl<'a> Parcel<'a> {
    fn new(
        order: &Order,
        told: OwnedFd,
        standard: [BorrowedFd<'a>; 3],
        notify: Option<BorrowedFd<'a>>,
    ) -> Result<Parcel<'a>, JailError> {
        let body = sealed(&encode(order)).map_err(|error| JailError::System { doing: error.doing.into(), errno: error.errno })?;
        Ok(Parcel { body, told, standard, notify })
    }

    fn send(&self, channel: &Channel) -> Result<(), Errno> {
        let [stdin, stdout, stderr] = self.standard;
        let mut descriptors = vec![self.body.as_fd(), self.told.as_fd(), stdin, stdout, stderr];
        descriptors.extend(self.notify);
        channel.send(&encode(&Request::Run), &descriptors)
    }
}

/// What a keeper says that has an order.
fn started(name: &JailName, channel: &Channel) -> Result<(i32, Option<OwnedFd>), JailError> {
    match hear(channel) {
        Ok((Reply::Started { pid }, descriptors)) => Ok((pid, descriptors.into_iter().next())),
        Ok((Reply::Refused { why }, _)) => Err(lied(name, &format!("it refused: {why}"))),
        Ok((other, _)) => Err(lied(name, &format!("it answered {other:?}"))),
        Err(errno) => Err(lied(name, errno.desc())),
    }
}

/// The next reply. `ECONNRESET` at the end, `EPROTO` for what is none.
fn hear(channel: &Channel) -> Result<(Reply, Vec<OwnedFd>), Errno> {
    match channel.receive_until(Some(Instant::now() + PATIENCE))? {
        None => Err(Errno::ECONNRESET),
        Some(Packet { bytes, descriptors }) => Ok((decode(&bytes).map_err(|_| Errno::EPROTO)?, descriptors)),
    }
}

/// The descriptor must be of a process that is in the jail, or was and has ended: signals will be sent by it.
fn check_member(host: &Host, name: &JailName, jid: Jid, pid: i32, pidfd: &OwnedFd) -> Result<(), JailError> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).unwrap_or_default();
    // proc_pid_fdinfo(5): only pidfds have this line; -1 when the process was reaped.
    let named = info.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse::<i32>().ok());
    match named {
        Some(-1) => return Ok(()),
        Some(named) if named == pid => {}
        _ => return Err(lied(name, "it sent a descriptor of something else than the process it named")),
    }
    if host.kernel.has_member(jid, pid)? || has_ended(pidfd) {
        return Ok(());
    }
    Err(lied(name, "the process it named is not in the jail"))
}

fn has_ended(pidfd: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

fn lied(name: &JailName, why: &str) -> JailError {
    JailError::Keeper { name: name.clone(), why: why.to_owned() }
}
