//! The way to syslog: RFC 3164 datagrams on a non-blocking socket to the system's own daemon.
//!
//! Not syslog(3) of the C library: that one blocks when the daemon is stuck, loses lines without a count when it is
//! away, and always writes to `/dev/log`. Here a bounded queue takes bursts; a daemon that does not make room for a
//! second no longer holds anybody up, and the lines that were lost are counted and reported. Each line also goes into
//! the jail's [`Ring`].

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::event::Weight;
use super::files::Files;
use super::line::escape;
use super::rate::{RATE, Rate};
use super::ring::{Ring, Source};
use super::service::{Service, Unit};

/// Bytes that may wait for the daemon before the service has to wait too.
const SOFT: usize = 64 * 1024;
/// Bytes that may wait for the daemon at all; the difference is room for what one round of reading yields.
const HARD: usize = 512 * 1024;
/// How long a daemon may be stuck before lines are dropped, and between attempts to reach one that is away.
const PATIENCE: Duration = Duration::from_secs(1);

/// One of the service's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Where the lines of one service, and the supervisor's own, go.
#[derive(Debug)]
pub struct Sink {
    path: std::path::PathBuf,
    facility: i32,
    levels: [i32; 2],
    /// Tag and prefix of each service's lines; the first speaks for the supervisor too.
    voices: Vec<Voice>,
    /// Prefix of the supervisor's lines.
    prefix: String,
    echo: bool,
    /// Of each service.
    rates: Vec<Rate>,
    ring: Ring,
    socket: Option<UnixDatagram>,
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    lost: u64,
    /// When the daemon last took something, or was last found.
    progress: Instant,
    retry: Option<Instant>,
}

impl Sink {
    pub fn new(service: &Service, now: Instant) -> Self {
        Sink {
            path: service.log.socket.clone(),
            facility: service.log.facility,
            levels: [service.log.stdout, service.log.stderr],
            voices: service.units.iter().map(|unit| Voice::of(service, unit)).collect(),
            prefix: prefix(service),
            echo: service.foreground,
            rates: service.units.iter().map(|_| Rate::new(now)).collect(),
            ring: Files::of(&service.config(), &service.name).ring(),
            socket: None,
            queue: VecDeque::new(),
            queued: 0,
            lost: 0,
            progress: now,
            retry: None,
        }
    }

    /// A line of the service, escaped. One that is over its limit is counted, and leaves a gap in the ring's numbers.
    pub fn line(&mut self, unit: usize, stream: Stream, line: &str, now: Instant) {
        if !self.rates[unit].take(now) {
            self.ring.lose();
            return;
        }
        let (level, source) = match stream {
            Stream::Stdout => (self.levels[0], Source::Stdout),
            Stream::Stderr => (self.levels[1], Source::Stderr),
        };
        if self.echo {
            echo(stream, line);
        }
        self.write(Some(unit), level, source, line, now);
    }

    /// A line of the supervisor, about one service or all. Escaped too: an error may quote what somebody else wrote.
    pub fn own(&mut self, unit: Option<usize>, weight: Weight, text: &str, now: Instant) {
        let text = escape(text.as_bytes());
        let level = match weight {
            Weight::Info => libc::LOG_INFO,
            Weight::Notice => libc::LOG_NOTICE,
            Weight::Warning => libc::LOG_WARNING,
        };
        if self.echo {
            let prefix = unit.map_or(&self.prefix, |unit| &self.voices[unit].prefix);
            echo(Stream::Stderr, &format!("{prefix}{text}"));
        }
        self.write(unit, level, Source::Supervisor, &text, now);
    }

    /// The service has written more than is logged: there is no hurry to read on.
    pub fn is_over(&mut self, unit: usize, now: Instant) -> bool {
        self.rates[unit].is_over(now)
    }

    /// Says how many lines were over the limit, every few seconds, and at the `last` time in any case.
    pub fn tell_lost(&mut self, now: Instant, last: bool) {
        for unit in 0..self.rates.len() {
            if let Some(lost) = self.rates[unit].told(now, last) {
                let text = format!("{lost} line(s) lost: the service writes more than {RATE} a second");
                self.own(Some(unit), Weight::Warning, &text, now);
            }
        }
    }

    /// The service should not be read from: the queue is full, and the daemon is still at work.
    pub fn is_congested(&self, now: Instant) -> bool {
        self.queued >= SOFT && self.socket.is_some() && now.duration_since(self.progress) < PATIENCE
    }

    /// The socket to poll for room, if something waits.
    pub fn wants_room(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().filter(|_| !self.queue.is_empty()).map(|socket| socket.as_fd())
    }

    /// Sends what waits, as far as the daemon takes it. Never blocks.
    pub fn flush(&mut self, now: Instant) {
        let mut reconnected = false;
        while let Some(datagram) = self.queue.front() {
            if !connect(&self.path, &mut self.socket, &mut self.retry, now) {
                return;
            }
            let Some(socket) = &self.socket else { return };
            match socket.send(datagram) {
                Ok(_) => self.progress = now,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::EINTR) => return,
                    // Longer than the socket takes: this one alone is lost.
                    Some(libc::EMSGSIZE) => self.lost += 1,
                    // The daemon went away; it may be back already.
                    _ => {
                        self.socket = None;
                        self.retry = reconnected.then(|| now + PATIENCE);
                        reconnected = true;
                        continue;
                    }
                },
            }
            self.queued -= datagram.len();
            self.queue.pop_front();
            if self.queue.is_empty() && self.lost > 0 {
                let text = format!("{} line(s) lost: syslog did not take them", self.lost);
                self.lost = 0;
                self.enqueue(None, libc::LOG_WARNING, "", &text);
            }
        }
    }

    /// Waits until the queue holds no more than `bytes`, as long as the daemon is at work.
    pub fn wait_for_room(&mut self, bytes: usize) {
        loop {
            let now = Instant::now();
            self.flush(now);
            let left = (self.progress + PATIENCE).saturating_duration_since(now);
            let Some(socket) = self.wants_room().filter(|_| self.queued > bytes) else { return };
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            if left.is_zero() || poll(&mut [PollFd::new(socket, PollFlags::POLLOUT)], timeout).is_err() {
                return;
            }
        }
    }

    fn write(&mut self, unit: Option<usize>, level: i32, source: Source, text: &str, now: Instant) {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        match unit.filter(|_| self.voices.len() > 1).map(|unit| &self.voices[unit].name) {
            // The ring knows the jail only.
            Some(name) => self.ring.append(source, &format!("{name}: {text}"), time.as_millis() as u64, now),
            None => self.ring.append(source, text, time.as_millis() as u64, now),
        }
        let label = match source {
            Source::Stdout => "stdout: ",
            Source::Stderr => "stderr: ",
            Source::Supervisor => "",
        };
        self.enqueue(unit, level, label, text);
        self.flush(now);
    }

    fn enqueue(&mut self, unit: Option<usize>, level: i32, label: &str, text: &str) {
        if self.queued >= HARD {
            self.lost += 1;
            return;
        }
        let Sink { facility, voices, .. } = self;
        let Voice { tag, prefix, .. } = &voices[unit.unwrap_or(0)];
        let prefix = if unit.is_some() { prefix } else { &self.prefix };
        let datagram = format!("<{}>{} {tag}: {prefix}{label}{text}", *facility | level, timestamp()).into_bytes();
        self.queued += datagram.len();
        self.queue.push_back(datagram);
    }
}

fn prefix(service: &Service) -> String {
    format!("jail={} jid={} ", service.name, service.jid)
}

/// How the lines of one service look.
#[derive(Debug)]
struct Voice {
    name: String,
    tag: String,
    prefix: String,
}

impl Voice {
    /// The service is named if there are several.
    fn of(service: &Service, unit: &Unit) -> Voice {
        let mut prefix = prefix(service);
        if service.units.len() > 1 {
            prefix += &format!("service={} ", unit.name);
        }
        Voice { name: unit.name.clone(), tag: format!("{}[{}]", unit.tag, std::process::id()), prefix }
    }
}

/// Makes sure there is a socket; says whether there is.
fn connect(path: &std::path::Path, socket: &mut Option<UnixDatagram>, retry: &mut Option<Instant>, now: Instant) -> bool {
    if socket.is_some() {
        return true;
    }
    if retry.is_some_and(|at| now < at) {
        return false;
    }
    let fresh = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.connect(path)?;
        Ok(socket)
    });
    *retry = fresh.is_err().then(|| now + PATIENCE);
    *socket = fresh.ok();
    socket.is_some()
}

/// Passes a line on to the terminal, unless nobody reads there.
fn echo(stream: Stream, line: &str) {
    let line = format!("{line}\n");
    let room = |fd: BorrowedFd<'_>| poll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], PollTimeout::from(100u8)) == Ok(1);
    let result = match stream {
        Stream::Stdout if room(std::io::stdout().as_fd()) => std::io::stdout().write_all(line.as_bytes()),
        Stream::Stderr if room(std::io::stderr().as_fd()) => std::io::stderr().write_all(line.as_bytes()),
        _ => Err(ErrorKind::WouldBlock.into()),
    };
    // It is in the log all the same.
    drop(result);
}

/// `Mmm dd hh:mm:ss` in local time, as RFC 3164 wants it; English whatever the locale.
fn timestamp() -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // SAFETY: `tm` is plain data for which all zeroes is a value; time(2) may be given null; localtime_r writes `tm` alone.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        let now = libc::time(std::ptr::null_mut());
        libc::localtime_r(&now, &mut tm);
        tm
    };
    let month = MONTHS[tm.tm_mon.rem_euclid(12) as usize];
    format!("{month} {:2} {:02}:{:02}:{:02}", tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec)
}

#[cfg(test)]
mod tests {
    use super::super::tests::service;
    use super::*;

    struct Daemon {
        socket: UnixDatagram,
        dir: tempfile::TempDir,
    }

    fn daemon() -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("log")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Daemon { socket, dir }
    }

    impl Daemon {
        fn sink(&self) -> Sink {
            Sink::new(&service(self.dir.path(), &["true"]), Instant::now())
        }

        fn receive(&self) -> String {
            let mut buffer = [0; 65536];
            let length = self.socket.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        }
    }

    #[test]
    fn a_line_carries_priority_time_tag_pid_jail_and_stream() {
        let daemon = daemon();
        let mut sink = daemon.sink();
        sink.line(0, Stream::Stderr, "oops", Instant::now());
        let (pid, line) = (std::process::id(), daemon.receive());
        let priority = libc::LOG_LOCAL3 | libc::LOG_ERR;
        let rest = line.strip_prefix(&format!("<{priority}>")).unwrap();
        assert_eq!(&rest[15..], format!(" jail-t[{pid}]: jail=t jid=7 stderr: oops"));
        assert_eq!(rest.as_bytes()[3], b' ');
        assert_eq!((&rest[9..10], &rest[12..13]), (":", ":"));
    }

    #[test]
    fn an_own_line_that_quotes_a_newline_stays_one_line() {
        let daemon = daemon();
        daemon.sink().own(Some(0), Weight::Warning, "a\nb", Instant::now());
        assert!(daemon.receive().ends_with("jail=t jid=7 a\\nb"));
    }

    #[test]
    fn lines_written_while_the_daemon_is_away_are_sent_when_it_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let mut sink = Sink::new(&service(dir.path(), &["true"]), start);
        sink.line(0, Stream::Stdout, "early", start);
        let socket = UnixDatagram::bind(dir.path().join("log")).unwrap();
        let daemon = Daemon { socket, dir };
        sink.flush(start + PATIENCE);
        assert!(daemon.receive().ends_with("stdout: early"));
    }

    #[test]
    fn a_restarted_daemon_is_found_again_without_losing_the_line() {
        let mut daemon = daemon();
        let mut sink = daemon.sink();
        sink.line(0, Stream::Stdout, "one", Instant::now());
        assert!(daemon.receive().ends_with("one"));
        let path = daemon.dir.path().join("log");
        std::fs::remove_file(&path).unwrap();
        daemon.socket = UnixDatagram::bind(&path).unwrap();
        sink.line(0, Stream::Stdout, "two", Instant::now());
        assert!(daemon.receive().ends_with("two"));
    }

    #[test]
    fn a_stuck_daemon_blocks_nobody_and_the_lost_lines_are_counted() {
        let daemon = daemon();
        let mut sink = daemon.sink();
        let start = Instant::now();
        let text = "x".repeat(1000);
        for _ in 0..2000 {
            sink.line(0, Stream::Stdout, &text, start);
        }
        assert!(start.elapsed() < Duration::from_secs(5), "it blocked");
        assert!(sink.lost > 0 && sink.queued <= HARD + 1100, "{} lost, {} queued", sink.lost, sink.queued);
        assert!(sink.is_congested(start), "a daemon that worked a moment ago is waited for");
        assert!(!sink.is_congested(start + PATIENCE), "but not for ever");
        let (lost, mut taken) = (sink.lost, 0);
        let last = loop {
            let line = daemon.receive();
            sink.flush(Instant::now());
            if !line.ends_with('x') {
                break line;
            }
            taken += 1;
        };
        assert_eq!(taken + lost, 2000);
        assert!(last.ends_with(&format!("jail=t jid=7 {lost} line(s) lost: syslog did not take them")), "{last}");
    }
}
