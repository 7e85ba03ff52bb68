//! Any question to the policy has an answer inside the table, and the simulated kernel agrees with a model of two lines:
//! the host may all, a member what its rights hold or let through.
#![no_main]

use jailsh::kernel::policy::{Action, Right, RightSet, right_of};
use jailsh::kernel::sim::{Deed, Sim};
use jailsh::kernel::{JailDef, Kernel, Policy, Port};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, u8, u32, u32, u32, u16)| {
    let (mask, told, kind, a, b, c, port) = input;
    let action = match kind % 5 {
        0 => Action::Capability(a),
        1 => Action::Mknod(a),
        2 => Action::Device { block: b & 1 == 1, major: a, minor: c, pty: b & 2 == 2 },
        3 => Action::Receive { mode: a, namespace: b & 1 == 1 },
        _ => Action::Socket { family: a, kind: b, protocol: c },
    };
    let right = right_of(action);
    assert!(right.is_none_or(|right| (right.index() as usize) < Right::count()));

    let sim = Sim::new();
    let rights = RightSet::from_mask(mask);
    let ports: Vec<Port> = Port::try_from(i64::from(port)).into_iter().collect();
    let def = |name: &str, ports: &[Port]| JailDef {
        name: name.parse().expect("a name"),
        root: "/".into(),
        profile: "fuzz".into(),
        policy: Policy { audited: RightSet::from_mask(told), ..Policy::new(rights, ports.to_vec()) },
    };
    let owner = sim.create(&def("owner", &ports)).expect("first");
    let other = sim.create(&def("other", &[])).expect("second");
    let model = right.is_none_or(|right| !right.is_fence() && (mask | told) >> right.index() & 1 == 1);
    assert_eq!(sim.judge(other.get(), Deed::Act(action)).is_ok(), model);
    assert!(sim.judge(0, Deed::Act(action)).is_ok());
    for port in ports {
        assert!(sim.judge(owner.get(), Deed::Bind(port)).is_ok());
        assert!(sim.judge(other.get(), Deed::Bind(port)).is_err());
        assert!(sim.judge(0, Deed::Bind(port)).is_err());
    }
});
