//! The laws of the algebra over random profiles, and what people see of it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jail::Spec;
use crate::jail::spec::way_past;
use crate::kernel::Verdict;

fn rights() -> impl Strategy<Value = Right> {
    let all: Vec<Right> = Right::all().filter(|right| !right.is_fence()).collect();
    prop::sample::select(all)
}

fn reasons() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-z]{1,3}( [a-z\"=]{1,3})?")
}

fn examples() -> impl Strategy<Value = Vec<Example>> {
    let words = ["ping", "bind 80", "mount", "open /dev/sda", "ptrace", "write /proc/sys/kernel/hostname", "audit_write"];
    let example = prop::sample::select(words.to_vec()).prop_map(|word| word.parse().unwrap());
    prop::collection::vec(example, 0..3).prop_map(|examples: Vec<Example>| examples.into_iter().fold(Vec::new(), once))
}

fn once(mut found: Vec<Example>, example: Example) -> Vec<Example> {
    if !found.contains(&example) {
        found.push(example);
    }
    found
}

fn profiles() -> impl Strategy<Value = Profile> {
    let level = prop::sample::select(Level::ALL.to_vec());
    let changes = || prop::collection::vec((rights(), reasons()), 0..4);
    (level, changes(), changes(), changes(), examples(), examples(), prop::option::of("[a-z]{4,9}")).prop_map(
        |(level, grant, deny, audit, must_allow, must_deny, name)| {
            let start = Profile::built_in(level);
            let granted = grant.into_iter().fold(start, |profile, (right, reason)| profile.with(right, reason));
            let denied = deny.into_iter().fold(granted, |profile, (right, reason)| profile.without(right, reason));
            let changed = audit.into_iter().fold(denied, |profile, (right, reason)| profile.auditing(right, reason));
            let must_deny = must_deny.into_iter().filter(|example| !must_allow.contains(example)).collect();
            let name = name.filter(|name| name.parse::<Level>().is_err());
            Profile { name, must_allow, must_deny, ..changed }
        },
    )
}

/// An extension that says just this.
fn extension(profile: &Profile) -> Extension {
    Extension(Profile { level: Level::High, ..profile.clone() })
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(profile in profiles()) {
        prop_assert!(profile.diff(&profile).is_empty());
    }

    #[test]
    fn the_way_back_takes_what_the_way_there_added(a in profiles(), b in profiles()) {
        let (there, back) = (a.diff(&b), b.diff(&a));
        let names = |lists: &[&Vec<Entry>]| -> Vec<Right> {
            let mut all: Vec<Right> = lists.iter().flat_map(|list| list.iter()).map(|entry| entry.right).collect();
            all.sort_unstable();
            all
        };
        let all = |diff: &ProfileDiff| names(&[&diff.added, &diff.removed, &diff.audited]);
        prop_assert_eq!(all(&there), all(&back));
        for right in all(&there) {
            let is_in = |list: &Vec<Entry>| list.iter().any(|entry| entry.right == right);
            prop_assert_eq!(is_in(&there.added), verdict(&b, right) == Verdict::Allowed);
            prop_assert_eq!(is_in(&there.removed), verdict(&b, right) == Verdict::Refused);
            prop_assert_eq!(is_in(&there.audited), verdict(&b, right) == Verdict::Told);
        }
        prop_assert_eq!(there.proofs_added, back.proofs_removed);
    }

    #[test]
    fn an_extension_adds_what_it_grants_and_takes_what_it_denies_and_nothing_else(base in profiles(), by in profiles()) {
        let extended = base.extended(&extension(&by));
        for right in Right::all() {
            let expected = by.grant.contains(right) || (base.rights().holds(right) && !by.deny.contains(right) && !by.audit.contains(right));
            prop_assert_eq!(extended.rights().holds(right), expected, "{}", right);
            prop_assert!(by.reason(right).is_none() || extended.reason(right) == by.reason(right), "{}", right);
        }
        let added: Vec<Right> = base.diff(&extended).added.iter().map(|entry| entry.right).collect();
        let expected: Vec<Right> = by.grant.rights().filter(|right| !base.rights().holds(*right)).collect();
        prop_assert_eq!(added, expected);
    }

    #[test]
    fn a_descendant_keeps_the_proof_of_its_ancestor(base in profiles(), by in profiles()) {
        let extended = base.extended(&extension(&by));
        prop_assert!(base.must_allow.iter().chain(&by.must_allow).all(|example| extended.must_allow.contains(example)));
        prop_assert!(base.must_deny.iter().chain(&by.must_deny).all(|example| extended.must_deny.contains(example)));
        prop_assert_eq!(extended.name, by.name);
    }

    #[test]
    fn restricting_never_adds_a_right(profile in profiles(), to in profiles()) {
        let restricted = profile.restricted(&to);
        for right in Right::all() {
            let both = profile.rights().holds(right) && to.rights().holds(right);
            prop_assert_eq!(restricted.rights().holds(right), both, "{}", right);
        }
        prop_assert!(profile.diff(&restricted).added.is_empty());
        for right in Right::all() {
            let refused = verdict(&profile, right) == Verdict::Refused || verdict(&to, right) == Verdict::Refused;
            prop_assert_eq!(verdict(&restricted, right) == Verdict::Refused, refused, "{}", right);
        }
        prop_assert_eq!(restricted.restricted(&to), restricted);
    }

    #[test]
    fn joining_holds_what_either_holds(a in profiles(), b in profiles()) {
        let joined = a.joined(&b);
        for right in Right::all() {
            prop_assert_eq!(joined.rights().holds(right), a.rights().holds(right) || b.rights().holds(right), "{}", right);
            let refused = verdict(&a, right) == Verdict::Refused && verdict(&b, right) == Verdict::Refused;
            prop_assert_eq!(verdict(&joined, right) == Verdict::Refused, refused, "{}", right);
        }
    }

    #[test]
    fn granting_and_denying_undo_each_other(profile in profiles(), right in rights()) {
        prop_assert!(profile.with(right, None).rights().holds(right));
        prop_assert!(!profile.without(right, None).rights().holds(right));
        prop_assert!(!profile.with(right, None).without(right, None).rights().holds(right));
        prop_assert!(!profile.with(right, None).without(right, None).grant.contains(right));
        let audited = if right.is_grave() { verdict(&profile, right) } else { Verdict::Told };
        prop_assert_eq!(verdict(&profile.auditing(right, None), right), audited);
        prop_assert_eq!(verdict(&profile.auditing(right, None).without(right, None), right), Verdict::Refused);
        prop_assert_eq!(verdict(&profile.auditing(right, None).with(right, None), right), Verdict::Allowed);
    }

    #[test]
    fn a_profile_reads_back_as_it_was_written(profile in profiles()) {
        prop_assert_eq!(&Profile::parse("profile", &profile.to_tree()).unwrap(), &profile);
        prop_assume!(way_past(profile.rights()).is_none(), "a spec refuses it");
        let spec = Spec::from_toml(&"web".parse().unwrap(), &profile.to_toml()).unwrap();
        prop_assert_eq!(&spec.profile, &profile);
        let again = Spec::from_toml(&"web".parse().unwrap(), &spec.to_toml()).unwrap();
        prop_assert_eq!(again, spec);
    }

    #[test]
    fn a_fence_is_never_held(profile in profiles(), right in prop::sample::select(fences())) {
        prop_assert_eq!(profile.with(right, None).rights(), profile.rights());
        prop_assert_eq!(verdict(&profile.auditing(right, None), right), Verdict::Refused);
        prop_assert_eq!(profile.cause(right), Cause::Fence);
    }
}

fn fences() -> Vec<Right> {
    Right::all().filter(|right| right.is_fence()).collect()
}

fn verdict(profile: &Profile, right: Right) -> Verdict {
    profile.policy(Vec::new()).judge(right)
}

fn probe() -> Profile {
    Profile::parse(
        "profile",
        &json!({
            "name": "network_probe", "base": "high", "grant": ["ping", "netlink_route"], "deny": {"privileged_port": "serves nobody"},
            "reasons": {"ping": "ping and traceroute"}, "must_allow": ["ping"], "must_deny": ["mount", "bind 80"],
        }),
    )
    .unwrap()
}

#[test]
fn a_profile_prints_as_a_line_a_toml_and_a_difference() {
    let medium = Profile::built_in(Level::Medium);
    let audited = probe().auditing("chroot".parse().unwrap(), Some("does it need that?".into()));
    let reworded = probe().with("ping".parse().unwrap(), Some("pings the gateway".into()));
    insta::assert_snapshot!(format!(
        "{}\n{}\n\n{}\n{}\n\n{}\n\n{audited}\n{}\n{}",
        probe(),
        probe().label(),
        probe().to_toml(),
        medium.diff(&probe()),
        probe().diff(&reworded),
        probe().diff(&audited),
        audited.to_toml()
    ));
}

#[test]
fn rights_without_a_reason_stay_a_list() {
    let profile = Profile::parse("profile", &json!({"base": "medium", "grant": ["raw_socket"], "deny": ["ptrace"]})).unwrap();
    assert_eq!(profile.to_toml(), "[profile]\nbase = \"medium\"\ngrant = [\"raw_socket\"]\ndeny = [\"ptrace\"]\n");
    assert_eq!(profile.label(), "medium+-");
}

#[test]
fn a_part_of_a_right_is_granted_printed_compared_and_taken_away_like_a_right() {
    let tree = json!({"base": "high", "grant": {"netlink:audit": "logins are recorded", "device:net/tun": ""}});
    let parted = Profile::parse("profile", &tree).unwrap();
    let [netlink, audit]: [Right; 2] = ["netlink", "netlink:audit"].map(|name| name.parse().unwrap());
    let high = Profile::built_in(Level::High);
    let whole = high.with(netlink, Some("all of it".into()));
    assert_eq!([netlink, audit].map(|right| verdict(&parted, right)), [Verdict::Refused, Verdict::Allowed]);
    assert_eq!(Profile::parse("profile", &parted.to_tree()).unwrap(), parted);
    let toml: toml::Value = toml::from_str(&parted.to_toml()).unwrap();
    assert_eq!(Profile::parse("profile", &serde_json::to_value(&toml["profile"]).unwrap()).unwrap(), parted);
    assert_eq!(verdict(&parted.without(netlink, None), audit), Verdict::Refused, "with the right go its parts");
    assert_eq!(parted.without(audit, None).deny, high.deny, "a part is not denied by itself");
    assert_eq!(verdict(&parted.restricted(&whole), audit), Verdict::Allowed);
    assert_eq!(verdict(&parted.restricted(&high), audit), Verdict::Refused);
    assert_eq!(verdict(&high.joined(&parted), audit), Verdict::Allowed);
    let place = place::in_toml(&parted.to_toml(), audit, parted.cause(audit)).unwrap();
    insta::assert_snapshot!(format!(
        "{parted}\n{}\n{}\n{}\n\n{}\n\n{}\n\n{}",
        parted.label(),
        parted.to_script(),
        parted.to_toml().lines().nth(place - 1).unwrap(),
        parted.to_toml(),
        high.diff(&parted),
        parted.diff(&whole)
    ));
}

#[test]
fn every_mistake_in_a_profile_names_its_key_and_the_remedy() {
    let wrong = [
        json!({"bas": "low"}),
        json!({"grant": {"rawsocket": "x"}}),
        json!({"grant": {"raw_socket": 1}}),
        json!({"grant": {"raw_socket": "two\nlines"}}),
        json!({"reasons": {"raw_socket": "nobody asked"}}),
        json!({"reasons": ["raw_socket"]}),
        json!({"audit": ["process_see"]}),
        json!({"audit": ["mount"], "deny": ["mount"]}),
        json!({"audit": ["mount"], "grant": ["mount"]}),
        json!({"name": "Web Server"}),
        json!({"name": "low"}),
        json!({"must_allow": "ping"}),
        json!({"must_allow": ["pnig"]}),
        json!({"must_deny": ["bind 0"]}),
        json!({"must_allow": ["ping"], "must_deny": ["ping"]}),
        json!(["raw_socket"]),
        json!({"grant": ["netlink:adit"]}),
        json!({"grant": ["netlink:route"]}),
        json!({"grant": ["device:sda"]}),
        json!({"grant": ["keyring:mine"]}),
        json!({"deny": ["netlink:audit"]}),
        json!({"audit": ["device:kvm"]}),
        json!({"audit": ["bpf"]}),
        json!({"grant": ["netlink:audit"], "deny": ["netlink"]}),
        json!({"grant": ["module"]}),
        json!({"grant": ["CAP_SYS_ADMIN"]}),
    ];
    let mut messages: Vec<String> = wrong.iter().map(|tree| Profile::parse("profile", tree).unwrap_err().to_string()).collect();
    messages.push(Extension::parse("extend", &json!({"base": "low"})).unwrap_err().to_string());
    messages.push(grantable_right("grant", "process_see").unwrap_err().to_string());
    insta::assert_snapshot!(messages.join("\n"));
}
