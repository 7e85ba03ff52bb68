//! Ports of one address, of one protocol and by ranges: whose they are, and what is left of them.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{Kernel, KernelError, Object, Policy, Protocol, Reservation};

use super::fixture::{Jail, Module, def, module, pipe, reservation, wait_for_close};
use super::registry::{RESERVED, Range, entries};

fn reserving(name: &str, ports: &[&str]) -> jailsh::kernel::JailDef {
    let mut def = def(name, &[]);
    def.policy.ports = ports.iter().map(|text| reservation(text)).collect();
    def
}

fn jail<'a>(module: &'a Module, name: &str, ports: &[&str]) -> Jail<'a> {
    module.jail_of(&reserving(name, ports))
}

fn status(bound: std::io::Result<()>) -> i32 {
    bound.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |()| 0)
}

fn tcp(place: &str) -> i32 {
    status(TcpListener::bind(place).map(drop))
}

fn udp(place: &str) -> i32 {
    status(UdpSocket::bind(place).map(drop))
}

fn table_size() -> usize {
    entries(&Path::new(Lsm::DIRECTORY).join("current/port_owners"))
}

#[test]
fn a_reservation_is_refused_where_another_is_in_its_way_and_only_there() {
    let Some(module) = module() else { return };
    let before = table_size();
    {
        let theirs = ["8150", "8151/tcp", "127.0.0.2:8152", "[::1]:8152/udp", "8160-8169/udp"];
        let _owner = jail(&module, "owner", &theirs);
        let taken = [
            ("8150/udp", "8150"),
            ("127.0.0.9:8150", "8150"),
            ("8140-8150/tcp", "8150"),
            ("[::1]:8151", "8151/tcp"),
            ("127.0.0.2:8152/udp", "127.0.0.2:8152"),
            ("8152", "127.0.0.2:8152"),
            ("[::1]:8152", "[::1]:8152/udp"),
            ("8169-8180", "8160-8169/udp"),
            ("127.0.0.1:8160/udp", "8160-8169/udp"),
        ];
        for (wanted, in_the_way) in taken {
            match module.lsm.create(&reserving("wanting", &["8159", wanted])) {
                Err(KernelError::PortTaken { port, owner, theirs }) => {
                    assert_eq!([port.to_string(), owner, theirs.to_string()], [wanted, "owner", in_the_way]);
                }
                other => panic!("{wanted}: {other:?}"),
            }
        }
        let free = ["8151/udp", "127.0.0.3:8152", "[::1]:8152/tcp", "[::2]:8152", "8160-8169/tcp", "8170-8179/udp", "8149"];
        let other = jail(&module, "fitting", &free);
        assert_eq!(other.info().policy.ports, free.map(reservation), "it is listed as it was asked for");
    }
    assert_eq!(table_size(), before, "nothing is left");
}

#[test]
fn what_stands_for_a_reserved_address_is_its_owners_alone_as_long_as_it_has_all_of_them() {
    let Some(module) = module() else { return };
    let owner = jail(&module, "owner", &["127.0.0.2:8153/udp", "127.0.0.3:8153/udp", "[::1]:8154/tcp"]);
    let thief = module.jail("thief", &[]);
    let places = ["127.0.0.2:8153", "[::ffff:127.0.0.2]:8153", "0.0.0.0:8153", "[::ffff:0.0.0.0]:8153", "[::]:8153"];
    for place in places {
        assert_eq!(
            (thief.run(|| udp(place)), udp(place), owner.run(|| udp(place))),
            (libc::EADDRINUSE, libc::EADDRINUSE, 0),
            "{place}"
        );
        assert_eq!((thief.run(|| tcp(place)), tcp(place)), (0, 0), "{place}, TCP");
    }
    for place in ["[::1]:8154", "[::]:8154"] {
        assert_eq!((thief.run(|| tcp(place)), owner.run(|| tcp(place))), (libc::EADDRINUSE, 0), "{place}");
    }
    assert_eq!((thief.run(|| udp("127.0.0.4:8153")), thief.run(|| tcp("0.0.0.0:8154"))), (0, 0));
    assert_eq!(thief.run(v6_alone), libc::EADDRINUSE, "for IPv6 alone, which it could take back");
    {
        let other = jail(&module, "other", &["127.0.0.5:8153"]);
        for who in [&owner, &other] {
            assert_eq!(who.run(|| udp("0.0.0.0:8153")), libc::EADDRINUSE, "neither has all of them");
        }
        assert_eq!((owner.run(|| udp("127.0.0.3:8153")), other.run(|| udp("127.0.0.5:8153"))), (0, 0));
    }
    assert_eq!(owner.run(|| udp("0.0.0.0:8153")), 0, "the other is gone");
}

/// The port is reserved on ::1, and on 127.0.0.1 it is not.
fn v6_alone() -> i32 {
    // SAFETY: takes only numbers.
    let socket = unsafe { libc::socket(libc::AF_INET6, libc::SOCK_DGRAM, 0) };
    let on = 1;
    // SAFETY: an option value of the size given.
    unsafe { libc::setsockopt(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, (&raw const on).cast(), 4) };
    // SAFETY: zeros are an address.
    let mut address: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
    address.sin6_family = libc::AF_INET6 as u16;
    address.sin6_port = 8153_u16.to_be();
    // SAFETY: an address of the size given.
    super::fixture::errno(unsafe { libc::bind(socket, (&raw const address).cast(), size_of_val(&address) as u32) })
}

#[test]
fn a_change_keeps_what_stays_takes_what_comes_and_lets_go_of_the_rest() {
    let Some(module) = module() else { return };
    let before = table_size();
    {
        let (changing, thief) = (jail(&module, "changing", &["8200-8299/tcp", "127.0.0.2:8300"]), module.jail("thief", &[]));
        let policy = changing.info().policy;
        let become_of = |ports: &[&str]| {
            let ports: Vec<Reservation> = ports.iter().map(|text| reservation(text)).collect();
            module.lsm.update(changing.jid, &Policy { ports, ..policy.clone() })
        };
        become_of(&["8250-8349"]).unwrap();
        let got = ["0.0.0.0:8249", "0.0.0.0:8250", "127.0.0.3:8300", "0.0.0.0:8349", "0.0.0.0:8350"]
            .map(|place| thief.run(|| tcp(place)));
        assert_eq!(got, [0, libc::EADDRINUSE, libc::EADDRINUSE, libc::EADDRINUSE, 0]);
        assert_eq!(thief.run(|| udp("0.0.0.0:8250")), libc::EADDRINUSE);
        let _other = jail(&module, "holder", &["8400/udp"]);
        assert!(matches!(become_of(&["8401-8500", "8390-8400"]), Err(KernelError::PortTaken { .. })));
        assert_eq!(thief.run(|| tcp("0.0.0.0:8250")), libc::EADDRINUSE, "all or nothing");
        assert_eq!(thief.run(|| tcp("0.0.0.0:8401")), 0);
        become_of(&["127.0.0.2:8250/tcp"]).unwrap();
        assert_eq!((thief.run(|| tcp("127.0.0.3:8250")), thief.run(|| tcp("127.0.0.2:8250"))), (0, libc::EADDRINUSE));
        become_of(&["2000-3023"]).unwrap();
        assert_eq!((thief.run(|| tcp("0.0.0.0:2000")), thief.run(|| udp("[::1]:3023"))), (libc::EADDRINUSE, libc::EADDRINUSE));
        assert!(become_of(&["2000-3023", "8600"]).is_err(), "more than a jail can have");
        assert_eq!(changing.info().policy.ports, [reservation("2000-3023")]);
    }
    assert_eq!(table_size(), before, "nothing is left");
}

#[test]
fn no_port_that_is_reserved_for_anything_is_picked_by_the_kernel() {
    let Some(module) = module() else { return };
    let before = std::fs::read_to_string(RESERVED).unwrap();
    {
        let _owner = jail(&module, "narrow", &["127.0.0.2:20010/tcp", "20011/udp", "[::1]:20012-20013"]);
        assert_eq!(std::fs::read_to_string(RESERVED).unwrap().trim(), "20010-20013");
        let _range = Range::set("20010 20013");
        for place in ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            assert_eq!((tcp(place), udp(place)), (libc::EADDRINUSE, libc::EADDRINUSE), "{place}");
        }
    }
    assert_eq!(std::fs::read_to_string(RESERVED).unwrap(), before);
}

#[test]
fn who_had_all_addresses_before_one_of_them_was_reserved_serves_nobody() {
    let Some(module) = module() else { return };
    let thief = module.jail("early", &[]);
    let (ready, go) = (pipe(), pipe());
    let listener = thief.start(|| {
        let sockets = ["0.0.0.0:8155", "127.0.0.3:8156"].map(|place| TcpListener::bind(place).unwrap());
        sockets[1].set_nonblocking(true).unwrap();
        nix::unistd::write(&ready.1, b"1").unwrap();
        wait_for_close(&go);
        let got = sockets.map(|socket| socket.accept().map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0));
        i32::from(got != [libc::EADDRINUSE, libc::EAGAIN])
    });
    assert_eq!(nix::unistd::read(&ready.0, &mut [0]), Ok(1));
    let _owner = jail(&module, "late", &["127.0.0.2:8155-8156/tcp"]);
    drop(go);
    assert_eq!(listener.end(), 0, "the first is refused, the second waits for who connects");
}

#[test]
fn a_reserved_address_is_parted_from_who_lacks_loopback_foreign_and_the_denial_names_it() {
    let Some(module) = module() else { return };
    let _owner = jail(&module, "owner", &["127.0.0.2:8157/udp"]);
    let other = module.jail("parted", &[]);
    let policy = other.info().policy;
    let rights = policy.rights.without(super::fixture::right("loopback_foreign"));
    module.lsm.update(other.jid, &Policy { rights, ..policy }).unwrap();
    let reach = |place: &'static str| move || status(UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect(place)));
    let got = ["127.0.0.2:8157", "0.0.0.0:8157", "127.0.0.3:8157", "127.0.0.2:8158"].map(|place| other.run(reach(place)));
    assert_eq!(got, [libc::ECONNREFUSED, libc::ECONNREFUSED, 0, 0]);
    module.lsm.denials().unwrap();
    assert_eq!(other.run(|| udp("127.0.0.2:8157")), libc::EADDRINUSE);
    let place: SocketAddr = "127.0.0.2:8157".parse().unwrap();
    let told: Vec<Object> = module
        .lsm
        .denials()
        .unwrap()
        .0
        .into_iter()
        .filter(|denial| denial.jid == other.jid)
        .map(|denial| denial.object)
        .collect();
    assert_eq!(told, [Object::Port { address: place.ip(), port: place.port(), protocol: Some(Protocol::Udp) }]);
}
