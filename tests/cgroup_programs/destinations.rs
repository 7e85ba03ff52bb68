//! Where members of a limited group connect and send to.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;

use jailsh::kernel::landlock::ports::{Reach, Wanted};
use jailsh::kernel::{Level, RightSet};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::reaching::{self, at};
use crate::stage::{Group, Stage, attached};

/// What `action`, done by a member of the group, answers.
pub fn as_member(group: &Path, action: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child writes a file, makes system calls and ends with _exit.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Parent { child } => match waitpid(child, None).expect("its end") {
            WaitStatus::Exited(_, status) => status,
            other => panic!("{other:?}"),
        },
        ForkResult::Child => {
            let joined = fs::write(group.join("cgroup.procs"), "0").is_ok();
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(if joined { action() } else { 250 }) }
        }
    }
}

fn limits(group: &Group, without: &str, connect: &[&str]) -> Wanted {
    let rights: RightSet = Level::High.rights().without(without.parse().unwrap());
    let connect: Vec<_> = connect.iter().map(|text| text.parse().unwrap()).collect();
    Wanted { reaches: Reach::of(rights, &connect).into_iter().map(|reach| (group.id(), reach)).collect(), ..Wanted::default() }
}

fn listen() -> (TcpListener, UdpSocket, u16) {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = tcp.local_addr().expect("bound").port();
    (tcp, UdpSocket::bind(("127.0.0.1", port)).expect("the same port"), port)
}

#[test]
fn a_limited_group_reaches_what_its_rules_name_and_nothing_else_by_any_way() {
    let Some(stage) = Stage::set() else { return };
    let (limited, free) = (Group::make_given("limited"), Group::make("free"));
    let (near, far) = (listen(), listen());
    let before = attached();
    let reconcile = |wanted: &Wanted| stage.reservations.reconcile(wanted).expect("reconciled");
    let ways = || reaching::TCP.iter().chain(reaching::UDP);
    reconcile(&limits(&limited, "connect", &[&format!("127.0.0.1:{}", near.2)]));
    let ours: Vec<u32> = attached().into_iter().filter(|id| !before.contains(id)).collect();
    assert!(ours.len() >= 8, "{ours:?}");
    for (name, way) in ways() {
        assert_eq!(as_member(&limited.path, || way(near.2)), 0, "{name}, to where a rule leads");
        assert_eq!(as_member(&limited.path, || way(far.2)), libc::EPERM, "{name}, past the rules");
        assert_eq!(as_member(&free.path, || way(far.2)), 0, "{name}, of another group");
        assert_eq!(way(far.2), 0, "{name}, of the host");
    }
    let handed_in = UdpSocket::bind("127.0.0.1:0").expect("a socket of the host's");
    let to = at(libc::AF_INET, [127, 0, 0, 1], far.2);
    assert_eq!(as_member(&limited.path, || reaching::send_it(handed_in.as_raw_fd(), &to, 0)), libc::EPERM);
    reconcile(&limits(&limited, "connect", &[]));
    for (name, way) in ways() {
        assert_eq!(as_member(&limited.path, || way(near.2)), libc::EPERM, "{name}, of a jail that may go nowhere");
    }
    reconcile(&limits(&limited, "connect", &["any"]));
    for (name, way) in ways() {
        assert_eq!(as_member(&limited.path, || way(far.2)), 0, "{name}, when it may go anywhere");
    }
    reconcile(&Wanted::default());
    assert!(!attached().iter().any(|id| ours.contains(id)), "nothing is left");
}

#[test]
fn ports_of_other_groups_are_parted_from_one_without_loopback_foreign() {
    const THEIRS: u16 = 40_520;
    const OURS: u16 = 40_521;
    const ADDRESS: [u8; 4] = [198, 51, 100, 78];
    let Some(stage) = Stage::set() else { return };
    let ip = |arguments: &[&str]| std::process::Command::new("ip").args(arguments).status().expect("ip is installed").success();
    // in the network namespace of the test's own, which ends with it
    assert!(ip(&["address", "add", "198.51.100.78/24", "dev", "lo"]));
    let (parted, other) = (Group::make_given("parted"), Group::make("other"));
    let udp = |address, port| reaching::connect(libc::AF_INET, libc::SOCK_DGRAM, 0, &at(libc::AF_INET, address, port));
    let wanted = Wanted {
        ports: [(THEIRS, other.id()), (OURS, parted.id())].map(|(port, id)| (id, port.to_string().parse().unwrap())).into(),
        ..limits(&parted, "loopback_foreign", &[])
    };
    stage.reservations.reconcile(&wanted).expect("reconciled");
    for address in [[127, 0, 0, 1], [127, 9, 9, 9], [0, 0, 0, 0], ADDRESS] {
        assert_eq!(as_member(&parted.path, || udp(address, THEIRS)), libc::ECONNREFUSED, "{address:?}");
        assert_eq!(as_member(&parted.path, || udp(address, OURS)), 0, "its own, {address:?}");
        assert_eq!(as_member(&parted.path, || udp(address, 9)), 0, "nobody's, {address:?}");
        assert_eq!(as_member(&other.path, || udp(address, THEIRS)), 0, "its owner, {address:?}");
    }
    assert_eq!(as_member(&parted.path, || udp([198, 51, 100, 79], THEIRS)), 0, "the same port of another machine");
}
