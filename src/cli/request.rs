//! The request of a client whose connection is standard input, as inetd hands it over.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::socket::{SockType, getsockopt, sockopt};

/// A client that takes longer is answered all the same.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX: usize = 16 * 1024;

/// Reads the head of a request, and does not care what it asks for. A connection that is closed with unread data is
/// reset, and the client loses the answer with it (RFC 1122, 4.2.2.13). Anything but a connection is left alone.
pub fn read() {
    let stdin = std::io::stdin();
    if getsockopt(&stdin, sockopt::SockType) != Ok(SockType::Stream) {
        return;
    }
    let Ok(socket) = stdin.as_fd().try_clone_to_owned() else { return };
    // The standard library's calls for time limits and reading do not care which family the socket is of.
    let mut socket = UnixStream::from(socket);
    let until = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while head.len() < MAX && !ends(&head) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match socket.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => head.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// An empty line ends it.
fn ends(head: &[u8]) -> bool {
    head.windows(4).any(|end| end == b"\r\n\r\n") || head.windows(2).any(|end| end == b"\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_ends_the_head() {
        assert!(ends(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") && ends(b"GET /\n\n"));
        assert!(!ends(b"GET / HTTP/1.1\r\nHost: x\r\n") && !ends(b""));
    }
}
