//! What happens by itself: ends of processes, signals, deadlines, checks that go on.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::super::children;
use super::super::clearing::What;
use super::super::ending::Ending;
use super::super::event::{Event as Word, Weight};
use super::super::group::Event;
use super::super::history::STEP;
use super::super::runner::Runner;
use super::{Monitor, SAMPLE};
use crate::kernel::KernelError;
use crate::kernel::system::Signals;

impl Monitor<'_> {
    pub(super) fn take_signals(&mut self, signals: &Signals) {
        while let Some((signal, sender)) = signals.next() {
            let Ok(signal) = Signal::try_from(signal) else { continue };
            if matches!(signal, Signal::SIGTERM | Signal::SIGINT | Signal::SIGQUIT) {
                self.tell(Event::StopRequested(match sender {
                    0 => signal.to_string(),
                    sender => format!("{signal} from pid {sender}"),
                }));
            }
        }
        self.reap();
    }

    pub(super) fn keep_deadlines(&mut self) {
        let now = Instant::now();
        if self.clearings.iter().any(|clearing| clearing.next <= now) {
            self.reap();
            self.clear(now);
        }
        for unit in 0..self.runners.len() {
            while let Some(timer) = self.runners[unit].due(now) {
                self.tell(Event::Of(unit, Word::Timer(timer)));
            }
            if let Some(run) = self.runners[unit].settled(now) {
                self.tell(Event::Of(unit, Word::Settled { run }));
            }
            let late = self.runners[unit].attempt.as_ref().filter(|attempt| attempt.deadline <= now);
            if let Some((run, why)) = late.map(|attempt| (attempt.run, attempt.expired())) {
                self.drop_attempt(unit);
                self.tell(Event::Of(unit, Word::Probed { run, result: Err(why) }));
            }
        }
        if self.sample_at <= now {
            // After a suspension the seconds that were missed are not made up for.
            self.sample_at = (self.sample_at + SAMPLE).max(now);
            self.sample();
            self.sink.tell_lost(now, false);
            self.remember(now);
        }
    }

    fn sample(&mut self) {
        match self.workload.sample() {
            Ok(()) => self.blind = false,
            Err(KernelError::NoSuchJail(_)) => {
                self.tell(Event::Vanished("the jail is gone from the kernel".into()));
            }
            Err(error) if !self.blind => {
                self.blind = true;
                self.own(None, Weight::Warning, &format!("no sample: {error}"));
            }
            Err(_) => {}
        }
    }

    /// A point of the history, every few samples: the kernel counts what happens between them.
    fn remember(&mut self, now: Instant) {
        if self.point_at <= now {
            self.point_at = (self.point_at + STEP).max(now);
            if let Some(point) = self.workload.used() {
                self.history.add(point);
            }
        }
    }

    /// The check goes on: its outcome, if that is known now.
    pub(super) fn proceed(&mut self, unit: usize) {
        let Some(attempt) = &mut self.runners[unit].attempt else { return };
        let run = attempt.run;
        if let Some(result) = attempt.proceed() {
            self.runners[unit].attempt = None;
            self.tell(Event::Of(unit, Word::Probed { run, result }));
        }
    }

    pub(super) fn reap(&mut self) {
        let keeper = self.workload.keeper();
        let mut ended: Vec<(i32, Ending)> = Vec::new();
        children::reap(|pid, how| ended.push((pid, how)));
        if !ended.is_empty() {
            let now = Instant::now();
            self.clearings.iter_mut().for_each(|clearing| clearing.next = now);
        }
        // The keeper first: it explains the other ends.
        if let Some((_, how)) = ended.iter().find(|(pid, _)| Some(*pid) == keeper) {
            self.lose_keeper(*how);
        }
        let bereft = std::mem::take(&mut self.bereft);
        for (pid, how) in ended {
            if let Some(unit) = self.position(|runner| runner.child.as_ref().map(|child| child.pid.as_raw()) == Some(pid)) {
                // Its last words come before the news of its end.
                self.drain(unit);
                self.runners[unit].child = None;
                let with_keeper = bereft && how == Ending::Signal(libc::SIGKILL);
                self.tell(Event::Of(unit, Word::Exited(if with_keeper { Ending::WithKeeper } else { how })));
            } else if let Some(unit) = self.position(|runner| runner.attempt.as_ref().and_then(|try_| try_.pid()) == Some(pid)) {
                let Some(attempt) = self.runners[unit].attempt.take() else { continue };
                let run = attempt.run;
                if let Some(owner) = attempt.owner() {
                    self.clearings.push(super::Clearing::new(What::Check, Some(owner.clone())));
                }
                self.tell(Event::Of(unit, Word::Probed { run, result: attempt.ended(how) }));
            }
        }
        // Those that were killed with the keeper may die a moment later.
        self.bereft = bereft && self.runners.iter().any(|runner| runner.child.is_some());
    }

    fn position(&self, is_it: impl Fn(&Runner) -> bool) -> Option<usize> {
        self.runners.iter().position(is_it)
    }

    /// Its members' walls went with the keeper: what comes new could not reach them, so all begin anew.
    fn lose_keeper(&mut self, how: Ending) {
        let emptied = self.workload.keeper_ended();
        self.bereft = emptied;
        if self.clearings.iter().any(|clearing| clearing.what == What::Jail) {
            return;
        }
        let then = if emptied {
            "its processes are killed, and what starts next starts under a new one"
        } else {
            "its processes run on, but nothing can join them"
        };
        self.own(None, Weight::Warning, &format!("the jail's keeper ended ({how}); {then}"));
    }

    fn clear(&mut self, now: Instant) {
        let mut done = Vec::new();
        for mut clearing in std::mem::take(&mut self.clearings) {
            if clearing.next > now {
                self.clearings.push(clearing);
                continue;
            }
            let elsewhere = if clearing.what == What::Jail { self.kill_members() } else { 0 };
            let spared = self.spared(clearing.what);
            match clearing.round(elsewhere, &spared) {
                None => self.clearings.push(clearing),
                Some(left) => done.push((clearing.what, left)),
            }
        }
        for (what, left) in done {
            match what {
                What::Service(unit) => {
                    if left == 0 {
                        self.runners[unit].forget();
                    }
                    self.tell(Event::Of(unit, Word::Cleared { left }));
                }
                What::Leftovers | What::Jail => self.tell(Event::Cleared { left }),
                What::Check => {}
            }
        }
    }

    /// Kills every member of the jail; how many live still.
    fn kill_members(&mut self) -> usize {
        match self.workload.kill_members() {
            Ok(left) => left,
            Err(KernelError::NoSuchJail(_)) => 0,
            Err(_) => 1,
        }
    }

    /// Children that a clearing does not touch: the keeper, and what is known to be another's.
    fn spared(&self, what: What) -> Vec<i32> {
        let others = |unit: &usize| match what {
            What::Service(cleared) => *unit != cleared,
            What::Check => true,
            What::Leftovers | What::Jail => false,
        };
        let others = (0..self.runners.len()).filter(others).flat_map(|unit| self.runners[unit].own_pids());
        self.workload.keeper().into_iter().chain(others).collect()
    }
}
