//! What an answer from inside means; the real ones are in tests/proof.rs.

use super::*;
use crate::kernel::{Level, RightStatus};

fn right(name: &str) -> Right {
    name.parse().unwrap()
}

fn description(enforcement: Enforcement) -> Description {
    let rights = vec![RightStatus { right: right("mount"), enforcement }];
    Description { body: "lsm", abi: 1, kernel: "6.12.0".into(), rights, notes: Vec::new() }
}

fn enforced() -> Description {
    description(Enforcement::Enforced { by: "sb_mount".into() })
}

fn told(allowed: bool, answer: Option<i32>, description: &Description) -> Attempt {
    let order = answer.map(|_| "mount".to_owned());
    Try { what: "mount".into(), order, allowed, right: Some(right("mount")), detail: None, is_open: false }
        .told(answer, description)
}

fn verdict(allowed: bool, errno: Errno) -> Verdict {
    told(allowed, Some(errno as i32), &enforced()).verdict
}

#[test]
fn what_gets_through_is_open_unless_it_is_granted_or_cannot_be_held() {
    let cannot = description(Enforcement::NotEnforceable { why: "this kernel has no hook".into() });
    assert_eq!(told(false, Some(0), &enforced()).verdict, Verdict::Open);
    assert_eq!(told(true, Some(0), &enforced()).verdict, Verdict::Granted);
    let unenforced = told(false, Some(0), &cannot);
    assert_eq!((unenforced.verdict, unenforced.detail.as_deref()), (Verdict::Unenforced, Some("this kernel has no hook")));
}

#[test]
fn a_refusal_holds_and_what_says_nothing_of_the_right_is_not_taken_for_one() {
    for errno in [Errno::EPERM, Errno::EACCES, Errno::ENOSYS, Errno::ESRCH] {
        assert_eq!((verdict(false, errno), verdict(true, errno)), (Verdict::Held, Verdict::Refused), "{errno:?}");
    }
    for errno in SAYS_NOTHING {
        assert_eq!((verdict(false, errno), verdict(true, errno)), (Verdict::Untried, Verdict::Untried), "{errno:?}");
    }
    for killed in [UNKNOWN, 128 + libc::SIGSYS, 128 + libc::SIGKILL] {
        assert_eq!(told(false, Some(killed), &enforced()).verdict, Verdict::Untried, "{killed}");
    }
    assert_eq!(told(false, None, &enforced()).verdict, Verdict::Untried);
}

#[test]
fn a_reserved_port_is_refused_as_if_it_were_in_use() {
    let bind = |right: Right| Try {
        what: "bind 80".into(),
        order: Some("bind 80".into()),
        allowed: false,
        right: Some(right),
        detail: None,
        is_open: false,
    };
    let told = |name| bind(right(name)).told(Some(Errno::EADDRINUSE as i32), &enforced()).verdict;
    assert_eq!((told("port_foreign"), told("privileged_port")), (Verdict::Held, Verdict::Untried));
}

#[test]
fn a_report_is_tight_until_something_gets_through() {
    let report = |answers: &[Option<i32>]| Report {
        jail: "web".parse().unwrap(),
        body: "lsm",
        attempts: answers.iter().map(|answer| told(false, *answer, &enforced())).collect(),
        denials: None,
        notes: Vec::new(),
    };
    assert!(report(&[Some(1), None]).is_tight());
    assert!(!report(&[Some(1), Some(0), None]).is_tight());
}

/// Every right of the table is tried or listed as untried, once for each way, whatever a profile holds.
#[test]
fn no_right_is_left_out() {
    for level in Level::ALL {
        let rights = level.rights();
        let listed: Vec<Try> = FEATS.iter().map(|feat| of_probe(&Probe::Feat(feat), rights)).collect();
        let attempts: Vec<Attempt> = listed.into_iter().map(|one| one.told(Some(1), &enforced())).collect();
        let left = untried(&attempts, rights);
        for right in Right::all() {
            assert!(attempts.iter().chain(&left).any(|attempt| attempt.right == Some(right)), "{right:?} at {level:?}");
        }
    }
}

#[test]
fn a_destination_that_a_list_has_is_granted_to_who_tries_it() {
    let without = Level::Medium.rights().without(connect_anywhere());
    let listing = |rules: &[&str]| {
        let connect = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        open_to(&Policy { connect, ..Policy::new(without, Vec::new()) }).holds(connect_anywhere())
    };
    assert!(listing(&["any"]) && listing(&["10.0.0.1", "127.0.0.0/8:1-1023"]));
    assert!(!listing(&[]) && !listing(&["127.0.0.1:9/tcp", "[::1]", "127.0.0.1:80"]));
}
