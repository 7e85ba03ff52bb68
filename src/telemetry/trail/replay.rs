//! A trail judged again under another policy: what would be denied now, what no longer. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Entry, Outcome};
use crate::kernel::{Policy, Right, Verdict};
use crate::telemetry::{Column, Table, Value};

/// Equal uses of a right, and what would become of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    pub right: Right,
    pub object: Option<String>,
    pub command: String,
    pub jail: String,
    /// How often.
    pub count: u64,
    pub then: Outcome,
    pub now: Outcome,
}

impl Judged {
    /// Was it let through then, and would be denied?
    pub fn is_newly_denied(&self) -> bool {
        self.now == Outcome::Denied && self.then != Outcome::Denied
    }
}

/// What a policy makes of a trail: those that would be denied and were not first, then those that were as well, then the
/// others; of each the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// All that would be.
    pub denied: u64,
    /// Those of them that were let through.
    pub newly_denied: u64,
    pub audited: u64,
    pub allowed: u64,
    pub uses: Vec<Judged>,
    /// What the policy holds and the trail has no use of. It has none of what was held then, unless the jail was learned
    /// from.
    pub unused: Vec<Right>,
}

/// Uses that are told as one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'a> {
    now: Outcome,
    right: Right,
    command: &'a str,
    object: &'a Option<String>,
    jail: &'a str,
    then: Outcome,
}

/// Every entry by the right it turned on, or a rule for where it went. A fence is denied whatever the policy is; which ports
/// of this machine are other jails' a trail does not tell.
pub fn replay(trail: &[Entry], policy: &Policy) -> Replay {
    let mut uses: BTreeMap<Kind<'_>, u64> = BTreeMap::new();
    let (mut denied, mut audited, mut allowed) = (0, 0, 0);
    for entry in trail {
        let (now, sum) = match verdict(entry, policy) {
            Verdict::Refused => (Outcome::Denied, &mut denied),
            Verdict::Told => (Outcome::Audited, &mut audited),
            Verdict::Allowed => (Outcome::Allowed, &mut allowed),
        };
        *sum += entry.count;
        let Entry { object, command, jail, verdict, .. } = entry;
        let right = entry.narrowest();
        *uses.entry(Kind { now, right, command, object, jail, then: *verdict }).or_default() += entry.count;
    }
    let judged = |(kind, count): (Kind<'_>, u64)| {
        let Kind { now, right, command, object, jail, then } = kind;
        Judged { right, object: object.clone(), command: command.into(), jail: jail.into(), count, then, now }
    };
    let mut uses: Vec<Judged> = uses.into_iter().map(judged).collect();
    uses.sort_by_key(|one| (one.now, !one.is_newly_denied(), std::cmp::Reverse(one.count)));
    let newly_denied = uses.iter().filter(|one| one.is_newly_denied()).map(|one| one.count).sum();
    let is_used = |held: Right| uses.iter().any(|one| one.right == held || one.right.whole() == held);
    let unused = policy.rights.iter().filter(|held| !is_used(*held)).collect();
    Replay { denied, newly_denied, audited, allowed, uses, unused }
}

/// As the kernel would: a destination that is listed asks for no right.
fn verdict(entry: &Entry, policy: &Policy) -> Verdict {
    let is_listed = |(to, protocol)| policy.connect.iter().any(|rule| rule.covers(to, protocol));
    if entry.destination().is_some_and(is_listed) { Verdict::Allowed } else { policy.judge(entry.narrowest()) }
}

const COLUMNS: [Column; 7] = [
    Column::new("NOW", 8),
    Column::new("THEN", 8),
    Column::new("COUNT", 6),
    Column::new("RIGHT", 16),
    Column::new("COMMAND", 15),
    Column::new("OBJECT", 0),
    Column::verbose("JAIL", 0),
];

impl Replay {
    pub fn table(&self) -> Table {
        let row = |one: &Judged| {
            vec![
                Value::text(one.now.name()),
                Value::text(one.then.name()),
                Value::Number(one.count),
                Value::text(one.right),
                Value::text(&one.command),
                Value::maybe(one.object.as_ref()),
                Value::text(&one.jail),
            ]
        };
        Table::new(&COLUMNS, self.uses.iter().map(row).collect())
    }

    /// `12 uses: 1 newly denied, 2 denied as before, 0 audited, 9 allowed`, and a line of what is held and was not used.
    pub fn summary(&self) -> String {
        let Replay { denied, newly_denied, audited, allowed, .. } = self;
        let (all, before) = (denied + audited + allowed, denied - newly_denied);
        let counts =
            format!("{all} uses: {newly_denied} newly denied, {before} denied as before, {audited} audited, {allowed} allowed");
        let unused: Vec<&str> = self.unused.iter().map(|right| right.name()).collect();
        if unused.is_empty() { counts } else { format!("{counts}\ngranted, and not in this trail: {}", unused.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jail::spec::Profile;
    use crate::kernel::{Jid, Level, RightSet};
    use crate::telemetry::Format;

    fn entry(right: Right, command: &str, count: u64) -> Entry {
        Entry {
            time: "2026-11-23T22:15:59.007Z".into(),
            jail: "web".into(),
            jid: Jid::new(3).unwrap(),
            verdict: Outcome::Denied,
            right,
            object: Some("socket inet raw icmp".into()),
            pid: 812,
            command: command.into(),
            count,
            lost: 0,
        }
    }

    fn right(name: &str) -> Right {
        name.parse().unwrap()
    }

    #[test]
    fn each_use_is_told_with_what_became_and_would_become_of_it() {
        let trail = [
            entry(right("ping"), "ping", 3),
            entry(right("mount"), "mo\u{1b}unt", 1),
            entry(right("ping"), "ping", 4),
            entry(right("chroot"), "sshd", 1),
            entry(right("process_see"), "ps", 9),
        ];
        let profile = Profile::built_in(Level::High).with(right("ping"), None).auditing(right("chroot"), None);
        let replay = replay(&trail, &profile.policy(Vec::new()));
        insta::assert_snapshot!(format!("{}{}", replay.table().render(Format::Text, false), replay.summary()));
    }

    #[test]
    fn a_destination_that_a_rule_lists_is_allowed_and_no_other() {
        let to = |place: &str| Entry { object: Some(format!("to {place}")), ..entry(right("connect"), "app", 1) };
        let places =
            ["10.1.2.3:5432/tcp", "10.1.2.3:5432/udp", "[fd00::7]:53/udp", "10.9.9.9", "192.0.2.7", "192.0.2.7:80/tcp", "?"];
        let trail: Vec<Entry> = places.into_iter().map(to).collect();
        let connect = ["10.1.0.0/16:5432/tcp", "[fd00::]/8:53", "192.0.2.7", "10.9.9.9/tcp"].map(|rule| rule.parse().unwrap());
        let policy = Policy { connect: connect.to_vec(), ..Policy::default() };
        let allowed = |policy: &Policy| -> Vec<String> {
            let uses = replay(&trail, policy).uses.into_iter().filter(|one| one.now == Outcome::Allowed);
            uses.map(|one| one.object.unwrap()).collect()
        };
        let listed = ["to 10.1.2.3:5432/tcp", "to 192.0.2.7", "to 192.0.2.7:80/tcp", "to [fd00::7]:53/udp"];
        assert_eq!(allowed(&policy), listed);
        let told = Policy { audited: RightSet::EMPTY.with(right("connect")), ..policy.clone() };
        assert_eq!((allowed(&told), replay(&trail, &told).audited), (listed.map(str::to_owned).to_vec(), 3));
        let anywhere = Policy::new(RightSet::EMPTY.with(right("connect")), Vec::new());
        assert_eq!(allowed(&anywhere).len(), places.len());
        // Of another right an object that looks like one says nothing.
        let other = [Entry { right: right("loopback_foreign"), ..to("10.1.2.3:5432/tcp") }];
        assert_eq!(replay(&other, &policy).denied, 1);
    }

    #[test]
    fn what_was_denied_then_is_told_apart_and_so_is_what_is_held_for_nothing() {
        let trail = [
            entry(right("mount"), "mount", 9),
            Entry { verdict: Outcome::Audited, ..entry(right("ping"), "ping", 2) },
            Entry { verdict: Outcome::Audited, ..entry(right("mount"), "mount", 1) },
            Entry { object: Some("device 10:232".into()), ..entry(right("device"), "qemu", 1) },
        ];
        let held = ["device:kvm", "device:fuse", "chroot", "netlink"].map(right).into_iter().collect();
        let replay = replay(&trail, &Policy::new(held, Vec::new()));
        assert_eq!((replay.denied, replay.newly_denied, replay.allowed), (12, 3, 1));
        assert_eq!(replay.uses.iter().map(Judged::is_newly_denied).collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!(replay.unused, ["chroot", "netlink", "device:fuse"].map(right));
        assert_eq!(
            replay.summary(),
            "13 uses: 3 newly denied, 9 denied as before, 0 audited, 1 allowed\ngranted, and not in this trail: chroot, netlink, device:fuse"
        );
    }

    proptest! {
        #[test]
        fn counts_add_up_and_a_wider_profile_denies_no_more(
            uses in prop::collection::vec((0..Right::count(), 1_u64..9), 0..20), held in any::<u64>(), more in any::<u64>(),
        ) {
            let trail: Vec<Entry> = uses.iter().map(|(at, count)| entry(Right::from_index(*at as u32).unwrap(), "sh", *count)).collect();
            let policy = |mask| Policy::new(RightSet::from_mask(mask), Vec::new());
            let (narrow, wide) = (replay(&trail, &policy(held)), replay(&trail, &policy(held | more)));
            let sum = |one: &Replay| one.denied + one.audited + one.allowed;
            prop_assert_eq!(sum(&narrow), uses.iter().map(|(_, count)| count).sum::<u64>());
            prop_assert_eq!(sum(&narrow), narrow.uses.iter().map(|one| one.count).sum::<u64>());
            prop_assert!(wide.denied <= narrow.denied);
            // All were denied then.
            prop_assert_eq!(narrow.newly_denied, 0);
            prop_assert!(narrow.unused.iter().all(|right| RightSet::from_mask(held).holds(*right)));
        }
    }
}
