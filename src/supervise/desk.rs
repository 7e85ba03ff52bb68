//! Where a supervisor is asked: the connections to its control socket. Slow and silent callers cost a place for a while.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::message::{MAX_REQUEST, Reply, Request, decode, encode};
use super::wire::{Listener, Wire};

/// Callers at a time.
const MOST: usize = 32;
/// A caller that asks nothing is turned away after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a caller waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// That all services are ready.
    Ready,
    /// That these services have had a run later than this one, which is ready.
    Renewed(Vec<(usize, u64)>),
}

#[derive(Debug)]
struct Caller {
    wire: Wire,
    pid: i32,
    since: Instant,
    wish: Option<Wish>,
}

#[derive(Debug)]
pub struct Desk {
    listener: Listener,
    callers: Vec<Caller>,
}

/// A request, the pid of who asks, and where the answer goes.
pub struct Asked {
    pub request: Request,
    pub pid: i32,
    caller: Caller,
}

impl Desk {
    pub fn open(dir: &Path) -> Result<Desk, Errno> {
        Ok(Desk { listener: Listener::bind(dir)?, callers: Vec::new() })
    }

    pub fn polled(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let listener = (self.callers.len() < MOST).then(|| self.listener.as_fd());
        listener.into_iter().chain(self.callers.iter().map(|caller| caller.wire.as_fd()))
    }

    /// Takes what has been asked.
    pub fn hear(&mut self, now: Instant) -> Vec<Asked> {
        let mut asked = Vec::new();
        for caller in std::mem::take(&mut self.callers) {
            let packet = match caller.wire.receive(MAX_REQUEST) {
                Err(Errno::EAGAIN | Errno::EINTR) => {
                    self.callers.push(caller);
                    continue;
                }
                Ok(None) => continue,
                Ok(Some(packet)) => packet,
                Err(errno) => {
                    answer(&caller, &Reply::refused(&format!("no whole message: {}", errno.desc())));
                    continue;
                }
            };
            if caller.wish.is_some() {
                answer(&caller, &Reply::refused("one request a connection"));
                continue;
            }
            match decode::<Request>(&packet) {
                Ok(request) => asked.push(Asked { request, pid: caller.pid, caller }),
                Err(error) => answer(&caller, &Reply::refused(&error.to_string())),
            }
        }
        while self.callers.len() + asked.len() < MOST {
            let Some((wire, pid)) = self.listener.accept() else { break };
            self.callers.push(Caller { wire, pid, since: now, wish: None });
        }
        asked
    }

    /// Turns those away who ask nothing.
    pub fn expire(&mut self, now: Instant) {
        self.callers.retain(|caller| caller.wish.is_some() || now.duration_since(caller.since) < PATIENCE);
    }

    /// Keeps a caller until its wish is answered.
    pub fn keep(&mut self, asked: Asked, wish: Wish) {
        self.callers.push(Caller { wish: Some(wish), ..asked.caller });
    }

    /// Answers those whose wish has come true, or cannot.
    pub fn settle(&mut self, fate: impl Fn(&Wish) -> Option<Reply>) {
        self.callers.retain(|caller| match caller.wish.as_ref().and_then(&fate) {
            None => true,
            Some(reply) => {
                answer(caller, &reply);
                false
            }
        });
    }
}

impl Asked {
    pub fn answer(self, reply: &Reply) {
        answer(&self.caller, reply);
    }
}

fn answer(caller: &Caller, reply: &Reply) {
    // Whoever asked may be gone.
    let _ = caller.wire.send(&encode(reply));
}
