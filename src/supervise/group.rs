//! The services of one jail together: started when those they need are up, stopped in reverse, all or none of a first
//! start. A pure machine over one [`Machine`] a service.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::event::{Action as Deed, End, Event as Word, Weight};
use super::state::{Machine, Rules};
use crate::kernel::Processes;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Supervision begins.
    Begin,
    /// To this service.
    Of(usize, Word),
    /// Somebody wants all down; says who.
    StopRequested(String),
    /// Somebody wants these services to run anew, all without one.
    RestartRequested(Option<usize>, String),
    /// The jail is gone or closing underneath.
    Vanished(String),
    /// The last clearing is done; so many processes would not die.
    Cleared { left: usize },
}

/// What is to be killed before supervision ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What the services started and left behind. Sessions that entered the jail by `exec` live on.
    Leftovers,
    /// Every member of the jail.
    Jail,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// For this service.
    Of(usize, Deed),
    /// Kills and reaps until nothing of the scope is left, then answers [`Event::Cleared`].
    Clear(Scope),
    /// Tells whoever started the supervisor that all services are up.
    Ready,
    Log(Weight, String),
    /// The supervisor's work is done: [`Group::end`] says how.
    End,
}

#[derive(Debug, Clone)]
pub struct Member {
    pub name: String,
    /// Those it depends on, by index.
    needs: Vec<usize>,
    machine: Machine,
    permitted: bool,
    /// It was told to stop.
    stopping: bool,
    /// Its end was logged.
    mourned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Ended,
}

#[derive(Debug, Clone)]
pub struct Group {
    members: Vec<Member>,
    phase: Phase,
    /// Why all are to end, once they are.
    stop: Option<String>,
    /// Every member is killed at the end, not just what the services left.
    asked: bool,
    ready: bool,
    /// To be restarted, once those that depend on them are down.
    renewing: BTreeSet<usize>,
    /// All are to be restarted, not just one.
    all: bool,
    by: String,
    /// Whose end was the last one.
    last: Option<usize>,
    end: Option<End>,
}

impl Group {
    /// Services by name, with the indices of those they need, which form no circle.
    pub fn new(services: impl IntoIterator<Item = (String, Vec<usize>, Rules)>) -> Self {
        let member = |(name, needs, rules)| Member {
            name,
            needs,
            machine: Machine::new(rules),
            permitted: false,
            stopping: false,
            mourned: false,
        };
        Group {
            members: services.into_iter().map(member).collect(),
            phase: Phase::Open,
            stop: None,
            asked: false,
            ready: false,
            renewing: BTreeSet::new(),
            all: false,
            by: String::new(),
            last: None,
            end: None,
        }
    }

    pub fn machine(&self, index: usize) -> &Machine {
        &self.members[index].machine
    }

    fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.members.iter().map(|member| &member.machine)
    }

    /// All services were up, once.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// How supervision ends, once that is known.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The state's name in [`super::Status`]: that of the only service, or one for all.
    pub fn state(&self) -> &'static str {
        let failed = self.end.as_ref().is_some_and(|end| end.failed);
        match self.phase {
            Phase::Ended if failed => return "failed",
            Phase::Ended => return "stopped",
            Phase::Closing => return "stopping",
            Phase::Open if self.stop.is_some() => return "stopping",
            Phase::Open => {}
        }
        if let [only] = self.members.as_slice() {
            return match only.machine.state() {
                "waiting" => "starting",
                state => state,
            };
        }
        let has = |state: &str| self.machines().any(|machine| machine.state() == state);
        match () {
            () if !self.ready => "starting",
            () if has("failed") => "degraded",
            () => ["restarting", "backoff", "starting"].into_iter().find(|state| has(state)).unwrap_or("running"),
        }
    }

    pub fn restarts(&self) -> u64 {
        self.machines().map(Machine::restarts).sum()
    }

    /// How a service ended last and what followed, with its name if there are several; at the end also why.
    pub fn last_exit(&self) -> Option<String> {
        let reason = self.end.as_ref().filter(|_| self.phase == Phase::Ended).map(|end| end.reason.clone());
        if self.members.len() == 1 {
            return self.members[0].machine.last_exit().map(str::to_owned).or(reason);
        }
        let last = self.last.map(|index| &self.members[index]);
        reason.or_else(|| last.and_then(|last| Some(format!("{}: {}", last.name, last.machine.last_exit()?))))
    }

    /// Takes one event; the clock and the jitter are those of [`Machine::step`].
    pub fn step(&mut self, event: Event, now: Duration, jitter: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut words = VecDeque::new();
        match event {
            Event::Begin => {}
            Event::Of(index, word) => words.push_back((index, word)),
            Event::StopRequested(by) => {
                self.asked = true;
                if self.stop.is_none() {
                    self.end = Some(End { failed: false, reason: format!("stopped by {by}") });
                    self.stop = Some(by);
                }
            }
            Event::RestartRequested(which, by) if self.stop.is_none() => {
                self.renewing = which.map_or_else(|| (0..self.members.len()).collect(), |index| BTreeSet::from([index]));
                self.all = which.is_none();
                self.by = by;
            }
            Event::RestartRequested(..) => {}
            Event::Vanished(why) if self.phase == Phase::Open => {
                words.extend((0..self.members.len()).map(|index| (index, Word::Doomed(why.clone()))));
                self.end = Some(End { failed: true, reason: why.clone() });
                self.stop = Some(why);
            }
            Event::Vanished(_) => {}
            Event::Cleared { left } if self.phase == Phase::Closing => {
                actions.extend(self.finish(left));
                return actions;
            }
            Event::Cleared { .. } => {}
        }
        if self.phase != Phase::Open {
            return actions;
        }
        loop {
            while let Some((index, word)) = words.pop_front() {
                self.tell(index, word, now, jitter, &mut actions);
            }
            self.follow(&mut words, &mut actions);
            if words.is_empty() {
                break;
            }
        }
        self.close_if_done(&mut actions);
        actions
    }

    fn tell(&mut self, index: usize, word: Word, now: Duration, jitter: i64, actions: &mut Vec<Action>) {
        let machine = &mut self.members[index].machine;
        let before = machine.last_exit().map(str::to_owned);
        actions.extend(machine.step(word, now, jitter).into_iter().map(|deed| Action::Of(index, deed)));
        if machine.last_exit() != before.as_deref() {
            self.last = Some(index);
        }
    }

    /// What the states of some mean for others.
    fn follow(&mut self, words: &mut VecDeque<(usize, Word)>, actions: &mut Vec<Action>) {
        let several = self.members.len() > 1;
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            let Some(end) = member.machine.end().filter(|_| member.machine.has_ended()) else {
                member.mourned = false;
                continue;
            };
            let failed = end.failed;
            if several && !std::mem::replace(&mut member.mourned, true) {
                let weight = if failed { Weight::Warning } else { Weight::Notice };
                actions.push(Action::Of(index, Deed::Log(weight, format!("ends: {}", end.reason))));
            }
            if failed && !self.ready && self.stop.is_none() {
                let reason = if several { format!("service {}: {}", member.name, end.reason) } else { end.reason.clone() };
                self.stop = Some(reason.clone());
                self.end = Some(End { failed: true, reason });
            }
        }
        if !self.ready && self.stop.is_none() && self.machines().all(Machine::has_started) {
            self.ready = true;
            actions.push(Action::Ready);
        }
        // One at a time: it may change what is to be said to the next.
        words.extend((0..self.members.len()).find_map(|index| Some((index, self.word_for(index)?))));
    }

    fn word_for(&mut self, index: usize) -> Option<Word> {
        let needed_by: Vec<usize> = (0..self.members.len()).filter(|other| self.members[*other].needs.contains(&index)).collect();
        if let Some(why) = &self.stop {
            let free = needed_by.iter().all(|other| self.machine(*other).has_ended());
            if free && !self.members[index].stopping {
                let why = why.clone();
                self.members[index].stopping = true;
                return Some(Word::StopRequested(why));
            }
        }
        let permitted = self.stop.is_none() && self.members[index].needs.iter().all(|need| self.can_build_on(*need));
        if std::mem::replace(&mut self.members[index].permitted, permitted) != permitted {
            return Some(Word::Permitted(permitted));
        }
        let renewed = self.renewing.contains(&index) && self.stop.is_none();
        let is_out_of_the_way = |other: &usize| !self.renewing.contains(other) && self.machine(*other).is_down();
        if renewed && (!self.all || needed_by.iter().all(is_out_of_the_way)) {
            self.renewing.remove(&index);
            self.members[index].mourned = false;
            return Some(Word::RestartRequested(self.by.clone()));
        }
        let lost = self.members[index]
            .needs
            .iter()
            .map(|need| &self.members[*need])
            .find(|need| need.machine.has_ended() && !need.machine.is_up());
        let lost = lost.filter(|_| self.members[index].machine.is_waiting() && self.stop.is_none())?;
        Some(Word::Doomed(format!("it needs {}, which is not there any more", lost.name)))
    }

    fn can_build_on(&self, need: usize) -> bool {
        self.members[need].machine.is_up() && !self.is_renewed(need)
    }

    /// It, or something it builds on, is about to be restarted.
    fn is_renewed(&self, index: usize) -> bool {
        self.renewing.contains(&index) || self.members[index].needs.iter().any(|need| self.is_renewed(*need))
    }

    fn close_if_done(&mut self, actions: &mut Vec<Action>) {
        if !self.machines().all(Machine::has_ended) || (self.stop.is_none() && !self.renewing.is_empty()) {
            return;
        }
        self.phase = Phase::Closing;
        if self.end.is_none() {
            let several = self.members.len() > 1;
            let of = |member: &Member, end: &End| {
                if several { format!("service {}: {}", member.name, end.reason) } else { end.reason.clone() }
            };
            let ends = || self.members.iter().filter_map(|member| Some((member, member.machine.end()?)));
            let told = ends().find(|(_, end)| end.failed).or_else(|| ends().next());
            self.end = told.map(|(member, end)| End { failed: end.failed, reason: of(member, end) });
        }
        actions.push(Action::Clear(if self.asked { Scope::Jail } else { Scope::Leftovers }));
    }

    fn finish(&mut self, left: usize) -> Vec<Action> {
        self.phase = Phase::Ended;
        let mut actions = Vec::new();
        if left > 0 {
            actions.push(Action::Log(Weight::Warning, format!("{} would not die", Processes(left))));
        }
        let reason = self.end.as_ref().map_or("", |end| end.reason.as_str());
        actions.push(Action::Log(Weight::Notice, format!("supervision ends: {reason}")));
        actions.push(Action::End);
        actions
    }
}

#[cfg(test)]
mod tests;
