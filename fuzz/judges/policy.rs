//! Any question to the policy has an answer inside the table; what it calls free is on a list written out here; and the
//! simulated kernel agrees with a model of two lines: the host may all, a member what its rights hold or let through.

use jailsh::kernel::policy::{Action, FsKind, MountKind, Right, RightSet, right_of};
use jailsh::kernel::sim::{Deed, Sim};
use jailsh::kernel::{JailDef, Kernel, Policy, Port, Protocol, Reservation};

/// Numbers out of a text of any length; zeros behind its end.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn next<const N: usize>(&mut self) -> u64 {
        let mut number = 0;
        for _ in 0..N {
            let (first, rest) = self.0.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
            (number, self.0) = (number << 8 | u64::from(first), rest);
        }
        number
    }
}

pub fn judge(input: &[u8]) {
    let mut numbers = Numbers(input);
    let (mask, told, kind, port) = (numbers.next::<8>(), numbers.next::<8>(), numbers.next::<1>(), numbers.next::<2>());
    // Small numbers are those that mean something.
    let wide = numbers.next::<1>() & 1 == 1;
    let mut number = || if wide { numbers.next::<4>() as u32 } else { numbers.next::<2>() as u32 };
    let (a, b, c) = (number(), number(), number());
    let action = match kind % 8 {
        0 => Action::Capability(a),
        1 => Action::Mknod(a),
        2 => Action::Device { block: b & 1 == 1, major: a, minor: c, pty: b & 2 == 2 },
        3 => Action::Receive { mode: a, namespace: b & 1 == 1 },
        4 => Action::Open { fs: file_system(a), write: b & 1 == 1 },
        5 => Action::Change(file_system(a)),
        6 => Action::OpenOn([MountKind::Own, MountKind::Kernel, MountKind::Foreign][a as usize % 3]),
        _ => Action::Socket { family: a, kind: b, protocol: c },
    };
    let right = right_of(action);
    assert!(right.is_none_or(|right| (right.index() as usize) < Right::count()), "{action:?}");
    assert_eq!(right.is_none(), is_free(action), "{action:?} takes {right:?}");

    let sim = Sim::new();
    let rights = RightSet::from_mask(mask);
    let ports: Vec<Reservation> = Port::try_from(port as i64).map(Reservation::from).into_iter().collect();
    let def = |name: &str, ports: &[Reservation]| JailDef {
        name: name.parse().expect("a name"),
        root: "/".into(),
        profile: "fuzz".into(),
        policy: Policy { audited: RightSet::from_mask(told), ..Policy::new(rights, ports.to_vec()) },
    };
    let owner = sim.create(&def("owner", &ports)).expect("first");
    let other = sim.create(&def("other", &[])).expect("second");
    let lets_through = |right: Right| mask | if right.is_grave() { 0 } else { told };
    let open = |right: Right| !right.is_fence() && lets_through(right) >> right.index() & 1 == 1;
    // CAP_NET_RAW is asked without the kind of socket: either right serves.
    let is_raw = action == Action::Capability(13);
    let model = right.is_none_or(open) || (is_raw && "ping".parse().is_ok_and(open));
    assert_eq!(sim.judge(other.get(), Deed::Act(action)).is_ok(), model);
    assert!(sim.judge(0, Deed::Act(action)).is_ok());
    for number in ports.iter().flat_map(|reserved| reserved.numbers()) {
        for protocol in [None, Some(Protocol::Tcp), Some(Protocol::Udp)] {
            let bind = Deed::Bind(([0, 0, 0, 0], number).into(), protocol);
            assert!(sim.judge(owner.get(), bind).is_ok());
            assert!(sim.judge(other.get(), bind).is_err());
            assert!(sim.judge(0, bind).is_err());
        }
    }
}

fn file_system(number: u32) -> FsKind {
    let kinds = [FsKind::Ordinary, FsKind::ProcProcess, FsKind::ProcHost, FsKind::ProcIpc, FsKind::Kernel, FsKind::KernelHidden];
    kinds[number as usize % kinds.len()]
}

/// What every jail may do, whatever its profile. Capabilities of capabilities(7), devices of Linux's devices.txt, sockets of
/// socket(2) and protocols(5).
fn is_free(action: Action) -> bool {
    const FREE_CAPABILITIES: [u32; 11] = [0, 1, 3, 4, 5, 6, 7, 8, 11, 27, 28];
    const FREE_DEVICES: [(u32, u32); 7] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)];
    const KIND: u32 = 0o170_000;
    match action {
        Action::Capability(cap) => FREE_CAPABILITIES.contains(&cap),
        Action::Mknod(mode) => ![0o060_000, 0o020_000].contains(&(mode & KIND)),
        Action::Device { block, major, minor, pty } => !block && (pty || FREE_DEVICES.contains(&(major, minor))),
        Action::Receive { mode, namespace } => mode & KIND != 0o040_000 && !namespace,
        Action::Open { fs: FsKind::Ordinary | FsKind::ProcProcess, .. } => true,
        Action::Open { fs, write } => !write && [FsKind::ProcHost, FsKind::Kernel].contains(&fs),
        Action::Change(fs) => [FsKind::Ordinary, FsKind::ProcProcess].contains(&fs),
        Action::OpenOn(kind) => kind != MountKind::Foreign,
        Action::Socket { family: 1, .. } => true,
        Action::Socket { family: 2 | 10, kind: 1, protocol } => [0, 6, 262].contains(&protocol),
        Action::Socket { family: 2 | 10, kind: 2, protocol } => [0, 17, 136].contains(&protocol),
        Action::Socket { .. } => false,
    }
}
