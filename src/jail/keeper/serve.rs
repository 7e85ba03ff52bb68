//! The keeper at work: one thread, one poll loop. It runs what it is asked to, tells how that ended, reaps orphans, and
//! goes when nobody needs it.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{SockFlag, accept4};
use nix::unistd::Pid;

use super::channel::{Channel, Packet};
use super::message::{Reply, Request, decode, encode};
use super::session::Session;
use crate::kernel::system::{self, Signals, pidfd};

/// Connections at a time; more wait to be accepted.
const MOST: usize = 256;
/// A connection that asks nothing is closed after this.
const PATIENCE: Duration = Duration::from_secs(10);
/// A keeper that nobody holds goes after this long without a task.
const IDLE: Duration = Duration::from_secs(10);

/// Somebody who asks.
struct Connection {
    channel: Channel,
    /// What runs for it.
    child: Option<Pid>,
    since: Instant,
}

pub struct Keeper {
    listener: OwnedFd,
    /// Ends when the supervisor that started this keeper does; `None` for a keeper on demand.
    link: Option<OwnedFd>,
    signals: Signals,
    connections: Vec<Connection>,
    /// Since when there is nothing to do, if so.
    idle: Option<Instant>,
}

/// What follows from a request.
enum Next {
    Keep(Connection),
    Close,
    Leave,
}

impl Keeper {
    pub fn new(listener: OwnedFd, link: Option<OwnedFd>, signals: Signals) -> Keeper {
        Keeper { listener, link, signals, connections: Vec::new(), idle: None }
    }

    /// Serves until it is retired, or idle with nobody holding it.
    pub fn run(mut self) {
        loop {
            let woken = self.wait();
            // First, and from the last: their places are those that were polled.
            for index in woken.asking.into_iter().rev() {
                let connection = self.connections.swap_remove(index);
                match self.hear(connection) {
                    Next::Keep(connection) => self.connections.push(connection),
                    Next::Close => {}
                    Next::Leave => return,
                }
            }
            if woken.signal {
                while self.signals.next().is_some() {}
            }
            let busy = self.reap();
            if woken.link {
                self.link = None;
            }
            self.connections.retain(|connection| connection.child.is_some() || connection.since.elapsed() < PATIENCE);
            if woken.caller {
                self.accept();
            }
            if self.is_done(busy) {
                return;
            }
        }
    }

    fn wait(&self) -> Woken {
        let mut polled = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        let accepting = self.connections.len() < MOST;
        polled.extend(accepting.then(|| PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)));
        let link_at = polled.len();
        polled.extend(self.link.as_ref().map(|link| PollFd::new(link.as_fd(), PollFlags::POLLIN)));
        let first = polled.len();
        polled.extend(self.connections.iter().map(|connection| PollFd::new(connection.channel.as_fd(), PollFlags::POLLIN)));
        let waiting = self.connections.iter().any(|connection| connection.child.is_none());
        let timeout = if waiting || self.idle.is_some() { PollTimeout::from(1000_u16) } else { PollTimeout::NONE };
        if poll(&mut polled, timeout).is_err() {
            // EINTR cannot be, with all signals blocked; whatever it is must not make it miss an end.
            return Woken { signal: true, ..Woken::default() };
        }
        let any = |at: usize| polled.get(at).is_some_and(|fd| fd.any().unwrap_or(true));
        Woken {
            signal: any(0),
            caller: accepting && any(1),
            link: self.link.is_some() && any(link_at),
            asking: (first..polled.len()).filter(|at| any(*at)).map(|at| at - first).collect(),
        }
    }

    /// Reaps and tells; says whether children live.
    fn reap(&mut self) -> bool {
        loop {
            let mut status = 0;
            // Not nix's waitpid: it fails, after reaping, on a death by a realtime signal.
            // SAFETY: `status` outlives the call, which writes nothing else.
            match unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } {
                0 => return true,
                -1 if Errno::last() == Errno::EINTR => {}
                -1 => return false,
                pid if libc::WIFSTOPPED(status) => system::go_on_untraced(pid, libc::WSTOPSIG(status)),
                pid => self.tell_end(Pid::from_raw(pid), status),
            }
        }
    }

    fn tell_end(&mut self, pid: Pid, status: i32) {
        let Some(index) = self.connections.iter().position(|connection| connection.child == Some(pid)) else { return };
        let signaled = libc::WIFSIGNALED(status);
        let status = if signaled { 128 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) };
        // Whoever asked may be gone.
        let _ = self.connections.swap_remove(index).channel.send(&encode(&Reply::Ended { status }), &[]);
    }

    fn accept(&mut self) {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let Ok(raw) = accept4(self.listener.as_raw_fd(), flags) else { return };
        // SAFETY: a descriptor just made by the kernel, owned by nobody else.
        let channel = Channel::new(unsafe { OwnedFd::from_raw_fd(raw) });
        if channel.send(&encode(&Reply::Ready), &[]).is_ok() {
            self.connections.push(Connection { channel, child: None, since: Instant::now() });
        }
    }

    fn hear(&mut self, connection: Connection) -> Next {
        let packet = match connection.channel.receive() {
            Err(Errno::EAGAIN) => return Next::Keep(connection),
            // Gone. What runs for it runs on, as a child of a caller that was killed would.
            Ok(None) => return Next::Close,
            Ok(Some(packet)) => packet,
            Err(errno) => return refuse(connection, &format!("no whole message: {}", errno.desc())),
        };
        if connection.child.is_some() {
            return refuse(connection, "one request a connection");
        }
        match decode(&packet.bytes) {
            Ok(Request::Run) => run(connection, packet),
            Ok(Request::Retire) => self.retire(connection),
            Err(error) => refuse(connection, &error.to_string()),
        }
    }

    fn retire(&mut self, connection: Connection) -> Next {
        let busy = self.reap() || !is_alone() || self.connections.iter().any(|other| other.child.is_some());
        let reply = if busy { Reply::Busy } else { Reply::Retiring };
        let told = connection.channel.send(&encode(&reply), &[]);
        if busy || told.is_err() { Next::Close } else { Next::Leave }
    }

    fn is_done(&mut self, busy: bool) -> bool {
        let needed = self.link.is_some() || busy || !self.connections.is_empty();
        match (needed, self.idle) {
            (true, _) => self.idle = None,
            (false, None) => self.idle = Some(Instant::now()),
            (false, Some(since)) if since.elapsed() < IDLE => {}
            (false, Some(_)) if is_alone() => return true,
            (false, Some(_)) => self.idle = None,
        }
        false
    }
}

#[derive(Default)]
struct Woken {
    signal: bool,
    caller: bool,
    link: bool,
    /// Connections, ascending.
    asking: Vec<usize>,
}

fn refuse(connection: Connection, why: &str) -> Next {
    let told = connection.channel.send(&encode(&Reply::refused(why)), &[]);
    // With a process that runs its end is still to be told.
    if connection.child.is_some() && told.is_ok() { Next::Keep(connection) } else { Next::Close }
}

fn run(connection: Connection, packet: Packet) -> Next {
    let session = match Session::open(packet.descriptors) {
        Ok(session) => session,
        Err(error) => return refuse(connection, &error.to_string()),
    };
    let sibling = session.is_sibling();
    let pid = match session.start() {
        Ok(pid) => pid,
        Err(error) => return refuse(connection, &error.to_string()),
    };
    // A child is not reaped before the next round. A sibling may be by its parent, which has no need of the descriptor.
    let process = pidfd::open(pid.as_raw()).ok();
    let descriptors: Vec<_> = process.iter().map(AsFd::as_fd).collect();
    let told = connection.channel.send(&encode(&Reply::Started { pid: pid.as_raw() }), &descriptors);
    match (sibling, told) {
        (true, _) | (_, Err(_)) => Next::Close,
        (false, Ok(())) => Next::Keep(Connection { child: Some(pid), ..connection }),
    }
}

/// No other process of the jail is seen in /proc, where this one sees no others.
fn is_alone() -> bool {
    let own = std::process::id();
    let Ok(entries) = std::fs::read_dir("/proc") else { return false };
    let mut pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.all(|pid| pid == own)
}
