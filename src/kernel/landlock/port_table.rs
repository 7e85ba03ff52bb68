//! The table of kmod/linux/port_table.h, as it is for all jails at once. Pure.

use std::collections::BTreeMap;
use std::mem::size_of;

use crate::kernel::Reservation;
use crate::kernel::bpf::Abi;
use crate::kernel::policy::RawReservation;

/// Kinds of entries.
const OF_EVERY_ADDRESS: u32 = 0;
const OF_AN_ADDRESS: u32 = 1;
const OF_AN_OWNER: u32 = 2;

/// `struct port_key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct PortKey {
    pub port: u32,
    kind: u32,
    address: [u32; 4],
}
// SAFETY: repr(C), integers of one size.
unsafe impl Abi for PortKey {}
const _: () = assert!(size_of::<PortKey>() == 24);

/// `struct port_owner`. The generations mean nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct PortOwner {
    owner: [u64; 2],
    narrow: [[u32; 2]; 2],
    generations: [u32; 4],
}
// SAFETY: repr(C), integers, the larger ones first: no padding, as the assertion says.
unsafe impl Abi for PortOwner {}
const _: () = assert!(size_of::<PortOwner>() == 48);

impl PortKey {
    fn of_every_address(port: u16) -> PortKey {
        PortKey { port: port.into(), kind: OF_EVERY_ADDRESS, address: [0; 4] }
    }

    fn of_an_owner(port: u16, group: u64) -> PortKey {
        PortKey { port: port.into(), kind: OF_AN_OWNER, address: [group as u32, (group >> 32) as u32, 0, 0] }
    }

    /// Does it say how much of the port an owner has? Without it the owner is refused what it may, but nobody is let through.
    pub fn is_of_an_owner(self) -> bool {
        self.kind == OF_AN_OWNER
    }
}

impl PortOwner {
    /// This and what more is reserved.
    pub fn with(self, more: PortOwner) -> PortOwner {
        let mut sum = self;
        for place in 0..2 {
            if more.owner[place] != 0 {
                sum.owner[place] = more.owner[place];
            }
            for family in 0..2 {
                sum.narrow[place][family] = self.narrow[place][family].saturating_add(more.narrow[place][family]);
            }
        }
        sum
    }

    /// This but what is reserved no more.
    pub fn without(self, less: PortOwner) -> PortOwner {
        let mut rest = self;
        for place in 0..2 {
            if self.owner[place] == less.owner[place] {
                rest.owner[place] = 0;
            }
            for family in 0..2 {
                rest.narrow[place][family] = self.narrow[place][family].saturating_sub(less.narrow[place][family]);
            }
        }
        rest
    }

    pub fn is_empty(self) -> bool {
        self == PortOwner::default()
    }
}

/// Entries by their keys.
pub type Entries = BTreeMap<PortKey, PortOwner>;

/// What groups reserve, no two of which overlap: what is everybody's to see, and what owners have of their own.
pub fn entries(reserved: &[(u64, Reservation)]) -> (Entries, Entries) {
    let mut table = Entries::new();
    for (group, reservation) in reserved {
        let raw = reservation.raw();
        for port in reservation.numbers() {
            claim(&mut table, *group, port, &raw);
        }
    }
    table.into_iter().partition(|(key, _)| !key.is_of_an_owner())
}

fn claim(table: &mut Entries, group: u64, port: u16, raw: &RawReservation) {
    let all = PortKey::of_every_address(port);
    table.entry(all).or_default();
    for place in (0..2).filter(|place| raw.protocols >> place & 1 == 1) {
        let key = match raw.family {
            0 => all,
            family => {
                for counted in [all, PortKey::of_an_owner(port, group)] {
                    table.entry(counted).or_default().narrow[place][usize::from(family == 6)] += 1;
                }
                PortKey { port: port.into(), kind: OF_AN_ADDRESS, address: raw.address }
            }
        };
        table.entry(key).or_default().owner[place] = group;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reservation(text: &str) -> Reservation {
        text.parse().unwrap()
    }

    /// None overlap.
    const ALL: [&str; 9] = [
        "80",
        "53/udp",
        "127.0.0.1:53/tcp",
        "127.0.0.2:53/tcp",
        "[::1]:53/tcp",
        "[::1]:54",
        "127.0.0.1:54/udp",
        "60-63/tcp",
        "61/udp",
    ];

    proptest! {
        /// Whatever comes and goes, the table is as if it had been made of what is left.
        #[test]
        fn what_comes_and_goes_leaves_what_is_reserved(deeds in proptest::collection::vec((0..ALL.len(), 1_u64..4), 0..40)) {
            let (mut table, mut held) = (Entries::new(), Vec::new());
            for (which, group) in deeds {
                let wanted = reservation(ALL[which]);
                let is_held = held.iter().position(|(_, other)| *other == wanted);
                let one = is_held.map_or((group, wanted), |at| held.remove(at));
                let (others, own) = entries(&[one]);
                for (key, delta) in others.into_iter().chain(own) {
                    let before = table.get(&key).copied().unwrap_or_default();
                    let after = if is_held.is_some() { before.without(delta) } else { before.with(delta) };
                    match after.is_empty() {
                        true => table.remove(&key),
                        false => table.insert(key, after),
                    };
                }
                if is_held.is_none() {
                    held.push(one);
                }
            }
            let (others, own) = entries(&held);
            prop_assert_eq!(table, others.into_iter().chain(own).collect::<Entries>());
        }
    }
}
