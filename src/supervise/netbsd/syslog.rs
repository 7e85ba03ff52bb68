//! The way to syslogd(8): RFC 3164 datagrams that never wait. Lines that find no room are counted and told of later.

use std::os::unix::net::UnixDatagram;

use super::line::escape;

/// Where syslogd of NetBSD listens.
const SOCKET: &str = "/var/run/log";

pub struct Syslog {
    facility: i32,
    tag: String,
    socket: Option<UnixDatagram>,
    lost: u64,
    echo: bool,
}

impl Syslog {
    pub fn new(facility: i32, tag: &str, echo: bool) -> Syslog {
        Syslog { facility, tag: escape(tag.as_bytes()), socket: None, lost: 0, echo }
    }

    /// One line, escaped already, at a level of syslog(3).
    pub fn line(&mut self, level: i32, text: &str) {
        if self.echo {
            // A closed standard error leaves nobody to tell.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
        }
        if self.lost > 0 {
            let gap = format!("{} line(s) were lost, for syslogd took no more", self.lost);
            if self.send(libc::LOG_WARNING, &gap) {
                self.lost = 0;
            }
        }
        if !self.send(level, text) {
            self.lost += 1;
        }
    }

    fn send(&mut self, level: i32, text: &str) -> bool {
        let packet = format!("<{}>{}: {text}", self.facility | level, self.tag);
        if let Some(socket) = &self.socket
            && socket.send(packet.as_bytes()).is_ok()
        {
            return true;
        }
        // The daemon may have been started again, and has a socket of that name anew.
        self.socket = connect();
        self.socket.as_ref().is_some_and(|socket| socket.send(packet.as_bytes()).is_ok())
    }
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(SOCKET).ok()?;
    Some(socket)
}
