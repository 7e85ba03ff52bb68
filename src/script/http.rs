//! A small HTTP client for scripts that look whether a jailed server answers. It reaches this machine's loopback only.

use std::fmt;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Fault, Kind};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    pub status: u16,
    pub body: String,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.body.trim_end_matches('\n'))
    }
}

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: u64 = 8 << 20;

#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    address: SocketAddr,
    host: &'a str,
    path: &'a str,
}

/// Fetches a page within 5 s, or within `patience` if that is less. Redirects are not followed.
pub fn get(url: &str, patience: Option<Duration>) -> Result<Response, Fault> {
    // A timeout of zero is none to the system.
    let timeout = patience.unwrap_or(TIMEOUT).clamp(Duration::from_millis(1), TIMEOUT);
    let target = target(url)?;
    let failed = |what: &str, error: std::io::Error| Fault::new(Kind::Http, format!("{url}: {what}: {error}"));
    let mut stream = TcpStream::connect_timeout(&target.address, timeout).map_err(|error| failed("cannot connect", error))?;
    let request = format!("GET {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", target.path, target.host);
    stream.set_write_timeout(Some(timeout)).map_err(|error| failed("cannot set a timeout", error))?;
    stream.write_all(request.as_bytes()).map_err(|error| failed("cannot send", error))?;
    let answer = read_until_closed(&mut stream, timeout).map_err(|error| failed("no whole answer", error))?;
    parse(&answer).ok_or_else(|| Fault::new(Kind::Http, format!("{url}: the answer is not HTTP")))
}

/// Could it be asked for?
pub fn check(url: &str) -> Result<(), Fault> {
    target(url).map(drop)
}

/// All of the answer, within the timeout as a whole: a server that drips bytes does not hold the script.
fn read_until_closed(stream: &mut TcpStream, timeout: Duration) -> std::io::Result<Vec<u8>> {
    let end = Instant::now() + timeout;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while (answer.len() as u64) < MAX_ANSWER {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => return Ok(answer),
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    Err(std::io::Error::other(format!("longer than {} MiB", MAX_ANSWER >> 20)))
}

fn target(url: &str) -> Result<Target<'_>, Fault> {
    let bad = |why: &str| {
        Fault::new(
            Kind::Http,
            format!("{url:?}: {why}; use http://127.0.0.1:PORT/PATH, http://[::1]:PORT/PATH or http://localhost:PORT/PATH"),
        )
    };
    let rest = url.strip_prefix("http://").ok_or_else(|| bad("only http is spoken here"))?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    if !url.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(bad("it holds spaces, control or other characters that must be percent-encoded"));
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => {
            (name, port.parse::<crate::kernel::Port>().map_err(|_| bad("the port is no port"))?.get())
        }
        _ => (host, 80),
    };
    let ip: IpAddr = match name {
        "127.0.0.1" | "localhost" => Ipv4Addr::LOCALHOST.into(),
        "[::1]" => Ipv6Addr::LOCALHOST.into(),
        _ => return Err(bad("only this machine can be asked")),
    };
    Ok(Target { address: SocketAddr::new(ip, port), host, path })
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut words = head.lines().next()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    let status = words.next()?.parse().ok()?;
    Some(Response { status, body: String::from_utf8_lossy(&answer[end + 4..]).into_owned() })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_comes_over_tcp() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n<html>hi</html>").unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let page = get(&format!("http://127.0.0.1:{port}/a?b=c"), None).unwrap();
        assert_eq!(page, Response { status: 200, body: "<html>hi</html>".into() });
        assert!(serving.join().unwrap().starts_with("GET /a?b=c HTTP/1.0\r\n"));
    }

    #[test]
    fn other_machines_and_header_injection_are_refused() {
        for url in [
            "http://example.org/",
            "http://127.0.0.1.example.org/",
            "http://127.0.0.1@example.org/",
            "https://127.0.0.1/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1/a\r\nX: y",
            "ftp://localhost/",
            "",
        ] {
            assert!(target(url).is_err(), "{url:?}");
        }
        assert_eq!(target("http://localhost:8080").unwrap().path, "/");
        assert_eq!(target("http://[::1]/x").unwrap().address, "[::1]:80".parse().unwrap());
    }

    #[test]
    fn what_is_not_http_is_said_so() {
        assert_eq!(parse(b"SSH-2.0-x\r\n\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nno").unwrap().status, 404);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&answer);
        }
    }
}
