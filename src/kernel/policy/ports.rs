//! `kmod/policy/ports.h`: whose a port is, and where a jail may connect to.

use std::mem::size_of;

use super::Right;

mod ffi {
    use std::ffi::{c_int, c_uint};

    use super::{RawDestination, RawReservation, RawRule};

    // SAFETY: kmod/policy/policy.c, compiled by build.rs, defines these with exactly these types; all are pure and
    // total: any argument value is fine.
    unsafe extern "C" {
        pub safe fn jail_policy_may_bind(actor: c_uint, owner: c_uint) -> c_int;
        pub safe fn jail_policy_reserves(reserved: &RawReservation, at: &RawDestination) -> c_int;
        pub safe fn jail_policy_overlap(one: &RawReservation, other: &RawReservation) -> c_int;
        pub safe fn jail_policy_is_reservation(reserved: &RawReservation) -> c_int;
        pub safe fn jail_policy_rule_covers(rule: &RawRule, to: &RawDestination) -> c_int;
        pub safe fn jail_policy_is_here(to: &RawDestination) -> c_int;
        pub safe fn jail_policy_reaching(actor: c_uint, owner: c_uint) -> c_uint;
    }
}

/// `struct jp_connect_rule`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RawRule {
    pub address: [u32; 4],
    pub mask: [u32; 4],
    pub first_port: u16,
    pub last_port: u16,
    pub protocols: u16,
    pub family: u16,
}
const _: () = assert!(size_of::<RawRule>() == 40);

/// How many a jail can have, `JP_CONNECT_RULES`.
pub const CONNECT_RULES: usize = 32;

/// `struct jp_reservation`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RawReservation {
    pub address: [u32; 4],
    pub first_port: u16,
    pub last_port: u16,
    pub protocols: u16,
    pub family: u16,
}
const _: () = assert!(size_of::<RawReservation>() == 24);

/// How many a jail can have, `JP_RESERVATIONS`.
pub const RESERVATIONS: usize = 32;
/// How many ports by all of them, `JP_RESERVED_PORTS`.
pub const RESERVED_PORTS: usize = 1024;

/// `struct jp_destination`: where something is sent, or what is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct RawDestination {
    pub address: [u32; 4],
    pub port: u16,
    pub protocol: u16,
}

/// May `actor` bind what `owner` reserved (0: nobody)?
pub fn may_bind(actor: u32, owner: u32) -> bool {
    ffi::jail_policy_may_bind(actor, owner) != 0
}

/// Is this what the reservation keeps for its owner?
pub fn reserves(reserved: &RawReservation, at: &RawDestination) -> bool {
    ffi::jail_policy_reserves(reserved, at) != 0
}

/// Can only one of two owners have these?
pub fn overlap(one: &RawReservation, other: &RawReservation) -> bool {
    ffi::jail_policy_overlap(one, other) != 0
}

/// Would the module take it for a reservation?
pub fn is_reservation(reserved: &RawReservation) -> bool {
    ffi::jail_policy_is_reservation(reserved) != 0
}

/// Does the rule let traffic to there through?
pub fn rule_covers(rule: &RawRule, to: &RawDestination) -> bool {
    ffi::jail_policy_rule_covers(rule, to) != 0
}

/// Does the address lead to this machine wherever it is asked from?
pub fn is_here(to: &RawDestination) -> bool {
    ffi::jail_policy_is_here(to) != 0
}

/// The right that reaching a port of this machine takes which `owner` reserved (0: nobody).
pub fn right_of_reaching(actor: u32, owner: u32) -> Option<Right> {
    Right::from_index(ffi::jail_policy_reaching(actor, owner))
}
