//! The simulated body keeps the same books as the real one.

use jailsh::kernel::policy::{Action, Level};
use jailsh::kernel::sim::{Deed, Sim};
use jailsh::kernel::{JailDef, Jid, Kernel, KernelError, Policy, Protocol};

fn def(name: &str, ports: &[i64]) -> JailDef {
    let ports = ports.iter().map(|port| port.to_string().parse().unwrap()).collect();
    let policy = Policy::new(Level::Medium.rights(), ports);
    JailDef { name: name.parse().unwrap(), root: format!("/jails/{name}"), profile: "medium".into(), policy }
}

#[test]
fn jids_count_from_1_and_are_never_reused() {
    let sim = Sim::new();
    let first = sim.create(&def("a", &[])).unwrap();
    sim.destroy(first).unwrap();
    let second = sim.create(&def("a", &[])).unwrap();
    assert_eq!((first.get(), second.get()), (1, 2));
    assert!(matches!(sim.destroy(first), Err(KernelError::NoSuchJail(jid)) if jid == first));
}

#[test]
fn a_taken_name_or_port_registers_nothing() {
    let sim = Sim::new();
    let a = sim.create(&def("a", &[80, 443])).unwrap();
    assert!(matches!(sim.create(&def("a", &[])), Err(KernelError::NameTaken(_))));
    let taken = sim.create(&def("b", &[8080, 443])).unwrap_err();
    assert_eq!(taken.to_string(), "port 443 is reserved by jail a; pick another port or destroy that jail");
    assert_eq!(sim.list().unwrap().len(), 1);
    sim.destroy(a).unwrap();
    assert!(sim.create(&def("b", &[8080, 443])).is_ok());
}

#[test]
fn a_denial_is_counted_under_its_jail_and_right() {
    let sim = Sim::new();
    let a = sim.create(&def("a", &[80])).unwrap();
    let b = sim.create(&def("b", &[])).unwrap();
    let mount = Action::Capability(21);
    assert_eq!(
        sim.judge(b.get(), Deed::Bind("0.0.0.0:80".parse().unwrap(), Some(Protocol::Tcp))).unwrap_err().name(),
        "port_foreign"
    );
    assert_eq!(sim.judge(0, Deed::Bind("0.0.0.0:80".parse().unwrap(), Some(Protocol::Tcp))).unwrap_err().name(), "port_foreign");
    assert_eq!(sim.judge(b.get(), Deed::Act(mount)).unwrap_err().name(), "namespaces");
    assert!(sim.judge(0, Deed::Act(mount)).is_ok());
    let counted =
        |jid: Jid| sim.stats(Some(jid)).unwrap()[0].denials.iter().flatten().map(|(r, n)| (r.name(), *n)).collect::<Vec<_>>();
    assert_eq!(counted(a), []);
    assert_eq!(counted(b), [("port_foreign", 1), ("namespaces", 1)]);
    let (denials, lost) = sim.denials().unwrap();
    assert_eq!((denials.len(), lost), (2, 0));
    assert_eq!(sim.denials().unwrap().0, []);
}

#[test]
fn a_jail_that_does_not_exist_holds_no_right() {
    let sim = Sim::new();
    assert!(sim.judge(77, Deed::Act(Action::Capability(21))).is_err());
}

#[test]
fn it_never_lets_a_process_in() {
    let sim = Sim::new();
    let jid = sim.create(&def("a", &[])).unwrap();
    let refused = sim.gate(jid).err().expect("the sim body runs nothing");
    assert_eq!(refused.to_string(), "the sim body never runs a command; use --kernel auto");
}
