//! A jail's services over a clock and with processes that are made up: the supervisor's own machine decides, so that a test
//! of a script sees the delays, states and reasons that the real one would give. Pure.

use std::time::Duration;

use super::ending::Ending;
use super::event::{Action as Deed, Event as Word, Probe, Timer};
use super::group::{Action, Event, Group};
use super::service::{Service, Unit};
use super::{Record, ServiceStatus, Source, Status};
use crate::jail::{Config, Spec};
use crate::kernel::{JailName, Jid};

/// How the processes of a service behave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conduct {
    /// From its execution until its readiness check succeeds. Without such a check nobody asks.
    pub ready_after: Duration,
    /// It cannot be executed, and why.
    pub fails: Option<String>,
    /// How long a run lasts; `None`: until it is stopped.
    pub crashes_after: Option<Duration>,
    /// With which status it then ends.
    pub status: i32,
    /// From its execution until its health check fails.
    pub unhealthy_after: Option<Duration>,
    /// So many first runs go wrong, later ones do not; `None`: every one.
    pub times: Option<u64>,
    /// What each run writes to standard output.
    pub says: Vec<String>,
}

/// What is going to happen to a service.
#[derive(Debug, Clone)]
struct Due {
    at: Duration,
    /// Of this run; what is due to another one never happens.
    run: u64,
    event: Event,
}

struct Actor {
    unit: Unit,
    conduct: Conduct,
    timers: [Option<Duration>; 3],
    /// The run whose process is alive, and since when.
    alive: Option<(u64, Duration)>,
}

/// A supervisor at work.
pub struct Rehearsal {
    group: Group,
    actors: Vec<Actor>,
    due: Vec<Due>,
    /// Since it began.
    now: Duration,
    /// Milliseconds since the epoch when it began.
    begun_ms: u64,
    pid: i32,
    since: Duration,
    state: &'static str,
    ready: bool,
    ended: bool,
    records: Vec<Record>,
}

impl Rehearsal {
    /// Begins to supervise a jail whose spec has a command. `conduct` tells how each service behaves, by its name.
    pub fn begin(
        (name, jid, spec): (&JailName, Jid, &Spec),
        begun_ms: u64,
        pid: i32,
        conduct: impl Fn(&str) -> Conduct,
    ) -> Rehearsal {
        let described = Service::of(&Config::default(), "sim", "/dev/log".into(), name, jid, spec);
        let members = described.units.iter().map(|unit| (unit.name.clone(), unit.needs.clone(), unit.rules()));
        let group = Group::new(members);
        let actor = |unit: Unit| Actor { conduct: conduct(&unit.name), unit, timers: [None; 3], alive: None };
        let mut rehearsal = Rehearsal {
            group,
            actors: described.units.into_iter().map(actor).collect(),
            due: Vec::new(),
            now: Duration::ZERO,
            begun_ms,
            pid,
            since: Duration::ZERO,
            state: "starting",
            ready: false,
            ended: false,
            records: Vec::new(),
        };
        rehearsal.tell(Event::Begin);
        rehearsal
    }

    /// Goes on until all services are ready.
    ///
    /// # Errors
    /// They are not going to be, and why.
    pub fn until_ready(&mut self) -> Result<(), String> {
        while !self.ready && !self.ended {
            match self.next() {
                Some(at) => self.advance(at),
                None => return Err("nothing would ever make it ready".into()),
            }
        }
        let failed = self.group.end().filter(|end| end.failed && !self.ready);
        failed.map_or(Ok(()), |end| Err(end.reason.clone()))
    }

    /// Ends all services.
    pub fn stop(&mut self, by: &str) {
        self.tell(Event::StopRequested(by.into()));
        while let Some(at) = self.next().filter(|_| !self.ended) {
            self.advance(at);
        }
    }

    /// A signal reaches every process; how many there were.
    pub fn signal(&mut self, signal: i32) -> usize {
        let alive: Vec<(usize, u64)> =
            self.actors.iter().enumerate().filter_map(|(index, actor)| Some((index, actor.alive?.0))).collect();
        for (index, run) in &alive {
            self.soon(Duration::ZERO, *run, Event::Of(*index, Word::Exited(Ending::Signal(signal))));
        }
        self.advance(self.now);
        alive.len()
    }

    /// When something happens next, since it began.
    pub fn next(&self) -> Option<Duration> {
        let timers = self.actors.iter().flat_map(|actor| actor.timers.iter().flatten().copied());
        timers.chain(self.due.iter().map(|due| due.at)).min()
    }

    pub fn now(&self) -> Duration {
        self.now
    }

    pub fn begun_ms(&self) -> u64 {
        self.begun_ms
    }

    /// Lets time pass until then.
    pub fn advance(&mut self, until: Duration) {
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            if let Some(index) = self.due.iter().position(|due| due.at <= self.now) {
                let due = self.due.remove(index);
                self.happen(due);
            } else {
                let over = |actor: &Actor| Timer::ALL.into_iter().find(|timer| actor.timers[*timer as usize] == Some(at));
                let found = self.actors.iter().enumerate().find_map(|(index, actor)| Some((index, over(actor)?)));
                let Some((index, timer)) = found else { break };
                self.actors[index].timers[timer as usize] = None;
                self.tell(Event::Of(index, Word::Timer(timer)));
            }
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, due: Due) {
        if let Event::Of(index, Word::Exited(_)) = due.event {
            let actor = &mut self.actors[index];
            if actor.alive.is_none_or(|(run, _)| run != due.run) {
                return;
            }
            actor.alive = None;
        }
        self.tell(due.event);
    }

    fn soon(&mut self, after: Duration, run: u64, event: Event) {
        self.due.push(Due { at: self.now + after, run, event });
    }

    fn tell(&mut self, event: Event) {
        let actions = self.group.step(event, self.now, 0);
        if self.group.state() != self.state {
            (self.state, self.since) = (self.group.state(), self.now);
        }
        for action in actions {
            match action {
                Action::Of(index, deed) => self.act(index, deed),
                Action::Clear(_) => self.soon(Duration::ZERO, 0, Event::Cleared { left: 0 }),
                Action::Ready => self.ready = true,
                Action::Log(_, text) => self.record(Source::Supervisor, text),
                Action::End => self.ended = true,
            }
        }
    }

    fn act(&mut self, index: usize, deed: Deed) {
        match deed {
            Deed::Spawn { run } => self.spawn(index, run),
            Deed::Arm(timer, delay) => self.actors[index].timers[timer as usize] = Some(self.now + delay),
            Deed::Quiet => {
                self.actors[index].timers = [None; 3];
                let is_check = |due: &Due| matches!(&due.event, Event::Of(of, Word::Probed { .. }) if *of == index);
                self.due.retain(|due| !is_check(due));
            }
            Deed::StopSignal => {
                let signal = self.actors[index].unit.stop_signal as i32;
                self.end(index, Ending::Signal(signal));
            }
            Deed::Clear => {
                self.end(index, Ending::Signal(libc::SIGKILL));
                self.soon(Duration::ZERO, 0, Event::Of(index, Word::Cleared { left: 0 }));
            }
            // What is rehearsed is up when its trial is over.
            Deed::Watch(_) => {}
            Deed::Probe(probe, run) => {
                let result = self.examine(index, probe, run);
                self.soon(Duration::ZERO, run, Event::Of(index, Word::Probed { run, result }));
            }
            Deed::Log(_, text) => {
                let named = self.actors.len() > 1;
                let text = if named { format!("{}: {text}", self.actors[index].unit.name) } else { text };
                self.record(Source::Supervisor, text);
            }
        }
    }

    fn end(&mut self, index: usize, ending: Ending) {
        if let Some((run, _)) = self.actors[index].alive {
            self.soon(Duration::ZERO, run, Event::Of(index, Word::Exited(ending)));
        }
    }

    fn spawn(&mut self, index: usize, run: u64) {
        let actor = &self.actors[index];
        let conduct = actor.conduct.clone();
        let goes_wrong = conduct.goes_wrong(run);
        if let Some(why) = conduct.fails.filter(|_| goes_wrong) {
            self.soon(Duration::ZERO, run, Event::Of(index, Word::SpawnFailed(why)));
            return;
        }
        let by_descriptor = actor.unit.ready.as_ref().is_some_and(|ready| ready.check.is_none());
        self.actors[index].alive = Some((run, self.now));
        self.soon(Duration::ZERO, run, Event::Of(index, Word::Spawned));
        if by_descriptor {
            self.soon(conduct.ready_after, run, Event::Of(index, Word::Notified { run }));
        }
        if let Some(after) = conduct.crashes_after.filter(|_| goes_wrong) {
            self.soon(after, run, Event::Of(index, Word::Exited(Ending::Status(conduct.status))));
        }
        for line in conduct.says {
            self.record(Source::Stdout, line);
        }
    }

    fn examine(&self, index: usize, probe: Probe, run: u64) -> Result<(), String> {
        let actor = &self.actors[index];
        let Some((_, since)) = actor.alive else { return Err("it does not run".into()) };
        let age = self.now.saturating_sub(since);
        match probe {
            Probe::Ready if age < actor.conduct.ready_after => Err("it is not ready yet".into()),
            Probe::Health if actor.conduct.goes_wrong(run) && actor.conduct.unhealthy_after.is_some_and(|after| age >= after) => {
                Err("the check fails".into())
            }
            _ => Ok(()),
        }
    }

    fn record(&mut self, source: Source, text: String) {
        let time_ms = self.begun_ms + u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        self.records.push(Record { seq: self.records.len() as u64 + 1, time_ms, source, text });
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// No service is kept running any more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The processes that are alive: their pids and arguments.
    pub fn processes(&self) -> Vec<(i32, &[String])> {
        let alive = self.actors.iter().enumerate().filter_map(|(index, actor)| Some((index, actor, actor.alive?.0)));
        alive.map(|(index, actor, run)| (self.pid_of(index, run), actor.unit.argv.as_slice())).collect()
    }

    /// Numbers that no two runs share.
    fn pid_of(&self, index: usize, run: u64) -> i32 {
        let step = i32::try_from(self.actors.len() as u64 * (run - 1)).unwrap_or(i32::MAX / 2);
        self.pid.saturating_add(1 + index as i32).saturating_add(step)
    }

    /// What the supervisor says of itself.
    pub fn status(&self) -> Status {
        let at = |since: Duration| self.begun_ms / 1000 + since.as_secs();
        let service = |(index, actor): (usize, &Actor)| {
            let machine = self.group.machine(index);
            ServiceStatus {
                name: actor.unit.name.clone(),
                state: machine.state().into(),
                since: at(self.since),
                restarts: machine.restarts(),
                last_exit: machine.last_exit().map(str::to_owned),
                pid: actor.alive.map(|(run, _)| self.pid_of(index, run)),
                ready: machine.is_up(),
                ill: machine.ill(),
            }
        };
        let services: Vec<ServiceStatus> = self.actors.iter().enumerate().map(service).collect();
        Status {
            pid: self.pid,
            state: self.group.state().into(),
            since: at(self.since),
            restarts: self.group.restarts(),
            last_exit: self.group.last_exit(),
            service: services.iter().find_map(|service| service.pid),
            services,
        }
    }
}

impl Conduct {
    fn goes_wrong(&self, run: u64) -> bool {
        self.times.is_none_or(|times| run <= times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn begin(toml: &str, conduct: Conduct) -> Rehearsal {
        let name: JailName = "web".parse().unwrap();
        let spec = Spec::from_toml(&name, toml).unwrap();
        Rehearsal::begin((&name, Jid::new(1).unwrap(), &spec), 1_000_000, 4000, |_| conduct.clone())
    }

    #[test]
    fn a_service_without_oddities_is_ready_after_its_trial_and_runs_until_it_is_stopped() {
        let mut it = begin("command = ['/bin/x']", Conduct { says: vec!["hello".into()], ..Conduct::default() });
        it.until_ready().unwrap();
        assert_eq!((it.status().state.as_str(), it.now()), ("running", Duration::from_millis(100)));
        it.advance(3600 * SECOND);
        assert_eq!((it.status().restarts, it.status().service), (0, Some(4001)));
        it.stop("a test");
        assert!(it.has_ended() && it.status().state == "stopped", "{:?}", it.status());
        let said: Vec<&str> = it.records().iter().map(|record| record.text.as_str()).collect();
        assert_eq!(said[..2], ["hello", "started"]);
    }

    #[test]
    fn one_that_crashes_is_restarted_after_the_delays_of_the_real_supervisor() {
        let conduct = Conduct { crashes_after: Some(5 * SECOND), status: 3, times: Some(2), ..Conduct::default() };
        let mut it = begin("command = ['/bin/x']\nrestart = 'on-failure'", conduct);
        it.until_ready().unwrap();
        it.advance(5 * SECOND);
        assert_eq!(it.status().state, "backoff");
        assert_eq!(it.status().last_exit.unwrap(), "exited with status 3; restart after 1.0 s");
        it.advance(6 * SECOND);
        assert_eq!((it.status().state.as_str(), it.status().restarts), ("running", 1));
        it.advance(1000 * SECOND);
        assert_eq!((it.status().state.as_str(), it.status().restarts, it.status().service), ("running", 2, Some(4003)));
    }

    #[test]
    fn one_that_is_not_ready_in_time_or_cannot_be_executed_does_not_start() {
        let toml = "command = ['/bin/x']\nready = { port = 80, timeout = '3s' }\nports = [80]";
        let mut it = begin(toml, Conduct { ready_after: 5 * SECOND, ..Conduct::default() });
        assert_eq!(it.until_ready().unwrap_err(), "it was not ready within 3 s");
        let mut it = begin(toml, Conduct { ready_after: 2 * SECOND, ..Conduct::default() });
        it.until_ready().unwrap();
        assert!(it.now() >= 2 * SECOND && it.now() < 3 * SECOND, "{:?}", it.now());
        let mut it = begin(toml, Conduct { fails: Some("no such program".into()), ..Conduct::default() });
        assert_eq!(it.until_ready().unwrap_err(), "no such program");
    }

    #[test]
    fn one_that_gets_unhealthy_is_restarted() {
        let toml = "command = ['/bin/x']\nhealth = { command = ['true'], interval = '10s', failures = 2 }";
        let mut it = begin(toml, Conduct { unhealthy_after: Some(15 * SECOND), times: Some(1), ..Conduct::default() });
        it.until_ready().unwrap();
        it.advance(60 * SECOND);
        assert_eq!(it.status().restarts, 1);
        assert!(it.status().last_exit.unwrap().contains("it was unhealthy 2 time(s) in a row: the check fails"));
    }
}
