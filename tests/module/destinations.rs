//! Where members connect and send to.

use std::mem::size_of;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{ConnectRule, Kernel, Level, Object, Policy, Protocol};

use super::fixture::{Jail, module, right};
use super::reaching::{self, at};

const MPTCP: reaching::Way =
    ("connect, MPTCP", |port| reaching::connect(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP, &reaching::v4(port)));

/// A message with one piece of control data of four bytes.
fn send_with(socket: i32, address: &[u8], level: i32, kind: i32, data: &[u8]) -> i32 {
    let mut control = vec![0_u64; 2 + data.len().div_ceil(8)];
    control[0] = (16 + data.len()) as u64;
    control[1] = u64::from(level as u32) | u64::from(kind as u32) << 32;
    // SAFETY: the words behind the header have room for the data.
    unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), control[2..].as_mut_ptr().cast(), data.len()) };
    let mut part = libc::iovec { iov_base: b"x".as_ptr().cast_mut().cast(), iov_len: 1 };
    // SAFETY: all zero is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = address.as_ptr().cast_mut().cast();
    message.msg_namelen = address.len() as u32;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.len() * size_of::<u64>();
    // SAFETY: a message whose parts live through the call.
    reaching::ended(unsafe { libc::sendmsg(socket, &raw const message, 0) } as i64)
}

fn set_option(family: i32, level: i32, option: i32, value: &[u8]) -> i32 {
    let socket = reaching::socket(family, libc::SOCK_DGRAM, 0);
    // SAFETY: a value of the size given.
    reaching::ended(unsafe { libc::setsockopt(socket, level, option, value.as_ptr().cast(), value.len() as u32) }.into())
}

/// A loose source route over 127.0.0.1, RFC 791, 3.1.
const SOURCE_ROUTE: [u8; 12] = [131, 11, 4, 127, 0, 0, 1, 127, 0, 0, 1, 0];

fn rules(texts: &[String]) -> Vec<ConnectRule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn limit(lsm: &Lsm, jail: &Jail<'_>, texts: &[String]) {
    let before = jail.info().policy;
    let policy = Policy { rights: before.rights.without(right("connect")), connect: rules(texts), ..before };
    lsm.update(jail.jid, &policy).unwrap();
    assert_eq!(jail.info().policy, policy, "the kernel tells what it was told");
}

/// Something of the host's that listens on one port by TCP and UDP.
fn listen() -> (TcpListener, UdpSocket, u16) {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    (tcp, UdpSocket::bind(("127.0.0.1", port)).unwrap(), port)
}

#[test]
fn a_jail_without_connect_reaches_what_its_rules_name_and_nothing_else_by_any_way() {
    let Some(module) = module() else { return };
    let jail = module.jail("limited", &[]);
    let (near, far) = (listen(), listen());
    let ways = || reaching::TCP.iter().chain(reaching::UDP).chain([&MPTCP]);
    for (name, way) in ways() {
        assert_eq!(jail.run(|| way(far.2)), 0, "{name}, with the right");
    }
    limit(&module.lsm, &jail, &[format!("127.0.0.1:{}", near.2)]);
    for (name, way) in ways() {
        assert_eq!(jail.run(|| way(near.2)), 0, "{name}, to where a rule leads");
        let before = jail.denied("connect");
        assert_eq!(jail.run(|| way(far.2)), libc::EPERM, "{name}, past the rules");
        assert_eq!(jail.denied("connect"), before + 1, "{name} is counted");
    }
    limit(&module.lsm, &jail, &[format!("127.0.0.0/8:{}/tcp", near.2)]);
    for (name, way) in reaching::UDP {
        assert_eq!(jail.run(|| way(near.2)), libc::EPERM, "{name}, where only TCP may go");
    }
    limit(&module.lsm, &jail, &[]);
    for (name, way) in ways() {
        assert_eq!(jail.run(|| way(near.2)), libc::EPERM, "{name}, of a jail that may go nowhere");
    }
    limit(&module.lsm, &jail, &["any".into()]);
    for (name, way) in ways() {
        assert_eq!(jail.run(|| way(far.2)), 0, "{name}, when it may go anywhere again");
    }
}

#[test]
fn a_refused_destination_is_told_with_its_port() {
    let Some(module) = module() else { return };
    let jail = module.jail("told", &[]);
    limit(&module.lsm, &jail, &[]);
    module.lsm.denials().unwrap();
    assert_eq!(jail.run(|| (reaching::TCP[0].1)(443)), libc::EPERM);
    let (told, _) = module.lsm.denials().unwrap();
    let ours = told.iter().find(|denial| denial.jid == jail.jid).expect("told");
    let to = Object::Destination { address: [127, 0, 0, 1].into(), port: 443, protocol: Some(Protocol::Tcp) };
    assert_eq!((ours.right, ours.object, &ours.subject), (right("connect"), to, &None));
    // While somebody learns, what is held is told as well, and goes through.
    let anywhere = Policy { rights: jail.info().policy.rights.with(right("connect")), ..jail.info().policy };
    module.lsm.update(jail.jid, &anywhere).unwrap();
    module.lsm.learn(jail.jid, std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(jail.run(|| (reaching::TCP[0].1)(443)), libc::ECONNREFUSED);
    module.lsm.learn(jail.jid, std::time::Duration::ZERO).unwrap();
    let (told, _) = module.lsm.denials().unwrap();
    assert!(told.iter().any(|denial| denial.jid == jail.jid && denial.audited && denial.object == to), "{told:?}");
}

#[test]
fn a_socket_that_was_connected_before_sends_no_more_and_no_source_route_leads_past_the_rules() {
    let Some(module) = module() else { return };
    let jail = module.jail("before", &[]);
    let (near, far) = (listen(), listen());
    let handed_in = UdpSocket::bind("127.0.0.1:0").unwrap();
    handed_in.connect(("127.0.0.1", far.2)).unwrap();
    let socket = handed_in.as_raw_fd();
    assert_eq!(jail.run(|| reaching::send_it(socket, &[], 0)), 0);
    limit(&module.lsm, &jail, &[format!("127.0.0.1:{}", near.2)]);
    assert_eq!(jail.run(|| reaching::send_it(socket, &[], 0)), libc::EPERM);

    let route = &SOURCE_ROUTE;
    let to = at(libc::AF_INET, [127, 0, 0, 1], near.2);
    let with_route = || send_with(reaching::socket(libc::AF_INET, libc::SOCK_DGRAM, 0), &to, 0, libc::IP_RETOPTS, route);
    let with_ttl = || {
        let socket = reaching::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        send_with(socket, &to, 0, libc::IP_TTL, &9_i32.to_ne_bytes())
    };
    let v4 = || set_option(libc::AF_INET, 0, libc::IP_OPTIONS, route);
    let v6 = || set_option(libc::AF_INET6, libc::IPPROTO_IPV6, libc::IPV6_RTHDR, &[]);
    let ways: [(&str, &dyn Fn() -> i32); 3] = [("IP_OPTIONS", &v4), ("IPV6_RTHDR", &v6), ("IP_RETOPTS", &with_route)];
    // The kernel itself keeps source routes of IPv4 from who lacks raw_socket.
    let low = Policy { rights: Level::Low.rights(), ..jail.info().policy };
    module.lsm.update(jail.jid, &low).unwrap();
    for (name, way) in ways {
        assert_eq!(jail.run(way), 0, "{name}, with the right");
    }
    limit(&module.lsm, &jail, &[format!("127.0.0.1:{}", near.2)]);
    for (name, way) in ways {
        let before = jail.denied("connect");
        assert_eq!(jail.run(way), libc::EPERM, "{name}");
        assert_eq!(jail.denied("connect"), before + 1, "{name} is counted");
    }
    assert_eq!(jail.run(with_ttl), 0, "other control data passes");
}

#[test]
fn ports_of_other_jails_are_parted_from_a_jail_without_loopback_foreign() {
    const THEIRS: u16 = 40_510;
    const OURS: u16 = 40_511;
    const ADDRESS: [u8; 4] = [198, 51, 100, 77];
    let Some(module) = module() else { return };
    let _address = OwnAddress::add("198.51.100.77");
    let _other = module.jail("theirs", &[THEIRS]);
    let jail = module.jail("parted", &[OURS]);
    let (_tcp, _udp, hosts) = listen();
    let udp = |address, port| reaching::connect(libc::AF_INET, libc::SOCK_DGRAM, 0, &at(libc::AF_INET, address, port));
    for address in [[127, 0, 0, 1], [127, 9, 9, 9], [0, 0, 0, 0], ADDRESS] {
        assert_eq!(jail.run(|| udp(address, THEIRS)), 0, "{address:?}, with the right");
    }
    let policy = jail.info().policy;
    module.lsm.update(jail.jid, &Policy { rights: policy.rights.without(right("loopback_foreign")), ..policy }).unwrap();
    for address in [[127, 0, 0, 1], [127, 9, 9, 9], [0, 0, 0, 0], ADDRESS] {
        let before = jail.denied("loopback_foreign");
        assert_eq!(jail.run(|| udp(address, THEIRS)), libc::ECONNREFUSED, "{address:?}");
        assert_eq!(jail.denied("loopback_foreign"), before + 1);
        assert_eq!(jail.run(|| udp(address, OURS)), 0, "its own, {address:?}");
        assert_eq!(jail.run(|| udp(address, hosts)), 0, "the host's, {address:?}");
    }
    let elsewhere = || match udp([203, 0, 113, 1], THEIRS) {
        libc::ENETUNREACH => 0,
        other => other,
    };
    assert_eq!(jail.run(elsewhere), 0, "the same port of another machine");
}

/// An address of the loopback interface that is none of loopback's; taken away on drop.
struct OwnAddress(&'static str);

impl OwnAddress {
    fn add(address: &'static str) -> OwnAddress {
        assert!(Command::new("ip").args(["address", "replace", address, "dev", "lo"]).status().unwrap().success());
        OwnAddress(address)
    }
}

impl Drop for OwnAddress {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["address", "delete", &format!("{}/32", self.0), "dev", "lo"]).status();
    }
}
