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

/// The policy's answers about one family: by kind and protocol, and by protocol alone.
#[derive(PartialEq)]
struct Answers {
    rights: Vec<[Option<Right>; LAST_PROTOCOL as usize + 1]>,
    /// What of a right would do.
    parts: Vec<Option<Right>>,
    /// By kind: are they of the internet's families, as the kernel takes them?
    inet: Vec<bool>,
}

impl Answers {
    /// The registers taken as the kernel takes them.
    fn about(family: u32) -> Answers {
        let taken = || (0..=KIND_MASK).map(|kind| as_the_kernel(family, kind));
        let is_inet = |(family, _)| matches!(family as i32, libc::AF_INET | libc::AF_INET6);
        // A part is granted whatever the kind.
        let part = |protocol| part_of(Action::Socket { family, kind: 0, protocol });
        Answers {
            rights: taken().map(|(family, kind)| rights_of_sockets(family, kind)).collect(),
            parts: (0..=LAST_PROTOCOL).map(part).collect(),
            inet: taken().map(is_inet).collect(),
        }
    }

    /// By run of families of which the same is said: of most the policy knows nothing, and half a million answers would have
    /// to be looked through else.
    fn of_all() -> Vec<(Run, Answers)> {
        runs(LAST_FAMILY, Answers::about)
    }

    fn refusals(&self, rights: RightSet) -> Refusals {
        let connect: Right = "connect".parse().expect("a right of the table");
        let connects = rights.holds(connect);
        let mut refusals = Refusals::new();
        for (kind, (needed, inet)) in (0_u32..).zip(self.rights.iter().zip(&self.inet)) {
            let limited = *inet && !connects;
            let is_refused = |protocol: u32| {
                let place = protocol as usize;
                let right = self.parts[place].filter(|part| rights.contains(*part)).or(needed[place]);
                right.is_some_and(|right| !rights.holds(right)) || limited && leads_past_the_programs(kind, protocol)
            };
            for (run, refused) in runs(LAST_PROTOCOL, is_refused) {
                if refused {
                    refusals.entry(run).or_default().insert(kind);
                }
            }
        }
        refusals
    }
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
        let answers = Answers::of_all();
        let rights = answers.iter().flat_map(|(_, answers)| answers.rights.iter().flatten().flatten());
        rights.fold(RightSet::EMPTY, |all, right| all.with(*right))
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
    let mut by_run: Vec<(Run, Refusals)> = Vec::new();
    for ((first, last), answers) in Answers::of_all() {
        let refusals = answers.refusals(rights);
        match by_run.last_mut() {
            Some((run, same)) if *same == refusals => run.1 = last,
            _ => by_run.push(((first, last), refusals)),
        }
    }
    for (families, refusals) in by_run {
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
fn leads_past_the_programs(kind: u32, protocol: u32) -> bool {
    const ASKED: [i32; 4] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_UDPLITE];
    kind == libc::SOCK_RAW as u32 || !ASKED.contains(&(protocol as i32))
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
