//! Two texts of ports and an address, a line each: a text that is taken is taken again as it is written, and one address and
//! protocol that both keep for their owners is an overlap.

use std::net::{IpAddr, SocketAddr};

use jailsh::kernel::{Protocol, Reservation};

pub fn judge(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (one, other, address) = (next().parse::<Reservation>(), next().parse::<Reservation>(), next().parse::<IpAddr>());
    for taken in one.iter().chain(&other) {
        assert_eq!(taken.to_string().parse::<Reservation>().expect("its own text"), *taken);
        assert!(taken.overlaps(*taken) && taken.count() > 0 && taken.count() == taken.numbers().count());
    }
    let (Ok(one), Ok(other)) = (one, other) else { return };
    assert_eq!(one.overlaps(other), other.overlaps(one));
    let Ok(address) = address else { return };
    let is_single = !address.to_canonical().is_unspecified();
    for (port, protocol) in [one, other].into_iter().flat_map(|taken| {
        let (first, last) = taken.ports();
        [first, last].into_iter().flat_map(|port| Protocol::ALL.map(|protocol| (port, protocol)))
    }) {
        let keeps = |taken: Reservation, address, protocol| taken.reserves(SocketAddr::new(address, port), protocol);
        if is_single && keeps(one, address, Some(protocol)) && keeps(other, address, Some(protocol)) {
            assert!(one.overlaps(other), "{one} and {other} both keep {address}, {port}/{protocol}");
        }
        if keeps(one, address, Some(protocol)) {
            assert!(keeps(one, IpAddr::from([0_u16; 8]), Some(protocol)), "whoever takes all addresses takes this one");
            assert!(keeps(one, address, None), "what is neither TCP nor UDP is kept from everybody else");
        }
    }
}
