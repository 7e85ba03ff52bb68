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

/// What a policy makes of a trail: those that would be denied first, the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replay {
    pub denied: u64,
    pub audited: u64,
    pub allowed: u64,
    pub uses: Vec<Judged>,
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

/// Every entry by the right it turned on. A fence is denied whatever the policy is.
pub fn replay(trail: &[Entry], policy: &Policy) -> Replay {
    let mut uses: BTreeMap<Kind<'_>, u64> = BTreeMap::new();
    let (mut denied, mut audited, mut allowed) = (0, 0, 0);
    for entry in trail {
        let (now, sum) = match policy.judge(entry.narrowest()) {
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
    uses.sort_by_key(|one| (one.now, std::cmp::Reverse(one.count)));
    Replay { denied, audited, allowed, uses }
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

    /// `12 uses: 3 denied, 0 audited, 9 allowed`.
    pub fn summary(&self) -> String {
        let Replay { denied, audited, allowed, .. } = self;
        format!("{} uses: {denied} denied, {audited} audited, {allowed} allowed", denied + audited + allowed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jail::spec::Profile;
    use crate::kernel::{Jid, Level};
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

    proptest! {
        #[test]
        fn counts_add_up_and_a_wider_profile_denies_no_more(
            uses in prop::collection::vec((0..Right::count(), 1_u64..9), 0..20), held in any::<u64>(), more in any::<u64>(),
        ) {
            let trail: Vec<Entry> = uses.iter().map(|(at, count)| entry(Right::from_index(*at as u32).unwrap(), "sh", *count)).collect();
            let policy = |mask| Policy::new(crate::kernel::RightSet::from_mask(mask), Vec::new());
            let (narrow, wide) = (replay(&trail, &policy(held)), replay(&trail, &policy(held | more)));
            let sum = |one: &Replay| one.denied + one.audited + one.allowed;
            prop_assert_eq!(sum(&narrow), uses.iter().map(|(_, count)| count).sum::<u64>());
            prop_assert_eq!(sum(&narrow), narrow.uses.iter().map(|one| one.count).sum::<u64>());
            prop_assert!(wide.denied <= narrow.denied);
        }
    }
}
