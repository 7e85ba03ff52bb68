use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A machine with a fake clock and a world that obeys it.
struct World {
    machine: Machine,
    now: Duration,
    /// A service runs.
    alive: bool,
    timer: Option<Duration>,
    clearing: Option<Scope>,
    ready: bool,
    ended: bool,
    delays: Vec<Duration>,
    spawns: u64,
    stop_asked: bool,
}

impl World {
    fn new(policy: Restart) -> Self {
        World {
            machine: Machine::new(policy, 5 * SECOND),
            now: Duration::ZERO,
            alive: false,
            timer: None,
            clearing: None,
            ready: false,
            ended: false,
            delays: Vec::new(),
            spawns: 0,
            stop_asked: false,
        }
    }

    /// The world begins with the caller's spawn.
    fn begin(&mut self, spawn: Result<(), &str>) {
        self.spawned(spawn.map_err(str::to_owned));
    }

    fn spawned(&mut self, result: Result<(), String>) {
        assert!(!self.alive, "two services at once");
        assert!(!self.ended, "a service after the end");
        self.spawns += 1;
        self.alive = result.is_ok();
        self.step(match result {
            Ok(()) => Event::Spawned,
            Err(why) => Event::SpawnFailed(why),
        });
    }

    fn step(&mut self, event: Event) {
        self.step_with(event, 0, || Ok(()));
    }

    fn step_with(&mut self, event: Event, jitter: i64, spawn: impl Fn() -> Result<(), String>) {
        match &event {
            Event::Exited(_) => self.alive = false,
            Event::StopRequested(_) => self.stop_asked = true,
            Event::Timer => self.timer = None,
            Event::Cleared { .. } => self.clearing = None,
            _ => {}
        }
        let actions = self.machine.step(event, self.now, jitter);
        for (at, action) in actions.iter().enumerate() {
            match action {
                Action::Spawn => {
                    assert_eq!(at, actions.len() - 1, "a spawn is the last action");
                    assert!(!self.stop_asked, "a spawn after a stop was asked for");
                    assert_eq!(self.clearing, None, "a spawn while leftovers are being killed");
                    self.spawned(spawn());
                }
                Action::Arm(delay) => {
                    if self.machine.state() == "backoff" {
                        self.delays.push(*delay);
                    }
                    self.timer = Some(self.now + *delay);
                }
                Action::Disarm => self.timer = None,
                Action::StopSignal => assert!(self.alive, "a stop signal for nobody"),
                Action::Clear(scope) => self.clearing = Some(*scope),
                Action::Ready => {
                    assert!(!self.ready, "ready twice");
                    self.ready = true;
                }
                Action::Log(_, text) => assert!(!text.contains('\n')),
                Action::End => {
                    assert!(!self.ended, "ended twice");
                    self.ended = true;
                }
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.timer.is_some_and(|at| at <= self.now) {
            self.step(Event::Timer);
        }
    }

    /// The kernel kills what it was told to kill.
    fn settle(&mut self) {
        if let Some(scope) = self.clearing {
            if self.alive && (scope == Scope::Jail || self.machine.end().is_some()) {
                self.step(Event::Exited(Ending::Signal(libc::SIGKILL)));
            }
            self.step(Event::Cleared { left: 0 });
        }
    }

    fn run_for(&mut self, time: Duration, ending: Ending) {
        self.pass(time);
        self.step(Event::Exited(ending));
        self.settle();
    }

    fn wait_for_restart(&mut self) {
        let at = self.timer.expect("a restart is due");
        self.pass(at - self.now);
    }
}

fn started(policy: Restart) -> World {
    let mut world = World::new(policy);
    world.begin(Ok(()));
    world.pass(TRIAL);
    assert!(world.ready);
    world
}

#[test]
fn delays_grow_to_ten_seconds_and_start_over_after_a_steady_run() {
    let mut world = started(Restart::Always);
    for _ in 0..7 {
        world.run_for(SECOND, Ending::Status(1));
        world.wait_for_restart();
    }
    assert_eq!(world.delays, [1, 2, 4, 8, 10, 10, 10].map(Duration::from_secs));
    world.run_for(STEADY, Ending::Status(0));
    assert_eq!(world.delays.last(), Some(&SECOND));
    assert_eq!(world.machine.last_exit(), Some("exited with status 0; restart after 1.0 s"));
    world.wait_for_restart();
    assert_eq!((world.machine.state(), world.machine.restarts()), ("running", 8));
}

#[test]
fn a_run_a_moment_short_of_steady_keeps_the_delay_growing() {
    let mut world = started(Restart::Always);
    for _ in 0..2 {
        world.run_for(STEADY - Duration::from_millis(101), Ending::Status(1));
        world.wait_for_restart();
    }
    assert_eq!(world.delays, [1, 2].map(Duration::from_secs));
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
        let mut world = started(policy);
        world.run_for(SECOND, ending);
        assert_eq!(world.machine.state(), state, "{policy:?} after {ending}");
    }
}

#[test]
fn a_failure_to_execute_at_the_first_start_is_final() {
    for policy in [Restart::Always, Restart::OnFailure, Restart::Never] {
        let mut world = World::new(policy);
        world.begin(Err("httpd: not found"));
        world.settle();
        assert!(world.ended && !world.ready);
        assert_eq!(world.machine.end().unwrap(), &End { failed: true, reason: "httpd: not found".into() });
        assert_eq!((world.machine.state(), world.machine.last_exit()), ("failed", Some("httpd: not found")));
    }
}

#[test]
fn a_failure_to_execute_later_is_one_more_failure() {
    let mut world = started(Restart::OnFailure);
    world.run_for(SECOND, Ending::Status(1));
    let at = world.timer.unwrap();
    world.now = at;
    world.step_with(Event::Timer, 0, || Err("httpd: not found".into()));
    world.settle();
    assert_eq!(world.delays, [1, 2].map(Duration::from_secs));
    assert_eq!(world.machine.last_exit(), Some("httpd: not found; restart after 2.0 s"));
}

#[test]
fn a_first_run_that_fails_at_once_is_a_failed_start_and_one_that_is_done_at_once_is_none() {
    let mut world = World::new(Restart::Always);
    world.begin(Ok(()));
    world.step(Event::Exited(Ending::Status(2)));
    world.settle();
    assert!(world.ended && !world.ready);
    assert_eq!(world.machine.end().unwrap().reason, "the service exited with status 2 at once");

    let mut world = World::new(Restart::Never);
    world.begin(Ok(()));
    world.step(Event::Exited(Ending::Status(0)));
    world.settle();
    assert!(world.ended && world.ready && !world.machine.end().unwrap().failed);
}

#[test]
fn a_stop_gives_grace_then_kills_and_says_who_asked() {
    let mut world = started(Restart::Always);
    world.step(Event::StopRequested("SIGTERM from pid 9".into()));
    assert_eq!((world.machine.state(), world.clearing), ("stopping", None));
    world.pass(5 * SECOND);
    assert_eq!(world.clearing, Some(Scope::Jail));
    world.settle();
    assert!(world.ended);
    assert_eq!(world.machine.last_exit(), Some("killed by SIGKILL; stopped by SIGTERM from pid 9"));
    assert_eq!(world.machine.state(), "stopped");
}

#[test]
fn a_restart_waits_until_the_leftovers_are_gone() {
    let mut world = started(Restart::Always);
    world.step(Event::Exited(Ending::Status(1)));
    assert_eq!(world.clearing, Some(Scope::Leftovers));
    world.pass(2 * SECOND);
    assert_eq!((world.spawns, world.machine.state()), (1, "backoff"));
    world.settle();
    assert_eq!((world.spawns, world.machine.state()), (2, "running"));
}

#[test]
fn a_jail_that_vanishes_ends_supervision_with_that_reason() {
    let mut world = started(Restart::Always);
    world.run_for(SECOND, Ending::Signal(libc::SIGKILL));
    world.step(Event::Vanished("the jail is gone from the kernel".into()));
    world.settle();
    assert!(world.ended && world.machine.end().unwrap().failed);
    assert!(world.machine.last_exit().unwrap().ends_with("; the jail is gone from the kernel"));
}

#[test]
fn endings_read_well() {
    assert_eq!(Ending::Status(3).to_string(), "exited with status 3");
    assert_eq!(Ending::Signal(libc::SIGSEGV).to_string(), "killed by SIGSEGV");
    assert_eq!(Ending::Signal(libc::SIGRTMIN()).to_string(), "killed by signal 34");
}

/// What a hostile world may do next.
#[derive(Debug, Clone)]
enum Deed {
    Exit(Ending),
    Pass(u64),
    Settle,
    Stop,
    Vanish,
    /// An event out of place.
    Noise(u8),
}

fn deeds() -> impl Strategy<Value = Vec<(Deed, bool, i64)>> {
    let deed = prop_oneof![
        6 => prop_oneof![Just(Ending::Status(0)), Just(Ending::Status(1)), Just(Ending::Signal(11))].prop_map(Deed::Exit),
        8 => prop_oneof![0u64..300, 500u64..12_000, Just(40_000u64)].prop_map(Deed::Pass),
        6 => Just(Deed::Settle),
        1 => Just(Deed::Stop),
        1 => Just(Deed::Vanish),
        1 => (0u8..3).prop_map(Deed::Noise),
    ];
    prop::collection::vec((deed, prop::bool::weighted(0.9), -300i64..300), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_history_runs_two_services_or_survives_a_stop(
        policy in prop_oneof![Just(Restart::Always), Just(Restart::OnFailure), Just(Restart::Never)],
        history in deeds(),
    ) {
        let mut world = World::new(policy);
        world.begin(Ok(()));
        for (deed, executes, jitter) in history {
            let spawn = || if executes { Ok(()) } else { Err("no".to_owned()) };
            match deed {
                Deed::Exit(ending) if world.alive => world.step_with(Event::Exited(ending), jitter, spawn),
                Deed::Exit(_) => {}
                Deed::Pass(millis) => {
                    world.now += Duration::from_millis(millis);
                    if world.timer.is_some_and(|at| at <= world.now) {
                        world.step_with(Event::Timer, jitter, spawn);
                    }
                }
                Deed::Settle => world.settle(),
                Deed::Stop => world.step_with(Event::StopRequested("SIGTERM".into()), jitter, spawn),
                Deed::Vanish => world.step_with(Event::Vanished("gone".into()), jitter, spawn),
                Deed::Noise(0) => world.step_with(Event::Spawned, jitter, spawn),
                Deed::Noise(1) => world.step_with(Event::SpawnFailed("late".into()), jitter, spawn),
                Deed::Noise(_) if world.clearing.is_none() => world.step_with(Event::Cleared { left: 1 }, jitter, spawn),
                Deed::Noise(_) => {}
            }
            // One restart per spawn after the first.
            prop_assert_eq!(world.machine.restarts() + 1, world.spawns);
            prop_assert_eq!(world.ended, matches!(world.machine.state(), "stopped" | "failed"));
            prop_assert!(!world.ended || world.machine.last_exit().is_some_and(|reason| !reason.is_empty()));
            // Whoever waits is waited for: nothing can hang.
            let waiting = world.timer.is_some() || world.clearing.is_some();
            prop_assert!(world.ended || world.alive || waiting, "stuck in {}", world.machine.state());
        }
        for delay in &world.delays {
            prop_assert!((900..=11_000).contains(&delay.as_millis()), "{:?}", delay);
        }
        // From anywhere, a stop leads to the end within grace and one round of killing.
        world.step(Event::StopRequested("SIGTERM".into()));
        world.pass(5 * SECOND);
        world.settle();
        prop_assert!(world.ended && !world.alive, "still {} after a stop", world.machine.state());
    }

    #[test]
    fn a_delay_stays_within_a_tenth_of_its_step(streak in 0usize..40, jitter in any::<i64>()) {
        let base = DELAYS[streak.min(4)];
        let delay = delay(streak, jitter);
        prop_assert!(delay >= base * 9 / 10 && delay <= base * 11 / 10);
    }
}
