//! Which sockets a jail may not make, as few comparisons of registers: the policy asked about every kind there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::calls::{Argument, Compare};
use crate::kernel::policy::{Action, part_of, rights_of_sockets};
use crate::kernel::{Right, RightSet};

/// Families asked about one by one; those beyond are as unknown to the policy as the last of these.
const LAST_FAMILY: u32 = 64;
/// Likewise protocols.
const LAST_PROTOCOL: u32 = 511;
/// The bits of socket(2)'s type that are the kind; the others are flags (SOCK_TYPE_MASK of the kernel's net.h).
const KIND_MASK: u32 = 0xf;
/// socket(2)'s SOCK_PACKET.
const OLD_PACKET: u32 = 10;

/// Registers of socket(2) and socketpair(2).
const FAMILY: u8 = 0;
const KIND: u8 = 1;
const PROTOCOL: u8 = 2;

/// The rights that making such sockets takes, by protocol, the registers taken as the kernel takes them.
fn rights_for(family: u32, kind: u32) -> [Option<Right>; LAST_PROTOCOL as usize + 1] {
    let (family, kind) = as_the_kernel(family, kind);
    rights_of_sockets(family, kind)
}

fn as_the_kernel(family: u32, kind: u32) -> (u32, u32) {
    let kind = kind & KIND_MASK;
    // __sock_create() of the kernel: the way packet sockets were asked for before they had a family.
    let old_packet = family == libc::AF_INET as u32 && kind == OLD_PACKET;
    (if old_packet { libc::AF_PACKET as u32 } else { family }, kind)
}

/// The right that making this one socket takes.
#[cfg(test)]
pub fn right_for(family: u32, kind: u32, protocol: u32) -> Option<Right> {
    use crate::kernel::policy::right_of;
    let (family, kind) = as_the_kernel(family, kind);
    right_of(Action::Socket { family, kind, protocol })
}

/// Does making some socket take this right?
pub fn are_about(right: Right) -> bool {
    static ALL: OnceLock<RightSet> = OnceLock::new();
    let all = || {
        let kinds = (0..=LAST_FAMILY).flat_map(|family| (0..=KIND_MASK).map(move |kind| (family, kind)));
        kinds.flat_map(|(family, kind)| rights_for(family, kind)).flatten().fold(RightSet::EMPTY, RightSet::with)
    };
    ALL.get_or_init(all).contains(right)
}

/// First and last of neighbours that are treated alike.
type Run = (u32, u32);

/// What is refused of one family: the kinds by run of protocols.
type Refusals = BTreeMap<Run, BTreeSet<u32>>;

/// The sockets that are refused: any whose registers meet all conditions of one of these.
pub fn refused(rights: RightSet) -> Vec<Vec<Argument>> {
    let mut rules = Vec::new();
    for (families, refusals) in runs(LAST_FAMILY, |family| refusals(rights, family)) {
        for (protocols, kinds) in refusals {
            for kind in cubes(kinds) {
                rules.push([range(FAMILY, families, LAST_FAMILY), kind, range(PROTOCOL, protocols, LAST_PROTOCOL)].concat());
            }
        }
    }
    rules
}

/// The kernel asks the programs about destinations when a TCP or UDP socket connects or sends, not about other ones of these
/// families, and not for certain about MPTCP: a jail without the right `connect` has none.
fn leads_past_the_programs(family: u32, kind: u32, protocol: u32) -> bool {
    const ASKED: [i32; 4] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_UDPLITE];
    let (family, _) = as_the_kernel(family, kind);
    let is_raw = kind & KIND_MASK == libc::SOCK_RAW as u32;
    matches!(family as i32, libc::AF_INET | libc::AF_INET6) && (is_raw || !ASKED.contains(&(protocol as i32)))
}

fn refusals(rights: RightSet, family: u32) -> Refusals {
    let connect: Right = "connect".parse().expect("a right of the table");
    let mut refusals = Refusals::new();
    for kind in 0..=KIND_MASK {
        let rights_by_protocol = rights_for(family, kind);
        let limited = |protocol| leads_past_the_programs(family, kind, protocol);
        let needed = |protocol| {
            let part = part_of(Action::Socket { family, kind, protocol }).filter(|part| rights.contains(*part));
            part.or(rights_by_protocol[protocol as usize])
        };
        let rights_by_run = runs(LAST_PROTOCOL, |protocol| (needed(protocol), limited(protocol)));
        let mut open: Option<Run> = None;
        for ((first, last), (right, leads_past)) in rights_by_run {
            let refused = right.is_some_and(|right| !rights.holds(right)) || leads_past && !rights.holds(connect);
            open = match (refused, open) {
                (true, Some((start, _))) => Some((start, last)),
                (true, None) => Some((first, last)),
                (false, Some(run)) => {
                    refusals.entry(run).or_default().insert(kind);
                    None
                }
                (false, None) => None,
            };
        }
        if let Some(run) = open {
            refusals.entry(run).or_default().insert(kind);
        }
    }
    refusals
}

/// The numbers from 0 on, put together where the answer is the same.
fn runs<T: PartialEq>(last: u32, answer: impl Fn(u32) -> T) -> Vec<(Run, T)> {
    let mut runs: Vec<(Run, T)> = Vec::new();
    for number in 0..=last {
        let answer = answer(number);
        match runs.last_mut() {
            Some((run, same)) if *same == answer => run.1 = number,
            _ => runs.push(((number, number), answer)),
        }
    }
    runs
}

/// A run as conditions; one that ends at the last number asked about goes on for ever.
fn range(index: u8, (first, last): Run, end: u32) -> Vec<Argument> {
    let argument = |compare| Argument { index, compare };
    if first == last && last < end {
        return vec![argument(Compare::Is(first))];
    }
    let lower = (first > 0).then(|| argument(Compare::AtLeast(first)));
    let upper = (last < end).then(|| argument(Compare::AtMost(last)));
    lower.into_iter().chain(upper).collect()
}

/// A set of kinds as conditions on single bits: a range cannot be asked of a register that has flags beside it.
fn cubes(mut kinds: BTreeSet<u32>) -> Vec<Vec<Argument>> {
    let members = |mask: u32, value: u32| (0..=KIND_MASK).filter(move |kind| kind & mask == value);
    let whole = kinds.clone();
    let mut cubes = Vec::new();
    while let Some(kind) = kinds.first().copied() {
        // The fewest bits that tell this kind and only kinds of the set.
        let mask = (0..=KIND_MASK)
            .filter(|mask| members(*mask, kind & mask).all(|member| whole.contains(&member)))
            .min_by_key(|mask| mask.count_ones())
            .unwrap_or(KIND_MASK);
        kinds.retain(|member| member & mask != kind & mask);
        let condition = Argument { index: KIND, compare: Compare::Bits { mask, value: kind & mask } };
        cubes.push(if mask == 0 { Vec::new() } else { vec![condition] });
    }
    cubes
}
