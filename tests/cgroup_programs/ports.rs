//! Reserved ports.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jailsh::kernel::{Protocol, Reservation};

use crate::destinations::as_member;
use crate::port_range::PortRange;
use crate::program::Program;
use crate::session::Session;
use crate::stage::{Group, Stage, attached, host_binds, inside, list, listed};
use crate::table::{self, Expectation};

const TAKEN: Result<(), i32> = Err(libc::EADDRINUSE);

/// How each row of the port attacks ends, run by the host (no group) or a member of a group.
fn endings(group: Option<&Path>, reserved: u16, own: u16) -> BTreeMap<String, String> {
    let mut command = Command::new(Program::build().path);
    command.args(["run", "ports"]).arg(format!("reserved={reserved}")).arg(format!("own={own}"));
    let command = match group {
        Some(group) => inside(group, command),
        None => command,
    };
    let mut session = Session::start(command);
    std::iter::from_fn(|| session.next_row()).collect()
}

/// The attacks that the programs answer. The kernel asks no program about SCTP; the filter keeps jails from it.
fn rows() -> Vec<table::Row> {
    let rows = table::rows(&Program::build()).into_iter().filter(|row| row.class == "ports" && !row.name.contains("SCTP"));
    let rows: Vec<table::Row> = rows.collect();
    let denied = |row: &&table::Row| row.expectation == Expectation::Denied;
    assert!(rows.iter().filter(denied).count() > 15 && rows.iter().all(|row| row.rights.len() <= 1), "{rows:?}");
    rows
}

#[test]
fn a_reserved_port_is_its_owners_alone_by_every_way_of_taking_one() {
    const PORT: u16 = 40_304;
    let Some(stage) = Stage::set() else { return };
    let _range = PortRange::narrow(PORT - 4..=PORT + 4);
    let (owner, other) = (Group::make("owner"), Group::make("other"));
    let before = endings(None, PORT, 40_400);
    for row in rows() {
        assert!(row.in_chroot.contains(&before[&row.name]), "{}, before: {}", row.name, before[&row.name]);
    }
    stage.reserve(&[(PORT.to_string(), owner.id()), (format!("127.0.0.2:{}/tcp", PORT + 1), owner.id())]);
    for (who, group) in [("the host", None), ("another jail", Some(other.path.as_path()))] {
        let endings = endings(group, PORT, 40_400);
        for row in rows() {
            assert!(row.in_jail.contains(&endings[&row.name]), "{}, by {who}: {}", row.name, endings[&row.name]);
        }
    }
    for (who, group) in [("its owner", owner.path.clone()), ("a group below its owner's", owner.nested())] {
        let endings = endings(Some(&group), PORT, PORT);
        for row in rows().iter().filter(|row| row.name.starts_with("bind a reserved port") || row.name.contains("own")) {
            assert!(row.in_chroot.contains(&endings[&row.name]), "{}, by {who}: {}", row.name, endings[&row.name]);
        }
    }
    stage.reserve::<u16>(&[]);
    assert_eq!(host_binds(PORT), Ok(()), "after it was let go");
}

#[test]
fn a_long_list_of_the_administrators_stays_as_it_was() {
    let Some(stage) = Stage::set() else { return };
    let owner = Group::make("long");
    // Longer than what a program reads at first, and than a page.
    let many: Vec<String> = (0..1500).map(|i| (20_001 + 2 * i).to_string()).collect();
    list(&many.join(","));
    stage.reserve(&[("40360-40370", owner.id())]);
    assert_eq!(whole_list(), format!("{},40360-40370", many.join(",")));
    stage.reserve::<u16>(&[]);
    assert_eq!(whole_list(), many.join(","));
}

fn whole_list() -> String {
    let mut text = vec![0; 1 << 18];
    let told = fs::File::open("/proc/sys/net/ipv4/ip_local_reserved_ports").and_then(|mut file| file.read(&mut text)).unwrap();
    String::from_utf8_lossy(&text[..told]).trim().to_owned()
}

/// Every place near the reserved ones, by both protocols: what a socket gets is what each reservation by itself says.
#[test]
fn addresses_protocols_and_ranges_are_kept_as_the_policy_says() {
    const OURS: [&str; 5] = ["127.0.0.2:40350/udp", "127.0.0.4:40350", "[::1]:40351", "40352/tcp", "40353-40354"];
    const THEIRS: [&str; 3] = ["127.0.0.3:40350/udp", "40352/udp", "[::2]:40351/tcp"];
    const ADDRESSES: [&str; 8] =
        ["0.0.0.0", "127.0.0.1", "127.0.0.2", "127.0.0.3", "::", "::1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"];
    let Some(stage) = Stage::set() else { return };
    let (ours, theirs) = (Group::make("ours"), Group::make_given("theirs"));
    let by = |texts: &[&'static str], group: &Group| texts.iter().map(|text| (*text, group.id())).collect::<Vec<_>>();
    stage.reserve(&[by(&OURS, &ours), by(&THEIRS, &theirs)].concat());
    let places = ADDRESSES.iter().flat_map(|address| (40_349..=40_355).map(move |port| (*address, port)));
    let places: Vec<SocketAddr> = places.map(|(address, port)| SocketAddr::new(address.parse().unwrap(), port)).collect();
    let foreign =
        [OURS.as_slice(), &THEIRS].map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Reservation>>());
    let of_both = foreign.concat();
    let others: [(&str, Option<&Path>, &[Reservation]); 3] = [
        ("the host", None, &of_both),
        ("the one", Some(&ours.path), &foreign[1]),
        ("the other", Some(&theirs.path), &foreign[0]),
    ];
    for (who, group, others) in others {
        let mut refused = 0;
        for place in &places {
            for protocol in Protocol::ALL {
                let bind = || match protocol {
                    Protocol::Tcp => TcpListener::bind(place).map(drop),
                    Protocol::Udp => UdpSocket::bind(place).map(drop),
                };
                let bind = || bind().map_or_else(|error| error.raw_os_error().unwrap_or(-1), |()| 0);
                let is_foreign = others.iter().any(|theirs| theirs.reserves(*place, Some(protocol)));
                let expected = if is_foreign { libc::EADDRINUSE } else { 0 };
                assert_eq!(group.map_or_else(bind, |group| as_member(group, bind)), expected, "{place}/{protocol} by {who}");
                refused += u32::from(is_foreign);
            }
        }
        assert!(refused > 5, "{who}");
    }
    assert_eq!(listed(), "40350-40354");
    // Half of it changes hands.
    stage.reserve(&[by(&OURS[2..], &theirs), by(&THEIRS, &ours)].concat());
    let all_of_it = || TcpListener::bind("0.0.0.0:40352").map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0);
    assert_eq!((as_member(&ours.path, all_of_it), as_member(&theirs.path, all_of_it)), (libc::EADDRINUSE, 0));
    stage.reserve::<u16>(&[]);
    assert_eq!(listed(), "");
}

#[test]
fn bind_of_port_zero_gets_no_reserved_port_even_when_the_kernels_list_is_lost() {
    const PORT: u16 = 40_324;
    let Some(stage) = Stage::set() else { return };
    let _range = PortRange::narrow(PORT..=PORT);
    let owner = Group::make("zero");
    stage.reserve(&[(PORT, owner.id())]);
    list("");
    for address in ["0.0.0.0:0", "[::]:0"] {
        let tcp = std::net::TcpListener::bind(address).map(drop).map_err(|error| error.raw_os_error());
        let udp = std::net::UdpSocket::bind(address).map(drop).map_err(|error| error.raw_os_error());
        assert_eq!((tcp, udp), (Err(Some(libc::EADDRINUSE)), Err(Some(libc::EADDRINUSE))), "{address}");
    }
    stage.reserve(&[(PORT, owner.id())]);
    assert_eq!(listed(), PORT.to_string(), "the next call lists it again");
}

#[test]
fn reconciling_twice_changes_nothing() {
    const PORT: u16 = 40_344;
    let Some(stage) = Stage::set() else { return };
    let owner = Group::make("twice");
    let state =
        || (stage.pins().len(), stage.mounts(), attached(), listed(), fs::read(stage.directory().join("reserved_ports")).ok());
    stage.reserve(&[(PORT, owner.id())]);
    let first = state();
    stage.reserve(&[(PORT, owner.id())]);
    assert_eq!(state(), first);
    assert_eq!((first.0, first.1), (11, 1), "eight programs and three tables, in one mount");
    assert_eq!(host_binds(PORT), TAKEN);
}

#[test]
fn a_port_changes_hands_and_others_come_and_go() {
    let Some(stage) = Stage::set() else { return };
    let (one, two) = (Group::make("hands-one"), Group::make("hands-two"));
    let binds = |group: &Group| endings(Some(&group.path), 40_365, 40_364)["bind an own reserved port, TCP"].clone();
    stage.reserve(&[(40_364, one.id())]);
    assert_eq!((binds(&one).as_str(), binds(&two).as_str()), ("ok", "EADDRINUSE"));
    stage.reserve(&[(40_364, two.id()), (40_365, one.id())]);
    assert_eq!((binds(&one).as_str(), binds(&two).as_str()), ("EADDRINUSE", "ok"));
    assert_eq!(host_binds(40_365), TAKEN);
    stage.reserve(&[(40_364, two.id())]);
    assert_eq!((host_binds(40_364), host_binds(40_365)), (TAKEN, Ok(())));
    assert_eq!(listed(), "40364");
}

#[test]
fn with_no_reservation_nothing_is_left() {
    let Some(stage) = Stage::set() else { return };
    let owner = Group::make("nothing");
    let before = attached();
    stage.reserve(&[(40_384, owner.id())]);
    let ours: Vec<u32> = attached().into_iter().filter(|id| !before.contains(id)).collect();
    assert!(ours.len() >= 4, "{ours:?}");
    stage.reserve::<u16>(&[]);
    assert!(!attached().iter().any(|id| ours.contains(id)));
    assert_eq!((stage.mounts(), listed().as_str()), (0, ""));
    assert_eq!(fs::read_dir(stage.directory()).expect("the directory").count(), 0);
    stage.reserve::<u16>(&[]);
}

#[test]
fn what_the_administrator_listed_stays() {
    let Some(stage) = Stage::set() else { return };
    let owner = Group::make("listed");
    list("40404,40500-40502");
    stage.reserve(&[(40_404, owner.id()), (40_405, owner.id())]);
    assert_eq!(listed(), "40404-40405,40500-40502");
    stage.reserve::<u16>(&[]);
    assert_eq!(listed(), "40404,40500-40502");
}

#[test]
fn a_program_that_was_taken_off_or_unpinned_is_put_back() {
    const PORT: u16 = 40_424;
    let Some(stage) = Stage::set() else { return };
    let owner = Group::make("repair");
    stage.reserve(&[(PORT, owner.id())]);
    for name in ["jail_bind4", "jail_post_bind4"] {
        fs::remove_file(stage.pin(name)).expect("unpinned");
    }
    // The kernel detaches them in its own time.
    let limit = Instant::now() + Duration::from_secs(10);
    while host_binds(PORT) == TAKEN {
        assert!(Instant::now() < limit, "the programs outlive their pins");
        std::thread::sleep(Duration::from_millis(1));
    }
    stage.reserve(&[(PORT, owner.id())]);
    assert_eq!((host_binds(PORT), stage.mounts()), (TAKEN, 1));
    for name in ["jail_bind4", "jail_post_bind4"] {
        let path = std::ffi::CString::new(stage.pin(name).to_str().expect("text")).expect("text");
        // SAFETY: a NUL-terminated path, then a descriptor that is ours and is closed once.
        unsafe {
            let link = libbpf_sys::bpf_obj_get(path.as_ptr());
            assert_eq!(libbpf_sys::bpf_link_detach(link), 0);
            libc::close(link);
        }
    }
    assert_eq!(host_binds(PORT), Ok(()), "nothing guards it");
    stage.reserve(&[(PORT, owner.id())]);
    assert_eq!((host_binds(PORT), stage.mounts(), stage.pins().len()), (TAKEN, 1, 11));
}
