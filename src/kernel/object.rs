//! What a denial was about, as a kernel body tells it.

use std::net::IpAddr;

use super::connect::{Protocol, address_of};

/// An object that an action was on; the right says which action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Object {
    /// The kernel does not tell.
    #[default]
    Nothing,
    /// By its pid.
    Process(u32),
    /// What was to be bound. The unspecified address of IPv6 also stands for every one of both families; without a protocol it
    /// is one that is neither TCP nor UDP.
    Port {
        address: IpAddr,
        port: u16,
        protocol: Option<Protocol>,
    },
    /// Number of capabilities(7).
    Capability(u32),
    Device {
        major: u32,
        minor: u32,
    },
    /// Numbers of socket(2).
    Socket {
        family: u16,
        kind: u16,
        protocol: u16,
    },
    /// The magic number of its file system (include/uapi/linux/magic.h).
    File(u32),
    /// A descriptor that was handed over; the file's mode.
    Descriptor(u32),
    /// Where something was to be sent. Without a protocol it is one that has no ports.
    Destination {
        address: IpAddr,
        port: u16,
        protocol: Option<Protocol>,
    },
}

/// Bits of a device's number that are the minor one, inside the kernel (include/linux/kdev_t.h).
const MINOR_BITS: u32 = 20;
/// Where kmod/linux/abi.h has the kind (`JAIL_ABOUT_SHIFT`).
const KIND_SHIFT: u32 = 56;

impl Object {
    /// The module's encoding (`enum jail_object` of kmod/linux/abi.h), and the address if it is about one. A kind that is not
    /// known tells nothing.
    pub fn from_raw(raw: u64, address: [u8; 16]) -> Object {
        let value = raw as u32;
        match raw >> KIND_SHIFT {
            1 => Object::Process(value),
            2 => Object::Port {
                address: address_of(address),
                port: value as u16,
                protocol: Protocol::from_bit((value >> 16) as u16),
            },
            3 => Object::Capability(value),
            4 => Object::Device { major: value >> MINOR_BITS, minor: value & ((1 << MINOR_BITS) - 1) },
            5 => Object::Socket { family: value as u16, kind: (value >> 16) as u16, protocol: (raw >> 32) as u16 },
            6 => Object::File(value),
            7 => Object::Descriptor(value),
            8 => Object::Destination {
                address: address_of(address),
                port: value as u16,
                protocol: Protocol::from_bit((value >> 16) as u16),
            },
            _ => Object::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn kinds_and_values_are_those_of_the_module() {
        let abi = include_str!("../../kmod/linux/abi.h");
        let (_, rest) = abi.split_once("enum jail_object {").unwrap();
        let (list, _) = rest.split_once('}').unwrap();
        let kinds: Vec<&str> = list.lines().filter_map(|line| line.trim().strip_prefix("JAIL_ABOUT_")).collect();
        let word = |line: &&str| line.split([',', ' ']).next().unwrap_or_default().to_lowercase();
        let known: Vec<String> = (0..kinds.len() as u64)
            .map(|kind| format!("{:?}", Object::from_raw(kind << KIND_SHIFT, [0; 16])))
            .map(|debug| debug.split(['(', ' ']).next().unwrap_or_default().to_lowercase())
            .collect();
        assert_eq!(kinds.iter().map(word).collect::<Vec<_>>(), known);
        assert_eq!(Object::from_raw((kinds.len() as u64) << KIND_SHIFT, [0; 16]), Object::Nothing);
        assert!(abi.contains(&format!("#define JAIL_ABOUT_SHIFT {KIND_SHIFT}")));
        assert_eq!(Object::from_raw((4 << KIND_SHIFT) | (8 << 20) | 1, [0; 16]), Object::Device { major: 8, minor: 1 });
        let socket = (5 << KIND_SHIFT) | (58 << 32) | (3 << 16) | 10;
        assert_eq!(Object::from_raw(socket, [0; 16]), Object::Socket { family: 10, kind: 3, protocol: 58 });
        let mapped = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets();
        let to = Object::Destination { address: Ipv4Addr::new(192, 0, 2, 7).into(), port: 443, protocol: Some(Protocol::Tcp) };
        assert_eq!(Object::from_raw((8 << KIND_SHIFT) | (1 << 16) | 443, mapped), to);
    }
}
