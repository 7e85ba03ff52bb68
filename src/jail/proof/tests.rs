//! The policy's judgement of examples; the real one is in tests/proof.rs.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jail::spec::probe::FEATS;
use crate::kernel::Level;

fn judged(tree: serde_json::Value) -> Vec<String> {
    let findings = judge(&Profile::parse("profile", &tree).unwrap());
    let line = |finding: &Finding| {
        let right = finding.right.map_or("-", Right::name);
        format!("{} {:?} {:?} {right}", finding.example, finding.expected, finding.got)
    };
    findings.iter().map(line).collect()
}

#[test]
fn each_example_is_judged_by_the_right_that_decides_it() {
    let found = judged(json!({
        "base": "high", "grant": ["ping"],
        "must_allow": ["ping", "bind 80", "open /etc/passwd", "bind 8080", "ptrace"],
        "must_deny": ["mount", "open /dev/sda", "see host", "raw_socket", "write /proc/sys/kernel/hostname"],
    }));
    assert_eq!(
        found,
        [
            "ping Allowed Allowed ping",
            "bind 80 Allowed Allowed privileged_port",
            "open /etc/passwd Allowed Allowed -",
            "bind 8080 Allowed Allowed -",
            "ptrace Allowed Denied ptrace",
            "mount Denied Denied mount",
            "open /dev/sda Denied Denied device",
            "see host Denied Denied process_see",
            "raw_socket Denied Denied raw_socket",
            "write /proc/sys/kernel/hostname Denied Denied sysctl_write",
        ]
    );
}

#[test]
fn no_profile_reaches_the_host() {
    for level in Level::ALL {
        for feat in FEATS.iter().filter(|feat| feat.name.ends_with(" host")) {
            let findings = judge(&Profile { must_deny: vec![feat.name.parse().unwrap()], ..Profile::built_in(level) });
            assert!(findings[0].is_met(), "{level:?} {}", feat.name);
        }
    }
}

proptest! {
    #[test]
    fn a_right_as_such_is_judged_by_whether_it_is_held(mask in any::<u64>(), index in 0..Right::count()) {
        let held: Vec<Right> = Right::all().filter(|right| !right.is_fence() && mask >> right.index() & 1 == 1).collect();
        let right = Right::from_index(index as u32).unwrap();
        let start = Profile { must_allow: vec![Example::Right(right)], ..Profile::built_in(Level::High) };
        let profile = held.iter().fold(start, |profile, right| profile.with(*right, None));
        let findings = judge(&profile);
        prop_assert_eq!(findings[0].is_met(), profile.rights().holds(right));
        prop_assert_eq!(findings[0].got == Expected::Denied, findings[0].right == Some(right) && !profile.rights().holds(right));
    }
}
