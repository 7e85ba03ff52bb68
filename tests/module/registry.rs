//! Names, ports and what is left of jails that came and went.

use std::collections::BTreeSet;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{Kernel, KernelError, Policy};

use super::fixture::{def, errno, module, pipe, port, wait_for_close};

pub const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

#[test]
fn a_name_is_taken_once_and_the_loser_leaves_nothing() {
    let Some(module) = module() else { return };
    let _first = module.jail("twin", &[]);
    assert!(matches!(module.lsm.create(&def("twin", &[8123])), Err(KernelError::NameTaken(name)) if name.as_str() == "twin"));
    let _second = module.jail("other", &[8123]);
}

#[test]
fn a_reserved_port_is_refused_with_its_owners_name_and_nothing_stays_reserved() {
    let Some(module) = module() else { return };
    let _owner = module.jail("owner", &[8124]);
    match module.lsm.create(&def("thief", &[8125, 8124, 8126])) {
        Err(KernelError::PortTaken { port: taken, owner, .. }) => assert_eq!((taken, owner.as_str()), (port(8124), "owner")),
        other => panic!("{other:?}"),
    }
    let _free = module.jail("free", &[8125, 8126]);
}

#[test]
fn an_update_swaps_ports_and_rights_or_changes_nothing() {
    let Some(module) = module() else { return };
    let _owner = module.jail("holder", &[8130]);
    let jail = module.jail("changing", &[8131, 8132]);
    let before = jail.info().policy;
    let want = |ports: &[u16]| Policy { ports: ports.iter().map(|number| port(*number)).collect(), ..before.clone() };
    assert!(matches!(module.lsm.update(jail.jid, &want(&[8133, 8130])), Err(KernelError::PortTaken { .. })));
    assert_eq!(jail.info().policy, before);
    module.lsm.update(jail.jid, &want(&[8132, 8133])).unwrap();
    let _freed = module.jail("freed", &[8131]);
    assert!(matches!(module.lsm.create(&def("late", &[8133])), Err(KernelError::PortTaken { .. })));
}

#[test]
fn a_reserved_port_is_bound_by_its_owner_alone_in_every_way() {
    let Some(module) = module() else { return };
    let (owner, thief) = (module.jail("web", &[8140]), module.jail("thief", &[]));
    let attempts: [fn() -> i32; 5] = [
        || TcpListener::bind("127.0.0.1:8140").map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0),
        || TcpListener::bind("[::1]:8140").map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0),
        || UdpSocket::bind("0.0.0.0:8140").map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0),
        || bind_unspecified(8140),
        || bind_reusing(8140),
    ];
    for (number, attempt) in attempts.iter().enumerate() {
        assert_eq!(thief.run(attempt), libc::EADDRINUSE, "another jail, attempt {number}");
        assert_eq!(attempt(), libc::EADDRINUSE, "the host, attempt {number}");
    }
    assert_eq!(owner.run(attempts[0]), 0);
    assert_eq!(owner.run(attempts[2]), 0);
    assert_eq!(thief.denied("port_foreign"), attempts.len() as u64);
    assert_eq!(owner.denied("port_foreign"), 0);
}

fn inet_socket() -> i32 {
    // SAFETY: takes only numbers.
    unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) }
}

fn bind_to(socket: i32, family: i32, number: u16) -> i32 {
    let address = libc::sockaddr_in {
        sin_family: family as u16,
        sin_port: number.to_be(),
        sin_addr: libc::in_addr { s_addr: 0 },
        sin_zero: [0; 8],
    };
    // SAFETY: an address of the size given.
    errno(unsafe { libc::bind(socket, (&raw const address).cast(), size_of_val(&address) as u32) })
}

fn bind_unspecified(number: u16) -> i32 {
    bind_to(inet_socket(), libc::AF_UNSPEC, number)
}

fn bind_reusing(number: u16) -> i32 {
    let (socket, on) = (inet_socket(), 1);
    // SAFETY: an option value of the size given.
    unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, (&raw const on).cast(), 4) };
    bind_to(socket, libc::AF_INET, number)
}

/// Narrows the range of automatic ports, and puts it back.
pub struct Range(String);

const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

impl Range {
    pub fn set(range: &str) -> Range {
        let before = std::fs::read_to_string(RANGE).unwrap();
        std::fs::write(RANGE, range).unwrap();
        Range(before)
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        let _ = std::fs::write(RANGE, &self.0);
    }
}

#[test]
fn listening_unbound_never_takes_a_reserved_port() {
    let Some(module) = module() else { return };
    let _owner = module.jail("ranged", &[20000, 20001, 20002]);
    let thief = module.jail("unbound", &[]);
    let listen = || {
        let socket = inet_socket();
        // SAFETY: takes only numbers.
        errno(unsafe { libc::listen(socket, 1) })
    };
    // every port of the range is reserved: the kernel has none to give
    let _range = Range::set("20000 20002");
    assert_eq!(thief.run(listen), libc::EADDRINUSE);
    let connected = thief.run(|| {
        let socket = UdpSocket::bind("127.0.0.1:0");
        socket.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0)
    });
    assert_eq!(connected, libc::EADDRINUSE);
}

#[test]
fn a_port_taken_before_it_was_reserved_serves_nobody() {
    let Some(module) = module() else { return };
    let thief = module.jail("early", &[]);
    let (bound, listening, go) = (pipe(), pipe(), pipe());
    let listener = thief.start(|| {
        let socket = TcpListener::bind("127.0.0.1:8145").unwrap();
        nix::unistd::write(&listening.1, b"1").unwrap();
        wait_for_close(&go);
        socket.accept().map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0)
    });
    let binder = thief.start(|| {
        let socket = inet_socket();
        let early = bind_to(socket, libc::AF_INET, 8146);
        nix::unistd::write(&bound.1, b"1").unwrap();
        wait_for_close(&go);
        // SAFETY: takes only numbers.
        if early == 0 { errno(unsafe { libc::listen(socket, 1) }) } else { early }
    });
    for end in [&bound.0, &listening.0] {
        assert_eq!(nix::unistd::read(end, &mut [0]), Ok(1));
    }
    let _owner = module.jail("late", &[8145, 8146]);
    drop(go);
    assert_eq!(binder.end(), libc::EADDRINUSE);
    assert_eq!(listener.end(), libc::EADDRINUSE);
}

#[test]
fn the_administrators_reserved_ports_stay_and_ours_go() {
    let Some(module) = module() else { return };
    let before = std::fs::read_to_string(RESERVED).unwrap();
    std::fs::write(RESERVED, "9100-9102,9105").unwrap();
    {
        let _jail = module.jail("listed", &[9102, 9103]);
        assert_eq!(std::fs::read_to_string(RESERVED).unwrap().trim(), "9100-9103,9105");
    }
    let after = std::fs::read_to_string(RESERVED).unwrap();
    std::fs::write(RESERVED, before).unwrap();
    assert_eq!(after.trim(), "9100-9102,9105");
}

/// Everything that a jail could leave behind.
fn traces() -> (BTreeSet<String>, String, usize, Vec<usize>) {
    let names = |path: &Path| -> BTreeSet<String> {
        std::fs::read_dir(path)
            .map_or_else(|_| BTreeSet::new(), |all| all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
    };
    let pins = Path::new(Lsm::DIRECTORY).join("current");
    let groups = names(Path::new("/sys/fs/cgroup/jailsh")).into_iter().chain(names(&pins)).collect();
    let descriptors = names(Path::new("/proc/self/fd")).len();
    let sizes = ["slot_of_jid", "jid_of_name", "port_owners", "port_notes", "identities"].map(|map| entries(&pins.join(map)));
    (groups, std::fs::read_to_string(RESERVED).unwrap(), descriptors, sizes.to_vec())
}

pub fn entries(map: &Path) -> usize {
    use libbpf_rs::MapCore;
    libbpf_rs::MapHandle::from_pinned_path(map).unwrap().keys().count()
}

#[test]
fn two_hundred_jails_come_and_go_without_a_trace() {
    let Some(module) = module() else { return };
    drop(module.jail("warm-up", &[]));
    let before = traces();
    for round in 0..200_u16 {
        let jail = module.jail(&format!("cycle-{round}"), &[10_000 + round]);
        if round % 20 == 0 {
            assert_eq!(jail.run(|| 0), 0);
        }
    }
    // freed by RCU a moment after the process is reaped
    assert!(super::fixture::eventually(|| traces() == before), "before {before:?}, after {:?}", traces());
}

#[test]
fn jids_are_never_used_again() {
    let Some(module) = module() else { return };
    let first = module.jail("reborn", &[]).jid;
    let second = module.jail("reborn", &[]).jid;
    assert!(second > first);
}
