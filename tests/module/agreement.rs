//! The module and the simulation give the same verdict: for jails with any set of rights, whoever acts, and on whatever.
//!
//! What the simulation allows must go for a member as it goes for the host; what it denies must be refused, and counted. A
//! disagreement is made small and printed with the seed that found it.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jailsh::jail::proof;
use jailsh::jail::spec::probe::{Example, FEATS, Probe};
use jailsh::kernel::policy::Action;
use jailsh::kernel::sim::{Deed, Sim};
use jailsh::kernel::{Jid, Kernel, Policy, Protocol, Right, RightSet};
use nix::errno::Errno;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::fixture::{Jail, Module, Process, child, def, errno, module, pipe, port, reservation, right, wait_for_close};

/// For all cases together; emulated, one takes some milliseconds.
const TIME: Duration = Duration::from_secs(12);
/// Fewer than this is no test.
const LEAST: u32 = 60;
/// Cases between two looks at the time.
const ROUND: u32 = 20;

/// Of capabilities(7).
const CAP_NET_BIND_SERVICE: u32 = 10;
const OUR_PORT: u16 = 18371;
const THEIR_PORT: u16 = 18372;
/// What ours reserves besides, in some cases, and what theirs does always; none overlap.
const OURS: [&str; 4] = ["127.0.0.3:18374/udp", "[::2]:18375", "18377/udp", "18380-18383/tcp"];
const THEIRS: [&str; 4] = ["127.0.0.2:18374/udp", "[::1]:18375", "18377/tcp", "18384-18386/tcp"];
const PORTS: [u16; 11] = [OUR_PORT, THEIR_PORT, 18373, 18, 18374, 18375, 18377, 18380, 18383, 18384, 18386];
/// Of this machine, also as IPv6 maps them, and what stands for all of a family or of both.
const ADDRESSES: [&str; 8] =
    ["0.0.0.0", "127.0.0.1", "127.0.0.2", "127.0.0.3", "::", "::1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"];

const PATHS: [&str; 10] = [
    "open /dev/ttyS0",
    "open /dev/fuse",
    "open /dev/null",
    "open /dev/kmsg",
    "open /dev/urandom",
    "open /proc/sysvipc/shm",
    "open /proc/sys/kernel/hostname",
    "write /proc/sys/kernel/hostname",
    "write /proc/sysrq-trigger",
    "write /sys/kernel/uevent_helper",
];

/// Who acts, or is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Host,
    Ours,
    Theirs,
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    See,
    Signal,
    Trace,
    Schedule,
}

#[derive(Debug, Clone)]
enum What {
    Probe(Probe),
    Bind(SocketAddr, Protocol),
    Process(Verb, Side),
}

#[derive(Debug, Clone)]
struct Case {
    actor: Side,
    held: Vec<Right>,
    reserved: Vec<&'static str>,
    what: What,
}

fn cases() -> impl Strategy<Value = Case> {
    let all: Vec<Right> = Right::all().chain(Right::parts()).collect();
    // What asks for a tracer asks about its parent, who is the host here, and what looks at /proc has the host's mount of it;
    // tests/proof.rs has members of a real jail try both.
    let feats: Vec<&'static _> = FEATS.iter().filter(|feat| !["ptrace", "see host"].contains(&feat.name)).collect();
    let paths = PATHS.map(|text| match text.parse() {
        Ok(Example::Probe(probe)) => What::Probe(probe),
        other => panic!("{other:?}"),
    });
    let side = || select(vec![Side::Host, Side::Ours, Side::Theirs]);
    let what = prop_oneof![
        6 => select(feats).prop_map(|feat| What::Probe(Probe::Feat(feat))),
        2 => select(paths.to_vec()),
        3 => (select(ADDRESSES.to_vec()), select(PORTS.to_vec()), select(Protocol::ALL.to_vec()))
            .prop_map(|(address, port, protocol)| What::Bind(SocketAddr::new(address.parse().unwrap(), port), protocol)),
        2 => (select(vec![Verb::See, Verb::Signal, Verb::Trace, Verb::Schedule]), side())
            .prop_map(|(verb, side)| What::Process(verb, side)),
    ];
    let actor = prop_oneof![1 => Just(Side::Host), 6 => Just(Side::Ours)];
    let count = all.len();
    let reserved = subsequence(OURS.to_vec(), 0..=OURS.len());
    (actor, subsequence(all, 0..=count), reserved, what).prop_map(|(actor, held, reserved, what)| Case {
        actor,
        held,
        reserved,
        what,
    })
}

/// Two jails, a process in each and one of the host's, and the same two in a simulation.
struct Stage<'a> {
    module: &'a Module,
    ours: Jail<'a>,
    /// On the host, in ours, in theirs.
    victims: [Process; 3],
    sim: Sim,
    simulated: [Jid; 2],
    _theirs: Jail<'a>,
}

impl Stage<'_> {
    fn target(&self, side: Side) -> (i32, u32) {
        match side {
            Side::Host => (self.victims[0].pid.as_raw(), 0),
            Side::Ours => (self.victims[1].pid.as_raw(), self.simulated[0].get()),
            Side::Theirs => (self.victims[2].pid.as_raw(), self.simulated[1].get()),
        }
    }

    fn deeds(&self, what: &What) -> Vec<Deed> {
        match what {
            What::Probe(probe) => probe.deeds(),
            What::Bind(at, protocol) => {
                let privileged = (at.port() < 1024).then_some(Deed::Act(Action::Capability(CAP_NET_BIND_SERVICE)));
                privileged.into_iter().chain([Deed::Bind(*at, Some(*protocol))]).collect()
            }
            What::Process(verb, side) => {
                let fence = right(match verb {
                    Verb::See => "process_see",
                    Verb::Signal => "process_signal",
                    Verb::Trace => "process_trace",
                    Verb::Schedule => "process_schedule",
                });
                vec![Deed::Process { target: self.target(*side).1, fence }]
            }
        }
    }

    /// Does it, in the calling process; an exit status.
    fn act(&self, what: &What) -> i32 {
        // Without a terminal to hang up.
        let _ = nix::unistd::setsid();
        let tried = match what {
            What::Probe(probe) => proof::attempt(probe),
            What::Bind(at, Protocol::Tcp) => TcpListener::bind(at).map(drop).map_err(raw_errno),
            What::Bind(at, Protocol::Udp) => UdpSocket::bind(at).map(drop).map_err(raw_errno),
            What::Process(verb, side) => on_process(*verb, self.target(*side).0),
        };
        tried.map_or_else(|errno| errno as i32, |()| 0)
    }

    fn check(&self, case: &Case) -> Result<(), TestCaseError> {
        let rights = case.held.iter().fold(RightSet::EMPTY, |set, right| set.with(*right));
        let ports = [port(OUR_PORT)].into_iter().chain(case.reserved.iter().map(|text| reservation(text))).collect();
        let policy = Policy::new(rights, ports);
        self.module.lsm.update(self.ours.jid, &policy).expect("a policy for the module");
        self.sim.update(self.simulated[0], &policy).expect("the same for the simulation");
        let actor = if case.actor == Side::Host { 0 } else { self.simulated[0].get() };
        let refused: Vec<Right> =
            self.deeds(&case.what).into_iter().filter_map(|deed| self.sim.judge(actor, deed).err()).collect();
        // The host does not own the ports of jails, and is refused them: what the host gets is no measure there.
        let unconfined = match case.what {
            What::Bind(..) => 0,
            _ => child(|| self.act(&case.what)).end(),
        };
        // Under any right: the kernel asks for others besides, which differ from one distribution and setting to another
        // (perf_event_paranoid, unprivileged_userfaultfd), and comes first with what comes first (seeing before tracing).
        let counts = || -> u64 {
            self.module.lsm.stats(Some(self.ours.jid)).unwrap()[0].denials.iter().flatten().map(|(_, count)| count).sum()
        };
        let before = counts();
        let real = match case.actor {
            Side::Host => child(|| self.act(&case.what)).end(),
            _ => self.ours.run(|| self.act(&case.what)),
        };
        let is_told = actor != 0 && counts() > before;
        if !refused.is_empty() {
            prop_assert!(real != 0, "the simulation refuses it by {:?}, the module lets it through", refused);
            let is_to_be_told = actor != 0 && unconfined == 0;
            prop_assert!(is_told || !is_to_be_told, "refused with {:?} by {:?}, and not counted", of(real), refused);
        } else if real == 0 || !is_told {
            let (real, unconfined) = (of(real), of(unconfined));
            prop_assert_eq!(real, unconfined, "the simulation allows it: what a member gets, and what the host");
        }
        Ok(())
    }
}

fn raw_errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().expect("of a system call"))
}

fn of(status: i32) -> Errno {
    Errno::from_raw(status)
}

fn on_process(verb: Verb, pid: i32) -> Result<(), Errno> {
    let open = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        nix::fcntl::open(path.as_str(), nix::fcntl::OFlag::O_RDONLY, nix::sys::stat::Mode::empty()).map(drop)
    };
    match verb {
        Verb::See => open("stat"),
        Verb::Signal => nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None),
        Verb::Trace => open("mem"),
        // SAFETY: takes only numbers; it has this priority.
        Verb::Schedule => match errno(unsafe { libc::setpriority(libc::PRIO_PROCESS, pid as u32, 0) }) {
            0 => Ok(()),
            raw => Err(Errno::from_raw(raw)),
        },
    }
}

#[test]
fn for_random_rights_actors_and_objects_the_simulation_says_what_the_module_does() {
    let Some(module) = module() else { return };
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("JAILSH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed);
    let mut other = def("other", &[THEIR_PORT]);
    other.policy.ports.extend(THEIRS.map(reservation));
    let (ours, theirs) = (module.jail("agrees", &[OUR_PORT]), module.jail_of(&other));
    let ends = pipe();
    let hosts = child(|| {
        wait_for_close(&ends);
        0
    });
    let victims = [hosts, ours.sleeper(), theirs.sleeper()];
    let sim = Sim::new();
    let simulated = [def("agrees", &[OUR_PORT]), other].map(|def| sim.create(&def).expect("a simulated jail"));
    let stage = Stage { module: &module, ours, victims, sim, simulated, _theirs: theirs };

    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < TIME || done < LEAST {
        let rng_seed = RngSeed::Fixed(seed.wrapping_add(u64::from(done)));
        let config = Config { cases: ROUND, rng_seed, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
        if let Err(error) = TestRunner::new(config).run(&cases(), |case| stage.check(&case)) {
            panic!("with JAILSH_SEED={seed}, after {done} cases: {error}");
        }
        done += ROUND;
    }
    println!("{done} verdicts agree, JAILSH_SEED={seed}");
}
