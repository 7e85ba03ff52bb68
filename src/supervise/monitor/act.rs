//! Telling the group what happened, and doing what it says.

use std::time::Instant;

use super::super::children::Owner;
use super::super::clearing::{Clearing, What};
use super::super::entry::say;
use super::super::event::{Action as Deed, Event as Word, Probe};
use super::super::group::{Action, Event, Scope};
use super::super::log::Stream;
use super::super::output::Pipe;
use super::super::pidfd;
use super::super::runner::Runner;
use super::super::service::Report;
use super::Monitor;

/// Reads that empty a full pipe.
const DRAIN: usize = 40;

impl Monitor<'_> {
    /// Tells the group, and does what follows, until nothing does.
    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            let actions = self.group.step(event, self.begun.elapsed(), jitter());
            // First: who reads of it in the log, or is told that it is ready, finds the state to be so.
            self.tell_state();
            for action in actions {
                self.act(action);
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Of(unit, deed) => self.act_for(unit, deed),
            Action::Clear(scope) => {
                let what = if scope == Scope::Jail { What::Jail } else { What::Leftovers };
                self.begin_clearing(what, None);
            }
            Action::Ready => {
                if let Some(mut report) = self.report.take() {
                    say(&mut report, &Report::Ready);
                }
                self.runners.iter_mut().for_each(Runner::forget_words);
            }
            Action::Log(weight, text) => self.own(None, weight, &text),
            Action::End => self.ended = true,
        }
    }

    fn act_for(&mut self, unit: usize, deed: Deed) {
        match deed {
            Deed::Spawn { run } => self.spawn(unit, run),
            Deed::Arm(timer, delay) => self.runners[unit].arm(timer, delay),
            Deed::Quiet => {
                self.runners[unit].disarm_all();
                self.drop_attempt(unit);
            }
            Deed::StopSignal => {
                if let Some(child) = &self.runners[unit].child {
                    // One that has ended by itself is about to be reaped.
                    let _ = pidfd::signal(&child.pidfd, self.service.units[unit].stop_signal);
                }
            }
            Deed::Clear => {
                // With several services, only what can be told to be of this one.
                let owner = (self.runners.len() > 1).then(|| self.runners[unit].owner(&self.service.units[unit]));
                self.begin_clearing(What::Service(unit), owner);
            }
            Deed::Watch(run) => self.runners[unit].watch(run),
            Deed::Probe(probe, run) => self.probe(unit, probe, run),
            Deed::Log(weight, text) => self.own(Some(unit), weight, &text),
        }
    }

    fn begin_clearing(&mut self, what: What, owner: Option<Owner>) {
        self.clearings.retain(|clearing| clearing.what != what || what == What::Check);
        self.clearings.push(Clearing::new(what, owner));
    }

    fn spawn(&mut self, unit: usize, run: u64) {
        self.drain(unit);
        self.close_pipes(unit);
        let event = match self.runners[unit].spawn(&self.service.units[unit], run, self.workload) {
            Ok(()) => Event::Of(unit, Word::Spawned),
            Err(why) => {
                if let Some(gone) = self.workload.gone() {
                    self.events.push_back(Event::Vanished(gone));
                }
                Event::Of(unit, Word::SpawnFailed(why))
            }
        };
        self.events.push_back(event);
        self.tell_state();
    }

    fn probe(&mut self, unit: usize, probe: Probe, run: u64) {
        self.drop_attempt(unit);
        let described = &self.service.units[unit];
        let (check, patience) = match (probe, &described.ready, &described.health) {
            (Probe::Ready, Some(ready), _) => (ready.check.as_ref(), ready.timeout),
            (Probe::Health, _, Some(health)) => (Some(&health.check), health.timeout),
            _ => return,
        };
        let Some(check) = check else { return };
        if let Some(result) = self.runners[unit].try_check(described, check, patience, run, self.workload) {
            self.events.push_back(Event::Of(unit, Word::Probed { run, result }));
        }
    }

    /// Gives the check up that is under way, with all it started.
    pub(super) fn drop_attempt(&mut self, unit: usize) {
        if let Some(owner) = self.runners[unit].attempt.take().and_then(|attempt| attempt.owner().cloned()) {
            self.begin_clearing(What::Check, Some(owner));
        }
    }

    /// Takes what a service that has ended left in its pipes, as long as syslog keeps up. Others may write on: no more
    /// than a pipe holds.
    pub(super) fn drain(&mut self, unit: usize) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut reads = 0;
            while reads < DRAIN && self.read(unit, stream) {
                reads += 1;
                self.sink.wait_for_room(0);
            }
        }
    }

    pub(super) fn close_pipes(&mut self, unit: usize) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.with_lines(unit, stream, |pipe, line| pipe.close(line));
        }
    }

    pub(super) fn with_lines<T>(
        &mut self,
        unit: usize,
        stream: Stream,
        act: impl FnOnce(&mut Pipe, &mut dyn FnMut(String)) -> T,
    ) -> T {
        let Monitor { runners, sink, group, .. } = self;
        let now = Instant::now();
        if stream == Stream::Stderr && !group.is_ready() {
            let (pipe, words) = runners[unit].stderr_and_words();
            return act(pipe, &mut |line: String| {
                sink.line(unit, stream, &line, now);
                Runner::remember(words, line);
            });
        }
        act(runners[unit].pipe(stream), &mut |line: String| sink.line(unit, stream, &line, now))
    }
}

/// From -100 to 100, so that jails that failed together do not come back together.
fn jitter() -> i64 {
    let mut bytes = [0u8; 2];
    // SAFETY: getrandom(2) writes at most the two bytes of the buffer; without them there is no jitter.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    i64::from(u16::from_ne_bytes(bytes) % 201) - 100
}
