//! Where a jail may connect and send to: one destination of the spec's `connect`, parsed at the edge. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::policy::{RawDestination, RawRule};

/// `10.0.0.0/8:5432/tcp`, `[fd00::]/8:443`, `any:53/udp`, `192.0.2.7`: addresses, ports and protocols, all of them where
/// none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectRule {
    /// An address whose bits behind the prefix are 0, and the prefix; `None`: any address of either family.
    network: Option<(IpAddr, u8)>,
    /// First and last; `None`: all, and what has no ports.
    ports: Option<(u16, u16)>,
    /// `None`: every protocol.
    protocol: Option<Protocol>,
}

/// What ports belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub const ALL: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }

    /// Its bit in kmod/policy's sets.
    pub(super) fn bit(self) -> u16 {
        match self {
            Protocol::Tcp => 1,
            Protocol::Udp => 2,
        }
    }

    /// `None` for what has no ports.
    pub(super) fn from_bit(bit: u16) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|protocol| protocol.bit() == bit)
    }

    /// `text` without `/tcp` or `/udp` at its end, and which it was.
    pub(super) fn split(text: &str) -> (&str, Option<Protocol>) {
        let found = Protocol::ALL.into_iter().find_map(|protocol| {
            let rest = text.strip_suffix(protocol.name())?.strip_suffix('/')?;
            Some((rest, protocol))
        });
        found.map_or((text, None), |(rest, protocol)| (rest, Some(protocol)))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kinds of traffic without ports, in kmod/policy's sets.
const OTHER: u16 = 4;

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no destination: {why}; write ADDRESS[/PREFIX][:PORT[-PORT]][/tcp or /udp], with \"any\" for every address")]
pub struct DestinationError {
    text: String,
    why: String,
}

impl ConnectRule {
    /// The module's table per jail.
    pub const MAX: usize = super::policy::CONNECT_RULES;

    pub(super) fn raw(self) -> RawRule {
        let (address, mask, family) = match self.network {
            None => ([0; 16], [0; 16], 0),
            Some((IpAddr::V4(address), prefix)) => (address.to_ipv6_mapped().octets(), mask(96 + prefix), 4),
            Some((IpAddr::V6(address), prefix)) => (address.octets(), mask(prefix), 6),
        };
        let (first_port, last_port) = self.ports.unwrap_or((0, u16::MAX));
        let protocols = match (self.protocol, self.ports) {
            (Some(protocol), _) => protocol.bit(),
            (None, Some(_)) => Protocol::Tcp.bit() | Protocol::Udp.bit(),
            (None, None) => Protocol::Tcp.bit() | Protocol::Udp.bit() | OTHER,
        };
        RawRule { address: words(address), mask: words(mask), first_port, last_port, protocols, family }
    }

    /// `None` for what [`ConnectRule::raw`] never makes.
    pub(super) fn from_raw(raw: &RawRule) -> Option<ConnectRule> {
        let prefix: u32 = raw.mask.iter().map(|word| word.count_ones()).sum();
        let address = Ipv6Addr::from(octets(raw.address));
        let network = match raw.family {
            0 => None,
            4 => Some((IpAddr::V4(address.to_ipv4_mapped()?), u8::try_from(prefix.checked_sub(96)?).ok()?)),
            _ => Some((IpAddr::V6(address), u8::try_from(prefix).ok()?)),
        };
        let ports = (raw.first_port != 0).then_some((raw.first_port, raw.last_port));
        let protocol = Protocol::ALL.into_iter().find(|protocol| raw.protocols == protocol.bit());
        Some(ConnectRule { network, ports, protocol })
    }

    /// Does it let traffic to `to` through? Without a protocol: of one that is neither TCP nor UDP.
    pub fn covers(self, to: SocketAddr, protocol: Option<Protocol>) -> bool {
        super::policy::rule_covers(&self.raw(), &destination(to, protocol))
    }
}

/// A destination in kmod/policy's form. Without a protocol: of one that is neither TCP nor UDP.
pub(super) fn destination(to: SocketAddr, protocol: Option<Protocol>) -> RawDestination {
    RawDestination { address: words(octets_of(to.ip())), port: to.port(), protocol: protocol.map_or(OTHER, Protocol::bit) }
}

/// An address in kmod/policy's form.
pub(super) fn octets_of(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The other way.
pub(super) fn address_of(octets: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(octets).to_canonical()
}

fn mask(prefix: u8) -> [u8; 16] {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0).to_be_bytes()
}

/// As they lie in memory: the module compares them as they come from the network.
pub(super) fn words(octets: [u8; 16]) -> [u32; 4] {
    let word = |i: usize| u32::from_ne_bytes([octets[i], octets[i + 1], octets[i + 2], octets[i + 3]]);
    [word(0), word(4), word(8), word(12)]
}

pub(super) fn octets(words: [u32; 4]) -> [u8; 16] {
    let mut octets = [0; 16];
    for (place, word) in octets.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    octets
}

/// Decimal, without sign or leading zero.
pub(super) fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// `PORT` or `PORT-PORT`, ascending.
pub(super) fn port_range(text: &str) -> Result<(u16, u16), String> {
    let port =
        |text: &str| number(text).filter(|port| *port != 0).ok_or_else(|| format!("{text:?} is not a port from 1 to 65535"));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    if first > last { Err(format!("the range {text} is the wrong way round")) } else { Ok((first, last)) }
}

/// `192.0.2.7` or `[2001:db8::1]` at the beginning of `text`, and what follows.
pub(super) fn leading_address(text: &str) -> Result<(IpAddr, &str), String> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (inside, rest) = bracketed.split_once(']').ok_or("the closing bracket is missing")?;
        let address: Ipv6Addr = inside.parse().map_err(|_| format!("{inside:?} is no IPv6 address"))?;
        return match address.to_ipv4_mapped() {
            Some(v4) => Err(format!("an IPv4 address is written as such, {v4}")),
            None => Ok((IpAddr::V6(address), rest)),
        };
    }
    if text.matches(':').count() > 1 {
        return Err("an IPv6 address is written in brackets".into());
    }
    let end = text.find(['/', ':']).unwrap_or(text.len());
    let (address, rest) = text.split_at(end);
    let address = address.parse().map_err(|_| format!("{address:?} is no IPv4 address; names are not looked up"))?;
    Ok((IpAddr::V4(address), rest))
}

fn network(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)).into()),
    }
}

fn parse(text: &str) -> Result<ConnectRule, String> {
    let (rest, protocol) = Protocol::split(text);
    let (network, rest) = match rest.strip_prefix("any") {
        Some(rest) => (None, rest),
        None => {
            let (address, rest) = leading_address(rest)?;
            let whole = if address.is_ipv4() { 32 } else { 128 };
            let (prefix, rest) = match rest.strip_prefix('/') {
                Some(rest) => {
                    let (prefix, rest) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
                    let bits = number(prefix).and_then(|bits| u8::try_from(bits).ok()).filter(|bits| *bits <= whole);
                    (bits.ok_or_else(|| format!("{prefix:?} is no prefix; use 0 to {whole}"))?, rest)
                }
                None => (whole, rest),
            };
            let network = network(address, prefix);
            if network != address {
                return Err(format!("it has bits behind its prefix; the network is {network}"));
            }
            (Some((network, prefix)), rest)
        }
    };
    let ports = match rest.strip_prefix(':') {
        Some(ports) => Some(port_range(ports)?),
        None if rest.is_empty() => None,
        None => return Err(format!("{rest:?} is one too many")),
    };
    Ok(ConnectRule { network, ports, protocol })
}

impl FromStr for ConnectRule {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        parse(text).map_err(|why| DestinationError { text: text.chars().take(80).collect(), why })
    }
}

impl TryFrom<String> for ConnectRule {
    type Error = DestinationError;

    fn try_from(text: String) -> Result<Self, DestinationError> {
        text.parse()
    }
}

impl From<ConnectRule> for String {
    fn from(rule: ConnectRule) -> String {
        rule.to_string()
    }
}

impl fmt::Display for ConnectRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            None => f.write_str("any")?,
            Some((IpAddr::V4(address), 32)) => write!(f, "{address}")?,
            Some((IpAddr::V4(address), prefix)) => write!(f, "{address}/{prefix}")?,
            Some((IpAddr::V6(address), 128)) => write!(f, "[{address}]")?,
            Some((IpAddr::V6(address), prefix)) => write!(f, "[{address}]/{prefix}")?,
        }
        match self.ports {
            None => {}
            Some((first, last)) if first == last => write!(f, ":{first}")?,
            Some((first, last)) => write!(f, ":{first}-{last}")?,
        }
        self.protocol.map_or(Ok(()), |protocol| write!(f, "/{protocol}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str) -> ConnectRule {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn to(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn destinations_are_read_strictly_and_written_as_they_were_read() {
        for text in [
            "any",
            "any:53/udp",
            "10.0.0.0/8:5432/tcp",
            "[fd00::]/8:443",
            "127.0.0.1:8080",
            "192.0.2.7",
            "[::1]",
            "any/tcp",
            "[2001:db8::1]:8000-8010/udp",
            "0.0.0.0/0",
        ] {
            assert_eq!(rule(text).to_string(), text);
            assert_eq!(ConnectRule::from_raw(&rule(text).raw()), Some(rule(text)), "{text}");
        }
        let wrong = [
            "",
            "anything",
            "any:0",
            "any:70000",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "fd00::1",
            "[fd00::1",
            "[fd00::1]x",
            "localhost:80",
            "[::ffff:10.0.0.1]",
            "any:90-80",
            "any:80-",
            "any/sctp",
            "10.0.0.0/8/tcp/udp",
            "any:+80",
            " any",
            "any:80 ",
            "10.0.0.0/",
            "10.1",
            "any:080",
        ];
        let said: Vec<String> = wrong.iter().map(|text| text.parse::<ConnectRule>().unwrap_err().to_string()).collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_rule_covers_its_network_ports_and_protocol_and_no_other_family() {
        let database = rule("10.0.0.0/8:5432/tcp");
        assert!(database.covers(to("10.255.0.1:5432"), Some(Protocol::Tcp)));
        assert!(database.covers(to("[::ffff:10.1.2.3]:5432"), Some(Protocol::Tcp)), "an IPv4 address in IPv6's clothes");
        for other in ["11.0.0.1:5432", "10.0.0.1:5433", "[::]:5432", "[a00::]:5432"] {
            assert!(!database.covers(to(other), Some(Protocol::Tcp)), "{other}");
        }
        assert!(!database.covers(to("10.0.0.1:5432"), Some(Protocol::Udp)));
        assert!(rule("[::]/0").covers(to("[2001:db8::1]:1"), Some(Protocol::Udp)));
        assert!(!rule("[::]/0").covers(to("10.0.0.1:1"), Some(Protocol::Udp)));
        assert!(!rule("0.0.0.0/0").covers(to("[::1]:1"), Some(Protocol::Udp)));
        assert!(
            rule("any").covers(to("10.0.0.1:1"), Some(Protocol::Udp)) && rule("any").covers(to("[::1]:1"), Some(Protocol::Tcp))
        );
        assert!(rule("10.0.0.1").covers(to("10.0.0.1:0"), None) && rule("any").covers(to("10.0.0.1:0"), None));
        assert!(!rule("10.0.0.1/tcp").covers(to("10.0.0.1:0"), None) && !rule("any:1-65535").covers(to("10.0.0.1:0"), None));
        assert!(rule("any:80-90").covers(to("10.0.0.1:90"), Some(Protocol::Tcp)));
        assert!(!rule("any:80-90").covers(to("10.0.0.1:91"), Some(Protocol::Tcp)));
    }

    proptest! {
        #[test]
        fn the_policy_agrees_with_plain_arithmetic(bits: u32, prefix in 0u8..=32, other: u32, near: bool, port: u16) {
            let at = network(IpAddr::V4(bits.into()), prefix);
            let IpAddr::V4(at_v4) = at else { unreachable!() };
            let rule: ConnectRule = format!("{at}/{prefix}:1-1000").parse().unwrap();
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            let asked = if near { at_v4.to_bits() | (other & !mask) } else { other };
            let model = asked & mask == at_v4.to_bits() && (1..=1000).contains(&port);
            let to = SocketAddr::new(IpAddr::V4(asked.into()), port);
            prop_assert_eq!(rule.covers(to, Some(Protocol::Udp)), model);
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[any0-9a-f:./\\[\\]tcpud-]{0,24}") {
            if let Ok(rule) = text.parse::<ConnectRule>() {
                prop_assert_eq!(rule.to_string().parse::<ConnectRule>().unwrap(), rule);
            }
        }
    }
}
