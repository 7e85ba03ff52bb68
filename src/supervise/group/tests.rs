use proptest::prelude::*;

use super::super::check::{Check, Health, Ready};
use super::super::ending::Ending;
use super::super::event::{Probe, Timer};
use super::*;
use crate::jail::Restart;

const SECOND: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(5);
const WINDOW: Duration = Duration::from_secs(60);

/// What the world holds of one service.
#[derive(Default)]
struct Held {
    alive: bool,
    run: u64,
    timers: [Option<Duration>; 3],
    clearing: bool,
    probing: Option<(Probe, u64)>,
    /// When it was spawned.
    spawns: Vec<Duration>,
    /// When a restart was decided.
    decided: Vec<Duration>,
    stopped: bool,
}

/// A group with a fake clock and a world that obeys it and looks for broken promises.
struct World {
    group: Group,
    needs: Vec<Vec<usize>>,
    now: Duration,
    held: Vec<Held>,
    closing: Option<Scope>,
    ready: bool,
    ended: bool,
    stop_asked: bool,
    events: VecDeque<Event>,
    executes: bool,
    jitter: i64,
    log: Vec<String>,
}

fn rules(restart: Restart) -> Rules {
    Rules { restart, max_restarts: None, restart_window: WINDOW, grace: GRACE, ready: None, health: None }
}

fn ready(check: Option<Check>) -> Option<Ready> {
    Some(Ready { check, timeout: 10 * SECOND, interval: SECOND })
}

fn health() -> Option<Health> {
    Some(Health { check: Check::Port(80), interval: 3 * SECOND, timeout: SECOND, failures: 2 })
}

impl World {
    fn new(services: Vec<(Vec<usize>, Rules)>) -> World {
        let needs = services.iter().map(|(needs, _)| needs.clone()).collect();
        let held = services.iter().map(|_| Held::default()).collect();
        let named = services.into_iter().enumerate().map(|(index, (needs, rules))| (format!("s{index}"), needs, rules));
        World {
            group: Group::new(named),
            needs,
            now: Duration::ZERO,
            held,
            closing: None,
            ready: false,
            ended: false,
            stop_asked: false,
            events: VecDeque::new(),
            executes: true,
            jitter: 0,
            log: Vec::new(),
        }
    }

    fn begun(services: Vec<(Vec<usize>, Rules)>) -> World {
        let mut world = World::new(services);
        world.step(Event::Begin);
        world
    }

    /// One service that runs and is ready.
    fn started(rules: Rules) -> World {
        let mut world = World::begun(vec![(Vec::new(), rules)]);
        world.pass(Duration::from_millis(100));
        assert!(world.ready);
        world
    }

    fn step(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            self.one(event);
        }
    }

    fn of(&mut self, index: usize, word: Word) {
        self.step(Event::Of(index, word));
    }

    fn one(&mut self, event: Event) {
        match &event {
            Event::StopRequested(_) => self.stop_asked = true,
            Event::Of(index, Word::Exited(_)) => self.held[*index].alive = false,
            Event::Of(index, Word::Spawned) => self.held[*index].alive = true,
            Event::Of(index, Word::Timer(timer)) => self.held[*index].timers[*timer as usize] = None,
            Event::Of(index, Word::Cleared { .. }) => self.held[*index].clearing = false,
            Event::Of(index, Word::Probed { run, .. }) if self.held[*index].probing.is_some_and(|(_, probed)| probed == *run) => {
                self.held[*index].probing = None;
            }
            _ => {}
        }
        for action in self.group.step(event, self.now, self.jitter) {
            match action {
                Action::Of(index, deed) => self.obey(index, deed),
                Action::Clear(scope) => self.closing = Some(scope),
                Action::Ready => {
                    assert!(!std::mem::replace(&mut self.ready, true), "ready twice");
                }
                Action::Log(_, text) => self.log.push(text),
                Action::End => {
                    assert!(!std::mem::replace(&mut self.ended, true), "ended twice");
                    assert!(
                        self.held.iter().all(|held| held.timers == [None; 3] && held.probing.is_none()),
                        "armed after the end"
                    );
                }
            }
        }
    }

    fn obey(&mut self, index: usize, deed: Deed) {
        assert!(!self.ended, "{deed:?} after the end");
        let now = self.now;
        match deed {
            Deed::Spawn { run } => {
                assert!(!self.stop_asked, "a spawn after a stop was asked for");
                assert!(!self.held[index].alive && !self.held[index].clearing, "two runs at once, or leftovers of the last");
                assert!(run > self.held[index].run, "a run's number is used twice");
                for need in &self.needs[index] {
                    assert!(self.group.machine(*need).is_up(), "s{index} was spawned before s{need} was up");
                }
                let held = &mut self.held[index];
                held.run = run;
                held.spawns.push(now);
                let answer = if self.executes { Word::Spawned } else { Word::SpawnFailed("not found".into()) };
                self.events.push_back(Event::Of(index, answer));
            }
            Deed::Arm(timer, delay) => {
                self.held[index].timers[timer as usize] = Some(now + delay);
                if timer == Timer::Main && self.state(index) == "backoff" {
                    assert!((900..=11_000).contains(&delay.as_millis()), "{delay:?}");
                    self.held[index].decided.push(now);
                }
            }
            Deed::Quiet => {
                self.held[index].timers = [None; 3];
                self.held[index].probing = None;
            }
            Deed::StopSignal => {
                assert!(self.held[index].alive, "a stop signal for nobody");
                for (other, needs) in self.needs.iter().enumerate() {
                    let depends = self.state(index) == "stopping" && self.stop_asked && needs.contains(&index);
                    assert!(!depends || !self.held[other].alive, "s{index} was stopped before s{other}, which needs it");
                }
                self.held[index].stopped = true;
            }
            Deed::Clear => self.held[index].clearing = true,
            Deed::Watch(run) => assert_eq!(run, self.held[index].run, "another run is watched"),
            Deed::Probe(probe, run) => {
                assert!(self.held[index].alive, "a check of nobody");
                self.held[index].probing = Some((probe, run));
            }
            Deed::Log(_, text) => {
                assert!(!text.contains('\n'));
                self.log.push(format!("s{index}: {text}"));
            }
        }
    }

    /// Time passes; timers that are over are told, each once.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let armed = |held: &Held| held.timers.iter().flatten().min().copied();
            let next = self.held.iter().filter_map(armed).min().filter(|at| *at <= until);
            let Some(at) = next else { break };
            self.now = self.now.max(at);
            for index in 0..self.held.len() {
                for timer in Timer::ALL {
                    if self.held[index].timers[timer as usize].is_some_and(|due| due <= self.now) {
                        let before = format!("{:?}", self.group.machine(index));
                        self.held[index].timers[timer as usize] = None;
                        self.of(index, Word::Timer(timer));
                        let changed = format!("{:?}", self.group.machine(index)) != before || self.held[index].probing.is_some();
                        assert!(changed, "nobody waited for {timer:?} of s{index}");
                    }
                }
            }
        }
        self.now = until;
    }

    /// The kernel kills what it was told to kill.
    fn settle(&mut self) {
        for _ in 0..200 {
            if let Some(index) = (0..self.held.len()).find(|index| self.held[*index].clearing) {
                if self.held[index].alive {
                    self.of(index, Word::Exited(Ending::Signal(libc::SIGKILL)));
                }
                // The exit may have led to something else.
                if self.held[index].clearing {
                    self.of(index, Word::Cleared { left: 0 });
                }
            } else if self.closing.take().is_some() {
                self.step(Event::Cleared { left: 0 });
            } else {
                return;
            }
        }
        panic!("killing never ends");
    }

    fn run_for(&mut self, time: Duration, ending: Ending) {
        self.pass(time);
        self.of(0, Word::Exited(ending));
        self.settle();
    }

    fn state(&self, index: usize) -> &'static str {
        self.group.machine(index).state()
    }

    fn probed(&mut self, index: usize, result: Result<(), &str>) {
        let (_, run) = self.held[index].probing.expect("a check is under way");
        self.of(index, Word::Probed { run, result: result.map_err(str::to_owned) });
    }
}

#[test]
fn policies_differ_in_what_a_success_and_a_failure_mean() {
    let cases = [
        (Restart::Always, Ending::Status(0), "backoff"),
        (Restart::Always, Ending::Signal(libc::SIGSEGV), "backoff"),
        (Restart::OnFailure, Ending::Status(0), "stopped"),
        (Restart::OnFailure, Ending::Status(3), "backoff"),
        (Restart::OnFailure, Ending::Signal(libc::SIGTERM), "backoff"),
        (Restart::Never, Ending::Status(0), "stopped"),
        (Restart::Never, Ending::Status(3), "failed"),
    ];
    for (policy, ending, state) in cases {
        let mut world = World::started(rules(policy));
        world.run_for(SECOND, ending);
        assert_eq!(world.group.state(), state, "{policy:?} after {ending}");
    }
}

#[test]
fn a_failure_to_execute_is_final_at_the_first_start_and_one_more_failure_later() {
    let mut world = World::new(vec![(Vec::new(), rules(Restart::Always))]);
    world.executes = false;
    world.step(Event::Begin);
    world.settle();
    assert!(world.ended && !world.ready);
    assert_eq!(world.group.end().unwrap(), &End { failed: true, reason: "not found".into() });

    let mut world = World::started(rules(Restart::OnFailure));
    world.run_for(SECOND, Ending::Status(1));
    world.executes = false;
    world.pass(SECOND);
    world.settle();
    assert_eq!(world.group.last_exit().unwrap(), "not found; restart after 2.0 s");
}

#[test]
fn a_first_run_that_fails_at_once_is_a_failed_start_and_one_that_is_done_at_once_is_none() {
    let mut world = World::begun(vec![(Vec::new(), rules(Restart::Always))]);
    world.run_for(Duration::ZERO, Ending::Status(2));
    assert!(world.ended && !world.ready);
    assert_eq!(world.group.end().unwrap().reason, "the service exited with status 2 at once");
    let mut world = World::begun(vec![(Vec::new(), rules(Restart::Never))]);
    world.run_for(Duration::ZERO, Ending::Status(0));
    assert!(world.ended && world.ready && !world.group.end().unwrap().failed);
}

#[test]
fn a_run_that_comes_to_rest_is_up_before_its_trial_is_over_and_an_old_runs_rest_says_nothing() {
    let mut world = World::begun(vec![(Vec::new(), rules(Restart::Always))]);
    world.of(0, Word::Settled { run: 0 });
    assert!(!world.ready);
    world.of(0, Word::Settled { run: 1 });
    assert_eq!((world.ready, world.state(0), world.held[0].timers), (true, "running", [None; 3]));
}

#[test]
fn a_stop_gives_grace_then_kills_and_says_who_asked() {
    let mut world = World::started(rules(Restart::Always));
    world.step(Event::StopRequested("SIGTERM from pid 9".into()));
    assert_eq!((world.group.state(), world.held[0].stopped), ("stopping", true));
    world.pass(GRACE);
    world.settle();
    assert!(world.ended);
    assert_eq!(world.group.last_exit().unwrap(), "killed by SIGKILL; stopped by SIGTERM from pid 9");
}

#[test]
fn a_service_is_ready_at_its_sign_and_a_sign_of_an_old_run_is_none() {
    let mut world = World::begun(vec![(Vec::new(), Rules { ready: ready(None), ..rules(Restart::Always) })]);
    world.pass(9 * SECOND);
    assert!(!world.ready);
    world.of(0, Word::Notified { run: 1 });
    assert!(world.ready);
    world.run_for(SECOND, Ending::Status(1));
    world.pass(SECOND);
    assert_eq!((world.state(0), world.held[0].run), ("starting", 2));
    world.of(0, Word::Notified { run: 1 });
    world.of(0, Word::Probed { run: 1, result: Ok(()) });
    assert_eq!(world.state(0), "starting");
    world.of(0, Word::Notified { run: 2 });
    assert_eq!(world.state(0), "running");
}

#[test]
fn a_service_that_is_not_ready_in_time_fails_the_start_or_is_restarted() {
    let mut world = World::begun(vec![(Vec::new(), Rules { ready: ready(Some(Check::Port(1))), ..rules(Restart::Always) })]);
    for _ in 0..9 {
        world.probed(0, Err("refused"));
        world.pass(SECOND);
    }
    world.pass(SECOND);
    assert!(world.held[0].stopped);
    world.run_for(SECOND, Ending::Signal(15));
    assert_eq!(world.group.end().unwrap().reason, "it was not ready within 10 s");

    let mut world = World::begun(vec![(Vec::new(), Rules { ready: ready(None), ..rules(Restart::Always) })]);
    world.of(0, Word::Notified { run: 1 });
    world.run_for(SECOND, Ending::Status(1));
    world.pass(11 * SECOND);
    world.run_for(Duration::ZERO, Ending::Signal(15));
    assert_eq!(
        (world.state(0), world.group.last_exit().unwrap().as_str()),
        ("backoff", "it was not ready within 10 s; restart after 2.0 s")
    );
}

#[test]
fn too_many_failed_health_checks_in_a_row_restart_the_service_for_that_reason() {
    let mut world = World::started(Rules { health: health(), ..rules(Restart::OnFailure) });
    for result in [Err("refused"), Ok(()), Err("refused"), Err("timed out")] {
        world.pass(3 * SECOND);
        world.probed(0, result);
    }
    assert_eq!((world.state(0), world.held[0].stopped), ("restarting", true));
    world.run_for(Duration::ZERO, Ending::Status(0));
    assert_eq!(world.group.last_exit().unwrap(), "it was unhealthy 2 time(s) in a row: timed out; restart after 1.0 s");
    world.pass(SECOND);
    assert_eq!((world.state(0), world.group.restarts()), ("running", 1));
    assert!(world.log.contains(&"s0: healthy again".to_owned()));
}

#[test]
fn a_service_that_keeps_failing_is_given_up_with_the_reason() {
    let mut world = World::started(Rules { max_restarts: Some(2), ..rules(Restart::Always) });
    for _ in 0..3 {
        world.run_for(Duration::ZERO, Ending::Status(1));
        world.pass(2 * SECOND);
    }
    assert!(world.ended);
    assert_eq!(world.group.last_exit().unwrap(), "exited with status 1; given up: 2 restart(s) within 60 s did not help");
    assert_eq!((world.group.state(), world.held[0].spawns.len()), ("failed", 3));
}

/// A database, a cache beside it, and a site that needs both.
fn site() -> World {
    let awaited = || Rules { ready: ready(None), ..rules(Restart::Always) };
    World::begun(vec![(vec![1, 2], awaited()), (Vec::new(), awaited()), (Vec::new(), rules(Restart::Always))])
}

fn started_site() -> World {
    let mut world = site();
    world.of(1, Word::Notified { run: 1 });
    world.pass(SECOND);
    world.of(0, Word::Notified { run: 1 });
    assert!(world.ready);
    world
}

#[test]
fn services_start_when_those_they_need_are_ready_and_stop_before_them() {
    let mut world = site();
    world.pass(SECOND);
    assert_eq!([0, 1, 2].map(|index| world.state(index)), ["waiting", "starting", "running"]);
    world.of(1, Word::Notified { run: 1 });
    assert_eq!((world.state(0), world.ready), ("starting", false));
    world.of(0, Word::Notified { run: 1 });
    assert!(world.ready);
    world.step(Event::StopRequested("me".into()));
    assert_eq!([0, 1, 2].map(|index| world.held[index].stopped), [true, false, false]);
    world.of(0, Word::Exited(Ending::Status(0)));
    world.settle();
    assert_eq!([1, 2].map(|index| world.held[index].stopped), [true, true]);
    world.of(1, Word::Exited(Ending::Status(0)));
    world.of(2, Word::Exited(Ending::Status(0)));
    world.settle();
    assert!(world.ended && !world.group.end().unwrap().failed);
}

#[test]
fn one_service_that_does_not_start_fails_the_start_of_all_by_name() {
    let mut world = site();
    world.of(1, Word::Exited(Ending::Status(7)));
    world.settle();
    world.of(2, Word::Exited(Ending::Signal(15)));
    world.settle();
    assert!(world.ended && world.held[0].spawns.is_empty());
    let end = world.group.end().unwrap();
    assert_eq!((end.failed, end.reason.as_str()), (true, "service s1: the service exited with status 7 before it was ready"));
}

#[test]
fn a_restart_of_all_goes_down_in_reverse_and_up_in_order() {
    let mut world = started_site();
    world.step(Event::RestartRequested(None, "me".into()));
    assert_eq!([0, 1, 2].map(|index| world.held[index].stopped), [true, false, false]);
    world.of(0, Word::Exited(Ending::Status(0)));
    world.settle();
    assert_eq!([0, 1, 2].map(|index| world.held[index].stopped), [true, true, true]);
    world.of(1, Word::Exited(Ending::Status(0)));
    world.of(2, Word::Exited(Ending::Status(0)));
    world.settle();
    assert_eq!([0, 1, 2].map(|index| world.held[index].spawns.len()), [1, 2, 2]);
    world.of(1, Word::Notified { run: 2 });
    world.of(0, Word::Notified { run: 2 });
    assert_eq!([0, 1, 2].map(|index| world.state(index)), ["running"; 3]);
}

#[test]
fn a_restart_of_one_leaves_the_others_alone_and_revives_one_that_was_given_up() {
    let mut world = World::begun(vec![
        (Vec::new(), Rules { max_restarts: Some(0), ..rules(Restart::Always) }),
        (Vec::new(), rules(Restart::Always)),
    ]);
    world.pass(SECOND);
    world.of(0, Word::Exited(Ending::Status(1)));
    world.settle();
    assert_eq!((world.group.state(), world.state(0)), ("degraded", "failed"));
    world.step(Event::RestartRequested(Some(0), "me".into()));
    assert_eq!((world.group.state(), world.state(0)), ("running", "running"));
    world.step(Event::RestartRequested(Some(1), "me".into()));
    world.of(1, Word::Exited(Ending::Status(0)));
    world.settle();
    assert_eq!([0, 1].map(|index| world.held[index].spawns.len()), [2, 2]);
}

#[test]
fn what_waits_for_a_service_that_was_given_up_ends_too() {
    let once = Rules { max_restarts: Some(0), ..rules(Restart::Always) };
    let mut world = World::begun(vec![(Vec::new(), once), (vec![0], rules(Restart::Always))]);
    world.pass(SECOND);
    world.pass(SECOND);
    assert!(world.ready);
    world.of(0, Word::Exited(Ending::Status(1)));
    world.settle();
    assert_eq!(world.state(1), "running");
    world.of(1, Word::Exited(Ending::Status(1)));
    world.settle();
    assert!(world.ended && world.group.end().unwrap().failed);
}

/// What a hostile world may do next; the first number chooses a service.
#[derive(Debug, Clone)]
enum Act {
    Exit(Ending),
    Pass(u64),
    Settle,
    Notify {
        old: bool,
    },
    Probed {
        old: bool,
        well: bool,
    },
    Restart(bool),
    Stop,
    Vanish,
    /// An event out of place.
    Noise(u8),
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act, bool, i64)>> {
    let act = prop_oneof![
        5 => prop_oneof![Just(Ending::Status(0)), Just(Ending::Status(1)), Just(Ending::Signal(11))].prop_map(Act::Exit),
        8 => prop_oneof![0u64..300, 500u64..12_000, Just(40_000u64)].prop_map(Act::Pass),
        7 => Just(Act::Settle),
        4 => prop::bool::weighted(0.2).prop_map(|old| Act::Notify { old }),
        6 => (prop::bool::weighted(0.2), any::<bool>()).prop_map(|(old, well)| Act::Probed { old, well }),
        1 => any::<bool>().prop_map(Act::Restart),
        1 => Just(Act::Stop),
        1 => Just(Act::Vanish),
        1 => (0u8..4).prop_map(Act::Noise),
    ];
    prop::collection::vec((0usize..4, act, prop::bool::weighted(0.93), -300i64..300), 0..90)
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let restart = prop_oneof![3 => Just(Restart::Always), 2 => Just(Restart::OnFailure), 1 => Just(Restart::Never)];
    let sign = prop_oneof![3 => Just(None), 1 => Just(ready(None)), 1 => Just(ready(Some(Check::Port(1))))];
    (restart, prop::option::of(0u32..4), sign, any::<bool>()).prop_map(|(restart, max_restarts, ready, watched)| Rules {
        max_restarts,
        ready,
        health: health().filter(|_| watched),
        ..rules(restart)
    })
}

/// One to four services, each needing some of those before it.
fn services() -> impl Strategy<Value = Vec<(Vec<usize>, Rules)>> {
    prop::collection::vec((any::<u8>(), any_rules()), 1..5).prop_map(|drawn| {
        let needs = |index: usize, mask: u8| (0..index).filter(|need| mask >> need & 1 == 1).collect();
        drawn.into_iter().enumerate().map(|(index, (mask, rules))| (needs(index, mask), rules)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_history_runs_a_service_twice_breaks_the_order_or_survives_a_stop(services in services(), history in acts()) {
        let most: Vec<Option<u32>> = services.iter().map(|(_, rules)| rules.max_restarts).collect();
        let mut world = World::begun(services);
        for (index, act, executes, jitter) in history {
            let index = index % world.held.len();
            world.executes = executes;
            world.jitter = jitter;
            let run = world.held[index].run;
            match act {
                Act::Exit(ending) if world.held[index].alive => world.of(index, Word::Exited(ending)),
                Act::Exit(_) => {}
                Act::Pass(millis) => world.pass(Duration::from_millis(millis)),
                Act::Settle => world.settle(),
                Act::Notify { old } => world.of(index, Word::Notified { run: run.saturating_sub(u64::from(old)) }),
                Act::Probed { old: false, well } if world.held[index].probing.is_some() => {
                    world.probed(index, if well { Ok(()) } else { Err("ill") });
                }
                Act::Probed { .. } => {
                    let before = world.state(index);
                    world.of(index, Word::Probed { run: run.wrapping_sub(1), result: Ok(()) });
                    prop_assert_eq!(world.state(index), before, "a result of an old run counted");
                }
                Act::Restart(all) => {
                    world.step(Event::RestartRequested((!all).then_some(index), "me".into()));
                }
                Act::Stop => world.step(Event::StopRequested("SIGTERM".into())),
                Act::Vanish => world.step(Event::Vanished("gone".into())),
                Act::Noise(0) if !world.held[index].alive => world.of(index, Word::SpawnFailed("late".into())),
                Act::Noise(1) if world.closing.is_none() => world.step(Event::Cleared { left: 1 }),
                Act::Noise(2) if !world.held[index].clearing => world.of(index, Word::Cleared { left: 1 }),
                Act::Noise(_) => {}
            }
            // Whoever waits is waited for: nothing can hang.
            let is_driven = |held: &Held| held.alive || held.clearing || held.timers.iter().any(Option::is_some);
            let driven = world.closing.is_some() || world.held.iter().any(is_driven);
            prop_assert!(world.ended || driven, "stuck in {}", world.group.state());
            prop_assert!(!world.ended || world.group.last_exit().is_some_and(|reason| !reason.is_empty()));
        }
        for (held, most) in world.held.iter().zip(most) {
            for (at, first) in held.decided.iter().enumerate() {
                let within = held.decided[at..].iter().take_while(|later| **later < *first + WINDOW).count();
                prop_assert!(most.is_none_or(|most| within as u32 <= most), "{:?}", held.decided);
            }
        }
        // From anywhere, a stop leads to the end within the graces and some rounds of killing.
        world.step(Event::StopRequested("SIGTERM".into()));
        for _ in 0..6 {
            world.pass(GRACE);
            world.settle();
        }
        prop_assert!(world.ended && world.held.iter().all(|held| !held.alive), "still {} after a stop", world.group.state());
    }
}
