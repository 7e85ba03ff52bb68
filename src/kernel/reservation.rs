//! What a jail reserves of the machine's ports: one entry of the spec's `ports`, parsed at the edge. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::connect::{Protocol, address_of, destination, leading_address, octets, octets_of, port_range, words};
use super::policy::{self, RawReservation};
use super::{KernelError, Port};

/// `8080`, `53/udp`, `127.0.0.2:53/udp`, `[::1]:53`, `5000-5010/tcp`: ports, of every address and of every protocol where
/// none is named. What has neither address, protocol nor a range is a number wherever values are kept: jail.toml, JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    /// First and last.
    ports: (u16, u16),
    /// Never one that stands for all of its family.
    address: Option<IpAddr>,
    protocol: Option<Protocol>,
}

/// Why a text is no reservation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is no port to reserve: {why}; write 8080, 53/udp, 127.0.0.2:53, [::1]:53/tcp or 5000-5010")]
pub struct ReservationError {
    text: String,
    why: String,
}

/// One jail's wish in the way of another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict<Owner> {
    pub wanted: Reservation,
    pub theirs: Reservation,
    pub owner: Owner,
}

impl Reservation {
    /// How many a jail can have.
    pub const MAX: usize = policy::RESERVATIONS;
    /// How many ports by all of them.
    pub const MAX_PORTS: usize = policy::RESERVED_PORTS;

    /// First and last port.
    pub fn ports(self) -> (u16, u16) {
        self.ports
    }

    /// `None`: every one.
    pub fn address(self) -> Option<IpAddr> {
        self.address
    }

    /// `None`: every one.
    pub fn protocol(self) -> Option<Protocol> {
        self.protocol
    }

    /// How many ports it is.
    pub fn count(self) -> usize {
        usize::from(self.ports.1 - self.ports.0) + 1
    }

    /// Every number in it, ascending.
    pub fn numbers(self) -> impl Iterator<Item = u16> {
        self.ports.0..=self.ports.1
    }

    /// The one port that it is, whatever the address and the protocol; `None` if it is more or less than that.
    pub fn plain(self) -> Option<Port> {
        let is_plain = self.ports.0 == self.ports.1 && self.address.is_none() && self.protocol.is_none();
        is_plain.then(|| Port::try_from(i64::from(self.ports.0)).ok()).flatten()
    }

    pub(super) fn raw(self) -> RawReservation {
        let (address, family) = match self.address {
            None => ([0; 4], 0),
            Some(address) => (words(octets_of(address)), if address.is_ipv4() { 4 } else { 6 }),
        };
        let protocols = self.protocol.map_or_else(|| Protocol::Tcp.bit() | Protocol::Udp.bit(), Protocol::bit);
        RawReservation { address, first_port: self.ports.0, last_port: self.ports.1, protocols, family }
    }

    /// `None` for what [`Reservation::raw`] never makes.
    #[cfg_attr(target_os = "netbsd", allow(dead_code))] // the module there keeps numbers
    pub(super) fn from_raw(raw: &RawReservation) -> Option<Reservation> {
        if !policy::is_reservation(raw) {
            return None;
        }
        let address = (raw.family != 0).then(|| address_of(octets(raw.address)));
        Some(Reservation { ports: (raw.first_port, raw.last_port), address, protocol: Protocol::from_bit(raw.protocols) })
    }

    /// Is binding `at`, or reaching it, for the owner alone? Without a protocol: one that is neither TCP nor UDP.
    pub fn reserves(self, at: SocketAddr, protocol: Option<Protocol>) -> bool {
        policy::reserves(&self.raw(), &destination(at, protocol))
    }

    /// Can only one jail have both?
    pub fn overlaps(self, other: Reservation) -> bool {
        policy::overlap(&self.raw(), &other.raw())
    }
}

/// The first of `wanted` that is in the way of what somebody else has.
pub fn conflict<'a, Owner>(
    wanted: &[Reservation],
    others: impl IntoIterator<Item = (Owner, &'a [Reservation])>,
) -> Option<Conflict<Owner>> {
    others.into_iter().find_map(|(owner, all)| {
        let pairs = wanted.iter().flat_map(|wanted| all.iter().map(move |theirs| (*wanted, *theirs)));
        let (wanted, theirs) = pairs.into_iter().find(|(wanted, theirs)| wanted.overlaps(*theirs))?;
        Some(Conflict { wanted, theirs, owner })
    })
}

impl<Owner: ToString> From<Conflict<Owner>> for KernelError {
    fn from(conflict: Conflict<Owner>) -> KernelError {
        let Conflict { wanted, theirs, owner } = conflict;
        KernelError::PortTaken { port: wanted, theirs, owner: owner.to_string() }
    }
}

fn parse(text: &str) -> Result<Reservation, String> {
    let (rest, protocol) = Protocol::split(text);
    let (address, range) = if rest.contains([':', '[']) {
        let (address, rest) = leading_address(rest)?;
        if address.is_unspecified() {
            return Err(format!("{address} stands for every address, which is meant without one"));
        }
        (Some(address), rest.strip_prefix(':').ok_or("the port is missing")?)
    } else {
        (None, rest)
    };
    // The whole text once more would be no news; of a range it is told what is wrong with it.
    let is_range = range.split_once('-').is_some_and(|(first, last)| !first.is_empty() && !last.is_empty());
    let is_all = range == text && !is_range;
    let ports = port_range(range).map_err(|why| if is_all { "a port is a number from 1 to 65535".into() } else { why });
    Ok(Reservation { ports: ports?, address, protocol })
}

impl FromStr for Reservation {
    type Err = ReservationError;

    fn from_str(text: &str) -> Result<Self, ReservationError> {
        let shown = || format!("{:?}", text.chars().take(80).collect::<String>());
        parse(text).map_err(|why| ReservationError { text: shown(), why })
    }
}

impl From<Port> for Reservation {
    fn from(port: Port) -> Reservation {
        Reservation { ports: (port.get(), port.get()), address: None, protocol: None }
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            None => {}
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
        }
        match self.ports {
            (first, last) if first == last => write!(f, "{first}")?,
            (first, last) => write!(f, "{first}-{last}")?,
        }
        self.protocol.map_or(Ok(()), |protocol| write!(f, "/{protocol}"))
    }
}

impl Serialize for Reservation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.plain() {
            Some(port) => serializer.serialize_u16(port.get()),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Reservation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Number(i64),
            Text(String),
        }
        match Kept::deserialize(deserializer)? {
            Kept::Number(number) => Port::try_from(number).map(Reservation::from).map_err(D::Error::custom),
            Kept::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests;
