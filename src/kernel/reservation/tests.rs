use proptest::prelude::*;
use serde_json::json;

use super::*;

fn reservation(text: &str) -> Reservation {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn reservations_are_read_strictly_and_written_as_they_were_read() {
    for text in
        ["8080", "8080/tcp", "53/udp", "127.0.0.2:53/udp", "[::1]:53", "5000-5010/tcp", "[2001:db8::1]:1-65535", "192.0.2.7:80"]
    {
        assert_eq!(reservation(text).to_string(), text);
        assert_eq!(Reservation::from_raw(&reservation(text).raw()), Some(reservation(text)), "{text}");
    }
    let wrong = [
        "",
        "0",
        "65536",
        "-1",
        "+80",
        "080",
        "80 ",
        " 80",
        "0x50",
        "http",
        "80/",
        "80/sctp",
        "80/tcp/udp",
        "80-",
        "-80",
        "90-80",
        "80-90-95",
        "127.0.0.2",
        "127.0.0.2:",
        "127.0.0.2:0",
        "0.0.0.0:80",
        "[::]:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1",
        "localhost:80",
        "any:80",
        "[::ffff:10.0.0.1]:80",
        "10.0.0.0/8:80",
        "127.1:80",
        "[fe80::1%eth0]:80",
        "*:80",
    ];
    let said: Vec<String> = wrong.iter().map(|text| text.parse::<Reservation>().unwrap_err().to_string()).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn what_says_nothing_besides_a_number_is_kept_as_one() {
    let kept = json!([8080, "53/udp", "[::1]:80", "5000-5010"]);
    let read: Vec<Reservation> = serde_json::from_value(kept.clone()).unwrap();
    assert_eq!(json!(read), kept);
    assert_eq!(serde_json::from_value::<Reservation>(json!("8080")).unwrap(), reservation("8080"));
    for wrong in [json!(0), json!(65536), json!(-1), json!(80.5), json!(null), json!([80]), json!("x")] {
        assert!(serde_json::from_value::<Reservation>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_reservation_keeps_its_port_protocol_and_address_and_what_stands_for_it() {
    let (tcp, udp, other) = (Some(Protocol::Tcp), Some(Protocol::Udp), None);
    let keeps = |text: &str, place: &str, protocol| reservation(text).reserves(at(place), protocol);
    for place in ["0.0.0.0:80", "127.0.0.1:80", "[::]:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        assert!([tcp, udp, other].iter().all(|protocol| keeps("80", place, *protocol)), "{place}");
        assert!(keeps("80/tcp", place, tcp) && !keeps("80/tcp", place, udp) && keeps("80/tcp", place, other), "{place}");
        assert!(!keeps("81", place, tcp) && !keeps("81-90", place, other));
    }
    let narrow = "127.0.0.2:53/udp";
    for place in ["127.0.0.2:53", "[::ffff:127.0.0.2]:53", "0.0.0.0:53", "[::ffff:0.0.0.0]:53", "[::]:53"] {
        assert!(keeps(narrow, place, udp) && !keeps(narrow, place, tcp), "{place}");
    }
    for place in ["127.0.0.3:53", "[::1]:53", "[::127.0.0.2]:53"] {
        assert!(!keeps(narrow, place, udp), "{place}");
        assert!(keeps(narrow, place, other), "a protocol that binds in its own way: {place}");
    }
    for (place, kept) in
        [("[::1]:53", true), ("[::]:53", true), ("0.0.0.0:53", false), ("127.0.0.1:53", false), ("[::2]:53", false)]
    {
        assert_eq!(keeps("[::1]:53", place, tcp), kept, "{place}");
    }
    for (port, kept) in [(4999, false), (5000, true), (5005, true), (5010, true), (5011, false)] {
        assert_eq!(keeps("5000-5010", &format!("127.0.0.1:{port}"), tcp), kept, "{port}");
    }
}

#[test]
fn a_conflict_names_what_was_wanted_and_what_is_in_its_way() {
    let web = ["80", "5000-5010/tcp"].map(reservation);
    let dns = ["127.0.0.2:53/udp", "[::1]:53"].map(reservation);
    let told = |wanted: &[&str]| {
        let wanted: Vec<Reservation> = wanted.iter().map(|text| reservation(text)).collect();
        let found = conflict(&wanted, [("web", web.as_slice()), ("dns", dns.as_slice())]);
        found.map(|found| KernelError::from(found).to_string())
    };
    assert_eq!(told(&["5000-5010/udp", "127.0.0.3:53/udp", "127.0.0.2:53/tcp", "[::2]:53"]), None);
    let said =
        [&["443", "80"][..], &["80/udp"], &["127.0.0.1:80"], &["4000-5000"], &["5010/tcp"], &["53/udp"], &["[::1]:53/tcp"]];
    insta::assert_snapshot!(said.map(|wanted| told(wanted).unwrap()).join("\n"));
}

fn any_reservation() -> impl Strategy<Value = Reservation> {
    let address = prop_oneof![
        Just(None),
        (1_u8..4).prop_map(|last| Some(IpAddr::from([127, 0, 0, last]))),
        (1_u16..4).prop_map(|last| Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, last]))),
    ];
    let protocol = prop_oneof![Just(None), Just(Some(Protocol::Tcp)), Just(Some(Protocol::Udp))];
    (1_u16..12, 0_u16..5, address, protocol).prop_map(|(first, more, address, protocol)| Reservation {
        ports: (first, first + more),
        address,
        protocol,
    })
}

fn any_place() -> impl Strategy<Value = (SocketAddr, Option<Protocol>)> {
    let address = prop_oneof![
        Just(IpAddr::from([0, 0, 0, 0])),
        Just(IpAddr::from([0_u16; 8])),
        (1_u8..4).prop_map(|last| IpAddr::from([127, 0, 0, last])),
        (1_u8..4).prop_map(|last| IpAddr::V6(std::net::Ipv4Addr::new(127, 0, 0, last).to_ipv6_mapped())),
        (1_u16..4).prop_map(|last| IpAddr::from([0, 0, 0, 0, 0, 0, 0, last])),
    ];
    let protocol = prop_oneof![Just(None), Just(Some(Protocol::Tcp)), Just(Some(Protocol::Udp))];
    (address, 1_u16..18, protocol).prop_map(|(address, port, protocol)| (SocketAddr::new(address, port), protocol))
}

proptest! {
    #[test]
    fn every_reservation_survives_being_written_and_read(wanted in any_reservation()) {
        prop_assert_eq!(reservation(&wanted.to_string()), wanted);
        prop_assert_eq!(serde_json::from_value::<Reservation>(json!(wanted)).unwrap(), wanted);
        prop_assert_eq!(Reservation::from_raw(&wanted.raw()), Some(wanted));
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[0-9a-f:./\\[\\]tcpud-]{0,24}") {
        if let Ok(wanted) = text.parse::<Reservation>() {
            prop_assert_eq!(reservation(&wanted.to_string()), wanted);
        }
    }

    /// Two overlap if and only if a socket of one address, TCP or UDP, is kept by both.
    #[test]
    fn what_overlaps_has_a_socket_in_common(one in any_reservation(), other in any_reservation()) {
        prop_assert_eq!(one.overlaps(other), other.overlaps(one));
        let addresses = [1, 2, 3].into_iter().flat_map(|last| [IpAddr::from([127, 0, 0, last]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, u16::from(last)])]);
        let places = addresses.flat_map(|address| (1..18).map(move |port| SocketAddr::new(address, port)));
        let kept = |place: SocketAddr| Protocol::ALL.iter().any(|protocol| one.reserves(place, Some(*protocol)) && other.reserves(place, Some(*protocol)));
        prop_assert_eq!(one.overlaps(other), places.into_iter().any(kept));
    }

    /// An address that stands for others takes whatever one of them takes, and a protocol of its own whatever any does.
    #[test]
    fn what_stands_for_more_is_kept_from_more_people((place, protocol) in any_place(), wanted in any_reservation()) {
        if wanted.reserves(place, protocol) {
            prop_assert!(wanted.reserves(SocketAddr::new(IpAddr::from([0_u16; 8]), place.port()), protocol));
            prop_assert!(wanted.reserves(place, None));
        }
    }
}
