//! The monitor process: one thread that waits for the service's end, its output, signals and deadlines, and does what
//! [`Machine`] says.
//!
//! The end of a run is the end of the process that was executed, seen by its pidfd; a closed pipe says nothing. What
//! that process left behind is killed before the next run (it may hold the port or the pipe), by being the parent of all
//! orphans; sessions that entered the jail by `exec` are none of its children and live on. A stop kills every member.
//!
//! Left as inherited on purpose: oom_score_adj, which the service would inherit too, and dumpable, for nothing that runs
//! as host root is hidden from host root.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use super::entry::say;
use super::files::Files;
use super::log::{Sink, Stream};
use super::output::Pipe;
use super::service::{Report, Service};
use super::state::{Action, End, Ending, Event, Machine, Scope, Weight};
use super::workload::{Output, Workload};
use super::{Status, children, pidfd};
use crate::jail::Child;
use crate::kernel::KernelError;

const SAMPLE: Duration = Duration::from_secs(1);
/// Between two rounds of killing.
const ROUND: Duration = Duration::from_millis(20);
/// After this, what will not die (a process in a system call that does not end) is left.
const GIVE_UP: Duration = Duration::from_secs(10);
/// Reads that empty a full pipe.
const DRAIN: usize = 40;
/// Bytes of stderr that go into the report of a failed start.
const LAST_WORDS: usize = 2048;

struct Clearing {
    scope: Scope,
    give_up: Instant,
    next: Instant,
}

pub struct Monitor<'a> {
    service: &'a Service,
    workload: &'a mut dyn Workload,
    files: Files,
    sink: Sink,
    machine: Machine,
    status: Status,
    begun: Instant,
    child: Option<Child>,
    stdout: Pipe,
    stderr: Pipe,
    timer: Option<Instant>,
    clearing: Option<Clearing>,
    sample_at: Instant,
    /// The last sample failed; said once.
    blind: bool,
    report: Option<File>,
    last_words: VecDeque<String>,
    /// The keeper ended and the service was sent SIGKILL for it.
    bereft: bool,
    ended: bool,
}

/// What woke the monitor.
struct Woken {
    signal: bool,
    service: bool,
    outputs: [bool; 2],
}

impl<'a> Monitor<'a> {
    pub fn new(service: &'a Service, workload: &'a mut dyn Workload, report: File) -> Self {
        let now = Instant::now();
        let machine = Machine::new(service.restart, Duration::from_secs(service.stop_grace));
        Monitor {
            files: Files::of(&service.config(), &service.name),
            sink: Sink::new(service, now),
            status: Status {
                pid: std::process::id() as i32,
                state: String::new(),
                since: 0,
                restarts: 0,
                last_exit: None,
                service: None,
            },
            machine,
            begun: now,
            child: None,
            stdout: Pipe::default(),
            stderr: Pipe::default(),
            timer: None,
            clearing: None,
            sample_at: now + SAMPLE,
            blind: false,
            report: Some(report),
            last_words: VecDeque::new(),
            bereft: false,
            ended: false,
            service,
            workload,
        }
    }

    /// Runs the service until it is done for.
    pub fn run(mut self, signals: &SignalFd) -> End {
        if let Err(error) = self.workload.hold(true) {
            self.own(Weight::Warning, &format!("the kernel does not know of this supervisor: {error}"));
        }
        self.act(vec![Action::Spawn]);
        while !self.ended {
            let woken = self.wait(signals);
            self.sink.flush(Instant::now());
            if woken.outputs[0] {
                self.read(Stream::Stdout);
            }
            if woken.outputs[1] {
                self.read(Stream::Stderr);
            }
            if woken.signal {
                self.take_signals(signals);
            }
            if woken.signal || woken.service {
                self.reap();
            }
            self.keep_deadlines();
        }
        self.finish()
    }

    fn wait(&self, signals: &SignalFd) -> Woken {
        let now = Instant::now();
        let congested = self.sink.is_congested(now);
        let mut until = self.sample_at;
        until = self.timer.map_or(until, |at| until.min(at));
        until = self.clearing.as_ref().map_or(until, |clearing| until.min(clearing.next));
        // Rounded up, lest it spin through the last millisecond.
        let timeout = (until.saturating_duration_since(now) + Duration::from_micros(999)).as_millis();
        let mut polled = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let mut add = |fd, flags| {
            polled.push(PollFd::new(fd, flags));
            polled.len() - 1
        };
        let service = self.child.as_ref().map(|child| add(child.pidfd.as_fd(), PollFlags::POLLIN));
        let outputs =
            [&self.stdout, &self.stderr].map(|pipe| pipe.fd().filter(|_| !congested).map(|fd| add(fd, PollFlags::POLLIN)));
        if let Some(fd) = self.sink.wants_room() {
            add(fd, PollFlags::POLLOUT);
        }
        if poll(&mut polled, PollTimeout::try_from(timeout as i32).unwrap_or(PollTimeout::ZERO)).is_err() {
            // EINTR cannot be, with all caught signals blocked; whatever it is must not make it miss an end.
            return Woken { signal: true, service: true, outputs: [false; 2] };
        }
        let any = |at: Option<usize>| at.is_some_and(|at| polled[at].any().unwrap_or(true));
        Woken { signal: any(Some(0)), service: any(service), outputs: outputs.map(any) }
    }

    fn take_signals(&mut self, signals: &SignalFd) {
        while let Ok(Some(info)) = signals.read_signal() {
            let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else { continue };
            if matches!(signal, Signal::SIGTERM | Signal::SIGINT | Signal::SIGQUIT) {
                self.step(Event::StopRequested(format!("{signal} from pid {}", info.ssi_pid)));
            }
        }
    }

    fn keep_deadlines(&mut self) {
        let now = Instant::now();
        if self.clearing.as_ref().is_some_and(|clearing| clearing.next <= now) {
            self.clear();
        }
        if self.timer.is_some_and(|at| at <= now) {
            self.timer = None;
            self.step(Event::Timer);
        }
        if self.sample_at <= now {
            // After a suspension the seconds that were missed are not made up for.
            self.sample_at = (self.sample_at + SAMPLE).max(now);
            self.sample();
        }
    }

    fn sample(&mut self) {
        match self.workload.sample() {
            Ok(()) => self.blind = false,
            Err(KernelError::NoSuchJail(_)) => {
                self.step(Event::Vanished("the jail is gone from the kernel".into()));
            }
            Err(error) if !self.blind => {
                self.blind = true;
                self.own(Weight::Warning, &format!("no sample: {error}"));
            }
            Err(_) => {}
        }
    }

    /// Reaps; says whether children live.
    fn reap(&mut self) -> bool {
        let service = self.child.as_ref().map(|child| child.pid.as_raw());
        let keeper = self.workload.keeper();
        let (mut ending, mut keeper_ending): (Option<Ending>, Option<Ending>) = (None, None);
        let living = children::reap(keeper, |pid, how| {
            if Some(pid) == service {
                ending = Some(how);
            } else if Some(pid) == keeper {
                keeper_ending = Some(how);
            }
        });
        if let Some(how) = keeper_ending {
            self.lose_keeper(how);
        }
        if let Some(clearing) = &mut self.clearing {
            clearing.next = Instant::now();
        }
        if let Some(ending) = ending {
            // Its last words come before the news of its end.
            self.drain();
            self.child = None;
            let with_keeper = std::mem::take(&mut self.bereft) && ending == Ending::Signal(libc::SIGKILL);
            self.step(Event::Exited(if with_keeper { Ending::WithKeeper } else { ending }));
        }
        living
    }

    /// Its members' walls went with the keeper: what comes new could not reach them, so all begin anew.
    fn lose_keeper(&mut self, how: Ending) {
        let emptied = self.workload.keeper_ended();
        self.bereft = emptied;
        if self.clearing.as_ref().is_some_and(|clearing| matches!(clearing.scope, Scope::Jail)) {
            return;
        }
        let then = if emptied {
            "its processes are killed, and what starts next starts under a new one"
        } else {
            "its processes run on, but nothing can join them"
        };
        self.own(Weight::Warning, &format!("the jail's keeper ended ({how}); {then}"));
    }

    fn clear(&mut self) {
        let living = self.reap();
        let Some(clearing) = &mut self.clearing else { return };
        let members = match clearing.scope {
            Scope::Leftovers => 0,
            Scope::Jail => match self.workload.kill_members() {
                Ok(left) => left,
                Err(KernelError::NoSuchJail(_)) => 0,
                Err(_) => 1,
            },
        };
        let now = Instant::now();
        if !living && members == 0 {
            self.clearing = None;
            self.step(Event::Cleared { left: 0 });
        } else if now >= clearing.give_up {
            self.clearing = None;
            self.step(Event::Cleared { left: members.max(1) });
        } else {
            clearing.next = now + ROUND;
            children::kill_children(self.workload.keeper());
        }
    }

    fn step(&mut self, event: Event) {
        let actions = self.machine.step(event, self.begun.elapsed(), jitter());
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        // First: who reads of it in the log, or is told that it is ready, finds the state to be so.
        self.tell_state();
        for action in actions {
            match action {
                Action::Spawn => self.spawn(),
                Action::Arm(delay) => self.timer = Some(Instant::now() + delay),
                Action::Disarm => self.timer = None,
                Action::StopSignal => self.signal_service(),
                Action::Clear(scope) => {
                    let now = Instant::now();
                    self.clearing = Some(Clearing { scope, give_up: now + GIVE_UP, next: now });
                }
                Action::Ready => {
                    if let Some(mut report) = self.report.take() {
                        say(&mut report, &Report::Ready);
                    }
                    self.last_words.clear();
                }
                Action::Log(weight, text) => self.own(weight, &text),
                Action::End => self.ended = true,
            }
        }
    }

    fn spawn(&mut self) {
        let event = match self.execute() {
            Ok(child) => {
                self.child = Some(child);
                Event::Spawned
            }
            Err(why) => match self.workload.gone() {
                Some(gone) => Event::Vanished(gone),
                None => Event::SpawnFailed(why),
            },
        };
        self.step(event);
    }

    fn execute(&mut self) -> Result<Child, String> {
        self.drain();
        self.close_pipes();
        let pipe = |errno: Errno| format!("pipe: {}", errno.desc());
        let stdin = File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?.into();
        let output = Output { stdin, stdout: self.stdout.open().map_err(pipe)?, stderr: self.stderr.open().map_err(pipe)? };
        self.workload.spawn(output).map_err(|error| error.to_string())
    }

    fn signal_service(&mut self) {
        let Some(child) = &self.child else { return };
        // One that has ended by itself is about to be reaped.
        let _ = pidfd::signal(child.pidfd.as_fd(), self.service.stop_signal);
    }

    /// Takes lines of one stream, and says whether there may be more.
    fn read(&mut self, stream: Stream) -> bool {
        self.with_lines(stream, |pipe, line| pipe.read(line))
    }

    /// Takes what a service that has ended left in its pipes, as long as syslog keeps up. Others may write on: no more
    /// than a pipe holds.
    fn drain(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut reads = 0;
            while reads < DRAIN && self.read(stream) {
                reads += 1;
                self.sink.wait_for_room(0);
            }
        }
    }

    fn close_pipes(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.with_lines(stream, |pipe, line| pipe.close(line));
        }
    }

    fn with_lines<T>(&mut self, stream: Stream, act: impl FnOnce(&mut Pipe, &mut dyn FnMut(String)) -> T) -> T {
        let Monitor { stdout, stderr, sink, last_words, machine, .. } = self;
        let starting = stream == Stream::Stderr && !machine.is_ready();
        let now = Instant::now();
        let mut take = |line: String| {
            sink.line(stream, &line, now);
            if starting {
                remember(last_words, line);
            }
        };
        act(if stream == Stream::Stdout { stdout } else { stderr }, &mut take)
    }

    fn own(&mut self, weight: Weight, text: &str) {
        self.sink.own(weight, text, Instant::now());
    }

    fn tell_state(&mut self) {
        let mut status = Status {
            pid: self.status.pid,
            state: self.machine.state().into(),
            since: self.status.since,
            restarts: self.machine.restarts(),
            last_exit: self.machine.last_exit().map(str::to_owned),
            service: self.child.as_ref().map(|child| child.pid.as_raw()),
        };
        if status.state != self.status.state {
            status.since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        }
        if status != self.status {
            self.status = status;
            if let Err(error) = self.files.write_state(&self.status) {
                self.own(Weight::Warning, &format!("state.json: {error}"));
            }
        }
    }

    fn finish(mut self) -> End {
        self.drain();
        self.close_pipes();
        if let Err(error) = self.workload.hold(false)
            && !matches!(error, KernelError::NoSuchJail(_))
        {
            self.own(Weight::Warning, &format!("the kernel still believes in this supervisor: {error}"));
        }
        self.sink.wait_for_room(0);
        let end = self.machine.end().cloned().unwrap_or(End { failed: true, reason: "it ended without a reason".into() });
        if let Some(mut report) = self.report.take() {
            say(&mut report, &Report::Failed { why: end.reason.clone(), stderr: self.last_words.into() });
        }
        end
    }
}

/// Keeps the last lines, no more than [`LAST_WORDS`] bytes of them.
fn remember(lines: &mut VecDeque<String>, mut line: String) {
    if let Some((at, _)) = line.char_indices().find(|(at, _)| *at > LAST_WORDS - 4) {
        line.truncate(at);
    }
    lines.push_back(line);
    while lines.iter().map(String::len).sum::<usize>() > LAST_WORDS {
        lines.pop_front();
    }
}

/// From -100 to 100, so that jails that failed together do not come back together.
fn jitter() -> i64 {
    let mut bytes = [0u8; 2];
    // SAFETY: getrandom(2) writes at most the two bytes of the buffer; without them there is no jitter.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    i64::from(u16::from_ne_bytes(bytes) % 201) - 100
}
