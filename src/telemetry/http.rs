//! As much of HTTP as a scrape takes (RFC 9112), for clients that are slow, hostile or many. Every connection has a time
//! limit, a bounded head, and there is a most of them; what they ask for is collected by one thread, at most twice a second.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// For a request to come, and again for its answer to be taken.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;
/// At a time; more are closed at once.
const MAX_CONNECTIONS: usize = 16;
/// An answer is given again for so long.
const FRESH: Duration = Duration::from_millis(500);
/// After a failure to accept, as with no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Where clients come from. Their streams are all handled as what they are to the standard library's calls: sockets.
pub enum Listener {
    Loopback(TcpListener),
    Socket(UnixListener),
}

impl Listener {
    fn accept(&self) -> io::Result<UnixStream> {
        Ok(match self {
            Listener::Loopback(listener) => UnixStream::from(OwnedFd::from(listener.accept()?.0)),
            Listener::Socket(listener) => listener.accept()?.0,
        })
    }
}

/// What was collected: the text, or why there is none.
type Collected = Result<Arc<str>, Arc<str>>;
type Ask = SyncSender<Collected>;

/// Answers scrapes as long as the process lives.
pub fn serve(listener: Listener, mut collect: impl FnMut() -> Result<String, String>) {
    let (asks, asked): (Sender<Ask>, Receiver<Ask>) = channel();
    thread::spawn(move || accept(&listener, &asks));
    let mut last: Option<(Instant, Collected)> = None;
    for ask in asked {
        let fresh = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, collected)| collected.clone());
        let collected = fresh.unwrap_or_else(|| {
            let collected = collect().map(Arc::from).map_err(Arc::from);
            last = Some((Instant::now(), collected.clone()));
            collected
        });
        // A client that went meanwhile wants no answer.
        let _ = ask.send(collected);
    }
}

fn accept(listener: &Listener, asks: &Sender<Ask>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok(stream) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        if open.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (open, asks) = (Arc::clone(&open), asks.clone());
        thread::spawn(move || {
            answer(stream, &asks);
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn answer(mut stream: UnixStream, asks: &Sender<Ask>) {
    let head = head(&mut stream, PATIENCE);
    if !ends(&head) {
        return;
    }
    let (status, text, has_body) = match asked_for(&head) {
        Ok(has_body) => {
            let (ask, answered) = sync_channel(1);
            let collected = asks.send(ask).ok().and_then(|()| answered.recv().ok());
            match collected {
                Some(Ok(text)) => ("200 OK", text, has_body),
                Some(Err(why)) => ("503 Service Unavailable", Arc::from(format!("{why}\n")), has_body),
                None => return,
            }
        }
        Err(status) => (status, Arc::from(format!("{status}; ask for GET /metrics\n")), true),
    };
    let length = text.len();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let whole = if has_body { format!("{head}{text}") } else { head };
    // A client that does not take its answer goes without.
    let _ = give(&mut stream, whole.as_bytes(), PATIENCE);
}

/// Whether the metrics were asked for with their text or without; else the status that says what is wrong.
fn asked_for(head: &[u8]) -> Result<bool, &'static str> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = std::str::from_utf8(line).map_err(|_| "400 Bad Request")?.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !words.next().is_some_and(|version| version.starts_with("HTTP/1.")) {
        return Err("400 Bad Request");
    }
    let path = target.split(['?', '#']).next().unwrap_or_default();
    match (method, path) {
        ("GET", "/metrics" | "/") => Ok(true),
        ("HEAD", "/metrics" | "/") => Ok(false),
        ("GET" | "HEAD", _) => Err("404 Not Found"),
        _ => Err("405 Method Not Allowed"),
    }
}

/// The head of a request as far as it came in time and within bounds.
pub fn head(stream: &mut UnixStream, patience: Duration) -> Vec<u8> {
    let until = Instant::now() + patience;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while head.len() < MAX_HEAD && !ends(&head) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => head.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    head
}

/// An empty line ends it.
fn ends(head: &[u8]) -> bool {
    head.windows(4).any(|end| end == b"\r\n\r\n") || head.windows(2).any(|end| end == b"\n\n")
}

fn give(stream: &mut UnixStream, mut rest: &[u8], patience: Duration) -> io::Result<()> {
    let until = Instant::now() + patience;
    while !rest.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left))?;
        match stream.write(rest) {
            Ok(length) => rest = &rest[length..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn served(collect: impl FnMut() -> Result<String, String> + Send + 'static) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(Listener::Loopback(listener), collect));
        address
    }

    fn ask(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        text
    }

    #[test]
    fn an_empty_line_ends_the_head() {
        assert!(ends(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") && ends(b"GET /\n\n"));
        assert!(!ends(b"GET / HTTP/1.1\r\nHost: x\r\n") && !ends(b""));
    }

    #[test]
    fn a_scrape_is_answered_and_anything_else_is_told_what_to_ask_for() {
        let mut count = 0;
        let address = served(move || {
            count += 1;
            Ok(format!("jails {count}\n"))
        });
        let asks = [
            "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            "HEAD /metrics?x=1 HTTP/1.0\r\n\r\n",
            "GET /secrets HTTP/1.1\r\n\r\n",
            "POST /metrics HTTP/1.1\r\n\r\n",
            "rubbish\r\n\r\n",
        ];
        let told: Vec<String> = asks.iter().map(|request| ask(address, request).replace('\r', "")).collect();
        insta::assert_snapshot!(told.join("---\n"));
    }

    #[test]
    fn a_failure_to_collect_is_told_and_the_next_scrape_is_tried_again() {
        let mut fails = true;
        let address =
            served(
                move || {
                    if std::mem::take(&mut fails) { Err("the module is not loaded".into()) } else { Ok("jails 1\n".into()) }
                },
            );
        let scrape = || ask(address, "GET /metrics HTTP/1.1\r\n\r\n");
        assert!(scrape().starts_with("HTTP/1.1 503 ") && scrape().contains("the module is not loaded\n"));
        thread::sleep(FRESH);
        assert!(scrape().ends_with("jails 1\n"));
    }

    #[test]
    fn clients_that_say_nothing_take_or_send_without_end_keep_nobody_else_from_an_answer() {
        let address = served(|| Ok("jail 1\n".repeat(1 << 20)));
        let connect = || std::net::TcpStream::connect(address).unwrap();
        let silent: Vec<_> = (0..MAX_CONNECTIONS + 10).map(|_| connect()).collect();
        let mut endless = connect();
        thread::spawn(move || while endless.write_all(&[b'x'; 4096]).is_ok() {});
        // Each place is free again after the patience for a request.
        let until = Instant::now() + PATIENCE * 10;
        let scrape = || ask(address, "GET /metrics HTTP/1.1\r\n\r\n");
        while !scrape().ends_with("jail 1\n") {
            assert!(Instant::now() < until, "no answer beside {} silent clients", silent.len());
            thread::sleep(Duration::from_millis(50));
        }
        // One that asks and then does not read.
        let mut deaf: Vec<_> = (0..MAX_CONNECTIONS).map(|_| connect()).collect();
        for stream in &mut deaf {
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n");
        }
        while !scrape().ends_with("jail 1\n") {
            assert!(Instant::now() < until, "no answer beside deaf clients");
            thread::sleep(Duration::from_millis(50));
        }
    }

    proptest! {
        #[test]
        fn no_request_makes_it_panic(head in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (ends(&head), asked_for(&head));
        }
    }
}
