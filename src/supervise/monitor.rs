//! The monitor process: one thread that waits for the services' ends, their output, checks, requests, signals and
//! deadlines, and does what [`Group`] says.
//!
//! The end of a run is the end of the process that was executed, seen by its pidfd; a closed pipe says nothing. What
//! that process left behind is killed before the next run (it may hold the port or the pipe), by being the parent of all
//! orphans; sessions that entered the jail by `exec` are none of its children and live on. A stop kills every member.
//!
//! Left as inherited on purpose: oom_score_adj, which the services would inherit too, and dumpable, for nothing that runs
//! as host root is hidden from host root.

mod act;
mod answer;
mod watch;

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Status;
use super::clearing::Clearing;
use super::desk::Desk;
use super::entry::say;
use super::event::{End, Event as Word, Weight};
use super::files::Files;
use super::group::{Event, Group};
use super::history::History;
use super::log::{Sink, Stream};
use super::runner::Runner;
use super::service::{Report, Service};
use super::workload::Workload;
use crate::kernel::KernelError;
use crate::kernel::system::Signals;

const SAMPLE: Duration = Duration::from_secs(1);
/// Between two looks at a service that wrote more than is logged.
const PAUSE: Duration = Duration::from_millis(50);
/// Reads that empty a pipe.
const READS: usize = 32;

pub struct Monitor<'a> {
    service: &'a Service,
    workload: &'a mut dyn Workload,
    files: Files,
    sink: Sink,
    group: Group,
    /// What has happened and was not told to the group yet.
    events: VecDeque<Event>,
    runners: Vec<Runner>,
    clearings: Vec<Clearing>,
    status: Status,
    begun: Instant,
    sample_at: Instant,
    history: History,
    /// When the next point of the history is due.
    point_at: Instant,
    /// The last sample failed; said once.
    blind: bool,
    report: Option<File>,
    desk: Option<Desk>,
    /// The keeper ended and the services were sent SIGKILL for it.
    bereft: bool,
    /// Until when each service is not read from, because it wrote more than is logged.
    paused: Vec<Instant>,
    ended: bool,
}

/// A descriptor that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Signals,
    Service,
    Output(usize, Stream),
    Notify(usize),
    Attempt(usize),
    Desk,
    Syslog,
}

impl<'a> Monitor<'a> {
    pub fn new(service: &'a Service, workload: &'a mut dyn Workload, report: File) -> Self {
        let now = Instant::now();
        let members = service.units.iter().map(|unit| (unit.name.clone(), unit.needs.clone(), unit.rules()));
        Monitor {
            files: Files::of(&service.config(), &service.name),
            sink: Sink::new(service, now),
            status: Status { pid: std::process::id() as i32, ..Status::default() },
            group: Group::new(members),
            events: VecDeque::new(),
            runners: service.units.iter().map(|_| Runner::default()).collect(),
            clearings: Vec::new(),
            begun: now,
            sample_at: now + SAMPLE,
            history: History::new(service.config().run_of(&service.name)),
            point_at: now + SAMPLE,
            blind: false,
            report: Some(report),
            desk: None,
            bereft: false,
            paused: vec![now; service.units.len()],
            ended: false,
            service,
            workload,
        }
    }

    /// Runs the services until they are done for.
    pub fn run(mut self, signals: &Signals) -> End {
        match Desk::open(self.files.dir()) {
            Ok(desk) => self.desk = Some(desk),
            Err(errno) => self.own(None, Weight::Warning, &format!("nobody can ask this supervisor: {}", errno.desc())),
        }
        if let Err(error) = self.workload.hold(true) {
            self.own(None, Weight::Warning, &format!("the kernel does not know of this supervisor: {error}"));
        }
        self.tell(Event::Begin);
        while !self.ended {
            let woken = self.wait(signals);
            self.sink.flush(Instant::now());
            for source in woken {
                match source {
                    Source::Output(unit, stream) => self.take_output(unit, stream),
                    Source::Notify(unit) => {
                        if let Some(run) = self.runners[unit].heard() {
                            self.tell(Event::Of(unit, Word::Notified { run }));
                        }
                    }
                    Source::Attempt(unit) => self.proceed(unit),
                    Source::Signals => self.take_signals(signals),
                    Source::Service => self.reap(),
                    Source::Desk => self.serve(),
                    Source::Syslog => {}
                }
            }
            self.keep_deadlines();
            self.settle_wishes();
        }
        self.finish()
    }

    /// Waits until something is to be done; in the order in which it is to be done.
    fn wait(&self, signals: &Signals) -> Vec<Source> {
        let now = Instant::now();
        let congested = self.sink.is_congested(now);
        let clearings = self.clearings.iter().map(|clearing| clearing.next);
        let timers = self.runners.iter().filter_map(Runner::next_deadline);
        let paused = self.paused.iter().copied().filter(|until| *until > now);
        let until = clearings.chain(timers).chain(paused).fold(self.sample_at, Instant::min);
        // Rounded up, lest it spin through the last millisecond.
        let timeout = (until.saturating_duration_since(now) + Duration::from_micros(999)).as_millis();
        let mut polled = Vec::new();
        let mut sources = Vec::new();
        let mut add = |source, fd, flags| {
            polled.push(PollFd::new(fd, flags));
            sources.push(source);
        };
        for (unit, runner) in self.runners.iter().enumerate() {
            if !congested && self.paused[unit] <= now {
                for (stream, pipe) in [(Stream::Stdout, &runner.stdout), (Stream::Stderr, &runner.stderr)] {
                    if let Some(fd) = pipe.fd() {
                        add(Source::Output(unit, stream), fd, PollFlags::POLLIN);
                    }
                }
            }
            if let Some(fd) = runner.notify_fd() {
                add(Source::Notify(unit), fd, PollFlags::POLLIN);
            }
            if let Some((fd, flags)) = runner.attempt.as_ref().and_then(|attempt| attempt.polled()) {
                add(Source::Attempt(unit), fd, flags);
            }
        }
        add(Source::Signals, signals.as_fd(), PollFlags::POLLIN);
        for child in self.runners.iter().filter_map(|runner| runner.child.as_ref()) {
            add(Source::Service, child.pidfd.as_fd(), PollFlags::POLLIN);
        }
        for fd in self.desk.iter().flat_map(Desk::polled) {
            add(Source::Desk, fd, PollFlags::POLLIN);
        }
        if let Some(fd) = self.sink.wants_room() {
            add(Source::Syslog, fd, PollFlags::POLLOUT);
        }
        if poll(&mut polled, PollTimeout::try_from(timeout as i32).unwrap_or(PollTimeout::ZERO)).is_err() {
            // EINTR cannot be, with all caught signals blocked; whatever it is must not make it miss an end.
            return vec![Source::Signals, Source::Service];
        }
        let woken = polled.iter().zip(sources).filter(|(fd, _)| fd.any().unwrap_or(true));
        let mut woken: Vec<Source> = woken.map(|(_, source)| source).collect();
        woken.dedup();
        woken
    }

    /// Takes lines of one stream, and says whether there may be more.
    fn read(&mut self, unit: usize, stream: Stream) -> bool {
        self.with_lines(unit, stream, |pipe, line| pipe.read(line))
    }

    /// The same, once; of a service that wrote more than is logged all that is there, and then nothing for a while: that
    /// bounds what its lines cost, and holds up who writes without end.
    fn take_output(&mut self, unit: usize, stream: Stream) {
        let now = Instant::now();
        if !self.sink.is_over(unit, now) {
            self.read(unit, stream);
            return;
        }
        let mut reads = 0;
        while reads < READS && self.read(unit, stream) {
            reads += 1;
        }
        self.paused[unit] = now + PAUSE;
    }

    fn own(&mut self, unit: Option<usize>, weight: Weight, text: &str) {
        self.sink.own(unit, weight, text, Instant::now());
    }

    fn tell_state(&mut self) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut status = self.observe();
        status.since = if status.state == self.status.state { self.status.since } else { since };
        for (now, before) in status.services.iter_mut().zip(&self.status.services) {
            now.since = if now.state == before.state { before.since } else { since };
        }
        if self.status.services.is_empty() {
            status.services.iter_mut().for_each(|service| service.since = since);
        }
        if status != self.status {
            self.status = status;
            if let Err(error) = self.files.write_state(&self.status) {
                self.own(None, Weight::Warning, &format!("state.json: {error}"));
            }
        }
    }

    fn finish(mut self) -> End {
        for unit in 0..self.runners.len() {
            self.drain(unit);
            self.close_pipes(unit);
        }
        if let Err(error) = self.workload.hold(false)
            && !matches!(error, KernelError::NoSuchJail(_))
        {
            self.own(None, Weight::Warning, &format!("the kernel still believes in this supervisor: {error}"));
        }
        self.sink.tell_lost(Instant::now(), true);
        self.sink.wait_for_room(0);
        let end = self.group.end().cloned().unwrap_or(End { failed: true, reason: "it ended without a reason".into() });
        let stderr = self.last_words();
        if let Some(mut report) = self.report.take() {
            say(&mut report, &Report::Failed { why: end.reason.clone(), stderr });
        }
        end
    }
}
