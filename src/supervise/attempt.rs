//! A check under way: a connection being made, or a command that runs. Blocks nobody.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, connect, getsockopt, socket, sockopt::SocketError,
};

use super::children::Owner;
use super::ending::Ending;
use super::line::escape;
use crate::jail::Child;

/// Bytes of a command's output that are kept: its last ones.
const KEPT: usize = 512;
/// Reads at a time, lest a command that writes on and on is all there is.
const READS: usize = 16;

#[derive(Debug)]
enum Body {
    Port { port: u16, socket: OwnedFd, then: Option<SocketAddr> },
    Command { child: Child, output: Option<File>, kept: Vec<u8>, owner: Owner },
}

/// One try of a check.
#[derive(Debug)]
pub struct Attempt {
    pub run: u64,
    pub deadline: Instant,
    body: Body,
}

impl Attempt {
    /// Connects to the loopback address, of IPv4 first.
    ///
    /// # Errors
    /// The outcome is known at once.
    pub fn port(run: u64, deadline: Instant, port: u16) -> Result<Attempt, Result<(), String>> {
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let body = dial(port, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Some(v6))?;
        Ok(Attempt { run, deadline, body })
    }

    pub fn command(run: u64, deadline: Instant, child: Child, output: OwnedFd, owner: Owner) -> Attempt {
        Attempt { run, deadline, body: Body::Command { child, output: Some(output.into()), kept: Vec::new(), owner } }
    }

    pub fn polled(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match &self.body {
            Body::Port { socket, .. } => Some((socket.as_fd(), PollFlags::POLLOUT)),
            Body::Command { output, .. } => output.as_ref().map(|output| (output.as_fd(), PollFlags::POLLIN)),
        }
    }

    /// The command's process, while it is not reaped.
    pub fn pid(&self) -> Option<i32> {
        match &self.body {
            Body::Port { .. } => None,
            Body::Command { child, .. } => Some(child.pid.as_raw()),
        }
    }

    /// What is to be killed when it is over.
    pub fn owner(&self) -> Option<&Owner> {
        match &self.body {
            Body::Port { .. } => None,
            Body::Command { owner, .. } => Some(owner),
        }
    }

    /// Goes on with what [`Self::polled`] announced; the outcome, if it is known now.
    pub fn proceed(&mut self) -> Option<Result<(), String>> {
        match &mut self.body {
            Body::Port { port, socket, then } => {
                let failure = match getsockopt(socket, SocketError) {
                    Ok(0) => return Some(Ok(())),
                    Ok(errno) => Errno::from_raw(errno),
                    Err(errno) => errno,
                };
                let (port, next) = (*port, then.take());
                let Some(next) = next else { return Some(Err(refused(port, failure))) };
                match dial(port, next, None) {
                    Ok(body) => self.body = body,
                    Err(outcome) => return Some(outcome),
                }
                None
            }
            Body::Command { output, kept, .. } => {
                read(output, kept);
                None
            }
        }
    }

    /// The command has ended.
    pub fn ended(mut self, ending: Ending) -> Result<(), String> {
        if let Body::Command { output, kept, .. } = &mut self.body {
            read(output, kept);
        }
        if ending.is_success() { Ok(()) } else { Err(self.with_words(&format!("the check {ending}"))) }
    }

    /// Its time is over.
    pub fn expired(&self) -> String {
        self.with_words("the check took too long")
    }

    fn with_words(&self, what: &str) -> String {
        let Body::Command { kept, .. } = &self.body else { return what.to_owned() };
        let words = escape(kept.trim_ascii());
        if words.is_empty() { what.to_owned() } else { format!("{what}: {words}") }
    }
}

fn dial(port: u16, address: SocketAddr, then: Option<SocketAddr>) -> Result<Body, Result<(), String>> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let made = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None).and_then(|socket| {
        let begun = match address {
            SocketAddr::V4(address) => connect(socket.as_raw_fd(), &SockaddrIn::from(address)),
            SocketAddr::V6(address) => connect(socket.as_raw_fd(), &SockaddrIn6::from(address)),
        };
        match begun {
            Err(Errno::EINPROGRESS) => Ok(Some(socket)),
            other => other.map(|()| None),
        }
    });
    match (made, then) {
        (Ok(Some(socket)), then) => Ok(Body::Port { port, socket, then }),
        (Ok(None), _) => Err(Ok(())),
        (Err(_), Some(next)) => dial(port, next, None),
        (Err(errno), None) => Err(Err(refused(port, errno))),
    }
}

fn refused(port: u16, errno: Errno) -> String {
    format!("port {port}: {}", errno.desc())
}

fn read(output: &mut Option<File>, kept: &mut Vec<u8>) {
    let Some(file) = output else { return };
    let mut buffer = [0; 1024];
    for _ in 0..READS {
        match file.read(&mut buffer) {
            Ok(length) if length > 0 => {
                kept.extend_from_slice(&buffer[..length]);
                kept.drain(..kept.len().saturating_sub(KEPT));
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted) => return,
            _ => {
                *output = None;
                return;
            }
        }
    }
}
