//! The request of a client whose connection is standard input, as inetd hands it over.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::socket::{SockType, getsockopt, sockopt};

use crate::telemetry::http;

/// A client that takes longer is answered all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads the head of a request, and does not care what it asks for. A connection that is closed with unread data is
/// reset, and the client loses the answer with it (RFC 1122, 4.2.2.13). Anything but a connection is left alone.
pub fn read() {
    let stdin = std::io::stdin();
    if getsockopt(&stdin, sockopt::SockType) != Ok(SockType::Stream) {
        return;
    }
    let Ok(socket) = stdin.as_fd().try_clone_to_owned() else { return };
    // The standard library's calls for time limits and reading do not care which family the socket is of.
    http::head(&mut UnixStream::from(socket), PATIENCE);
}
