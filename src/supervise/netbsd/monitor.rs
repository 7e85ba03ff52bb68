//! The supervisor's loop over one kqueue(2): the service's end (EVFILT_PROC), its output, signals, deadlines.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::{Pid, pipe2};

use super::course::{Course, Deed};
use super::ending::Ending;
use super::files::Held;
use super::line::{Splitter, escape};
use super::syslog::Syslog;
use super::{Service, SuperviseError, system};
use crate::jail::{JailError, start};
use crate::kernel::Kernel;

/// Signals that ask for a stop. Ignored as such: a kqueue hears of them all the same.
const STOPS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP];
/// Events taken at a time.
const EVENTS: usize = 16;
/// Reads of one pipe at a time, so that who writes without end does not hold up the rest.
const READS: usize = 32;
/// How long the rest of a jail may take to end.
const EMPTYING: Duration = Duration::from_secs(10);

/// One output of the service.
struct Pipe {
    file: Option<File>,
    lines: Splitter,
    level: i32,
}

pub struct Monitor<'a> {
    service: &'a Service,
    kernel: &'a dyn Kernel,
    queue: Kqueue,
    begun: Instant,
    course: Course,
    child: Option<Pid>,
    /// It has ended, and is not reaped yet.
    is_gone: bool,
    pipes: [Pipe; 2],
    syslog: Syslog,
}

impl<'a> Monitor<'a> {
    /// Starts the service for the first time.
    pub fn begin(service: &'a Service, kernel: &'a dyn Kernel) -> Result<Monitor<'a>, SuperviseError> {
        let queue = Kqueue::new().map_err(system("make a kqueue"))?;
        for number in STOPS {
            // SAFETY: ignores a signal; no handler runs.
            unsafe { signal(number, SigHandler::SigIgn) }.map_err(system("take a signal"))?;
            change(&queue, number as usize, EventFilter::EVFILT_SIGNAL, EvFlags::EV_ADD, FilterFlag::empty())
                .map_err(system("wait for signals"))?;
        }
        let pipe = |level| Pipe { file: None, lines: Splitter::default(), level };
        let mut monitor = Monitor {
            service,
            kernel,
            queue,
            begun: Instant::now(),
            course: Course::begun(Duration::ZERO),
            child: None,
            is_gone: false,
            pipes: service.levels.map(|level| pipe(level.value())),
            syslog: Syslog::new(service.facility.value(), &service.tag, service.foreground),
        };
        monitor.start()?;
        Ok(monitor)
    }

    /// Keeps the service running until a signal comes. The lock goes with the end.
    pub fn run(mut self, _held: Held) -> Result<(), SuperviseError> {
        while !self.course.is_done() {
            let deed = self.wait();
            self.act(deed);
            let due = self.course.due(self.now());
            self.act(due);
        }
        self.empty()
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Nothing | Deed::Finish => {}
            Deed::Start => {
                if let Err(error) = self.start() {
                    self.say(libc::LOG_ERR, &error.to_string());
                    self.ended();
                }
            }
            Deed::Terminate => self.signal(Signal::SIGTERM),
            Deed::Kill => self.signal(Signal::SIGKILL),
        }
    }

    fn start(&mut self) -> Result<(), SuperviseError> {
        let null = File::open("/dev/null").map_err(JailError::io("open /dev/null"))?;
        let mut ends = Vec::new();
        for pipe in &mut self.pipes {
            let (ours, theirs) = pipe2(OFlag::O_CLOEXEC).map_err(system("make a pipe"))?;
            fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(system("make a pipe"))?;
            // What the run before left unread is gone with it.
            pipe.file = Some(ours.into());
            pipe.lines = Splitter::default();
            ends.push(theirs);
        }
        let [stdout, stderr]: [OwnedFd; 2] = ends.try_into().map_err(|_| system("make a pipe")(Errno::EINVAL))?;
        let gate = self.kernel.gate(self.service.jid)?;
        let pid = start(&self.service.command, gate.as_ref(), [null.into(), stdout, stderr])?;
        self.child = Some(pid);
        for pipe in &self.pipes {
            let Some(file) = &pipe.file else { continue };
            let fd = file.as_raw_fd() as usize;
            change(&self.queue, fd, EventFilter::EVFILT_READ, EvFlags::EV_ADD, FilterFlag::empty())
                .map_err(system("wait for output"))?;
        }
        // One that has ended by now is not found.
        match change(&self.queue, pid.as_raw() as usize, EventFilter::EVFILT_PROC, EvFlags::EV_ADD, FilterFlag::NOTE_EXIT) {
            Ok(()) => Ok(()),
            Err(Errno::ESRCH) => {
                self.is_gone = true;
                Ok(())
            }
            Err(errno) => Err(system("wait for the service")(errno)),
        }
    }

    /// Waits for what happens; whatever woke it, looks at everything.
    fn wait(&mut self) -> Deed {
        // A second at most: an end that was not announced is seen all the same.
        let most = Duration::from_secs(1);
        let left = self.course.deadline().map_or(most, |until| until.saturating_sub(self.now()).min(most));
        let timeout = libc::timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        let blank = KEvent::new(0, EventFilter::EVFILT_READ, EvFlags::empty(), FilterFlag::empty(), 0, 0);
        let mut events = [blank; EVENTS];
        let count = self.queue.kevent(&[], &mut events, Some(timeout)).unwrap_or(0);
        for at in 0..self.pipes.len() {
            self.read(at);
        }
        let is_end = |event: &KEvent| {
            let of_child = self.child.is_some_and(|pid| pid.as_raw() as usize == event.ident());
            event.filter() == Ok(EventFilter::EVFILT_PROC) && of_child
        };
        self.is_gone |= events[..count].iter().any(is_end);
        if self.is_gone {
            // What it leaves in its process group, while the number still is its own.
            self.signal(Signal::SIGKILL);
        }
        if let Some(ending) = self.reaped() {
            self.drain();
            self.say(libc::LOG_NOTICE, &format!("the service {ending}"));
            self.child = None;
            self.is_gone = false;
            self.ended();
        }
        let is_stop = |event: &KEvent| event.filter() == Ok(EventFilter::EVFILT_SIGNAL);
        match events[..count].iter().any(is_stop) {
            true => self.course.asked_to_stop(self.now()),
            false => Deed::Nothing,
        }
    }

    fn ended(&mut self) {
        let jitter =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| i64::from(now.subsec_micros() % 201) - 100);
        let now = self.now();
        if let (_, Some(pause)) = self.course.ended(now, jitter) {
            self.say(libc::LOG_NOTICE, &format!("it starts again in {:.1} s", pause.as_secs_f64()));
        }
    }

    fn reaped(&self) -> Option<Ending> {
        let pid = self.child?;
        let mut status = 0;
        // SAFETY: writes one integer.
        match unsafe { libc::waitpid(pid.as_raw(), &mut status, libc::WNOHANG) } {
            found if found != pid.as_raw() => None,
            _ if libc::WIFEXITED(status) => Some(Ending::Status(libc::WEXITSTATUS(status))),
            _ => Some(Ending::Signal(libc::WTERMSIG(status))),
        }
    }

    /// Takes lines of one output. At its end it is closed, lest the queue tell of that for ever.
    fn read(&mut self, at: usize) {
        let Pipe { file, lines, level } = &mut self.pipes[at];
        let mut buffer = [0; 4096];
        for _ in 0..READS {
            let Some(open) = file else { return };
            match open.read(&mut buffer) {
                Ok(length) if length > 0 => lines.push(&buffer[..length], |line| self.syslog.line(*level, &line)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => *file = None,
            }
        }
    }

    /// What the service wrote before it ended. Others may hold the pipe: what they write later is nobody's.
    fn drain(&mut self) {
        for at in 0..self.pipes.len() {
            self.read(at);
            let Pipe { file, lines, level } = &mut self.pipes[at];
            lines.finish(|line| self.syslog.line(*level, &line));
            *file = None;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child {
            // It leads a session of its own, and is not reaped: the group is its own. Gone is what is wanted.
            let _ = kill(Pid::from_raw(-pid.as_raw()), signal);
        }
    }

    /// Ends whoever is still in the jail.
    fn empty(mut self) -> Result<(), SuperviseError> {
        let until = Instant::now() + EMPTYING;
        loop {
            if self.kernel.members(self.service.jid).map_or(true, |members| members.is_empty()) {
                self.say(libc::LOG_NOTICE, "stopped");
                return Ok(());
            }
            if Instant::now() >= until {
                self.say(libc::LOG_WARNING, "stopped, but the jail has members that do not end");
                return Ok(());
            }
            self.kernel.signal_all(self.service.jid, libc::SIGKILL)?;
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A word of the supervisor's own.
    fn say(&mut self, level: i32, text: &str) {
        let text = escape(format!("jail {}: {text}", self.service.name).as_bytes());
        self.syslog.line(level, &text);
    }
}

fn change(queue: &Kqueue, ident: usize, filter: EventFilter, flags: EvFlags, note: FilterFlag) -> Result<(), Errno> {
    let event = KEvent::new(ident, filter, flags, note, 0, 0);
    let none = Some(libc::timespec { tv_sec: 0, tv_nsec: 0 });
    queue.kevent(&[event], &mut [], none).map(drop)
}
