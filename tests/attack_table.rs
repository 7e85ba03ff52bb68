//! The table of attacks itself: it compiles without a warning on any machine, and leaves no right of the policy untried.
//! What the attacks achieve is asked in attacks.rs, in a guest.

#[path = "attacks/landlock.rs"]
mod landlock;
#[path = "support/program.rs"]
mod program;
#[path = "support/table.rs"]
mod table;

use std::collections::BTreeSet;

use jailsh::kernel::{Level, Right};
use program::Program;
use table::{Expectation, Row, rows};

fn whole_table() -> Vec<Row> {
    rows(&Program::build())
}

#[test]
fn rows_have_names_of_their_own() {
    let mut seen = BTreeSet::new();
    for row in whole_table() {
        assert!(seen.insert(row.name.clone()), "two rows are named {:?}, one in class {}", row.name, row.class);
    }
    assert!(seen.len() > 250, "{} rows", seen.len());
}

#[test]
fn a_denied_row_gets_through_or_reaches_the_kernel_in_a_chroot_and_never_gets_through_in_a_jail() {
    for row in whole_table().into_iter().filter(|row| row.expectation == Expectation::Denied) {
        assert!(!row.in_chroot.is_empty() && !row.in_jail.is_empty(), "{}", row.name);
        assert!(!row.in_jail.contains(&"ok".to_owned()), "{}", row.name);
        // What the chroot may answer as well must not pass for a denial.
        assert!(row.in_chroot.iter().all(|result| !row.in_jail.contains(result)), "{}", row.name);
    }
}

#[test]
fn a_row_that_works_or_is_open_ends_alike_in_both() {
    for row in whole_table().into_iter().filter(|row| row.expectation != Expectation::Denied) {
        assert!(row.rights.is_empty(), "{} is counted under nothing", row.name);
        assert!(row.in_chroot.iter().any(|result| row.in_jail.contains(result)), "{}", row.name);
    }
}

#[test]
fn what_landlock_answers_otherwise_are_rows_of_the_table_with_a_reason_each() {
    let table = whole_table();
    let row = |name: &str| table.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name:?}"));
    for (name, right, why) in landlock::OPEN {
        let row = row(name);
        assert_eq!(row.expectation, Expectation::Denied, "{name} is open everywhere");
        let right: Right = right.parse().unwrap_or_else(|()| panic!("{name}: no right {right}"));
        assert!(row.rights.is_empty() || row.rights.contains(&right), "{name} is not about {right}");
        assert!(!why.is_empty(), "{name}");
    }
    for (name, errnos, why) in landlock::OTHERWISE {
        assert_eq!(row(name).expectation, Expectation::Denied, "{name}");
        assert!(errnos.split('|').all(|errno| errno.starts_with('E')) && !why.is_empty(), "{name}");
    }
    for (name, errnos, why) in landlock::STRICTER {
        assert_ne!(row(name).expectation, Expectation::Denied, "{name}");
        assert!(errnos.split('|').all(|errno| errno.starts_with('E')) && !why.is_empty(), "{name}");
    }
    for (name, errno, why) in landlock::TO_SIBLINGS {
        assert!(row(name).rights.iter().all(|right| right.is_fence()), "{name}");
        assert!(errno.starts_with('E') && !why.is_empty(), "{name}");
    }
}

/// Rights whose denial is asked elsewhere, or cannot be provoked by a call that is harmless and works without a disk.
const ELSEWHERE: [&str; 5] = [
    "jail_enter",    // ways_out.rs
    "process_table", // needs a full table, or a fork in the very moment of the end
    "immutable",     // needs a file system with flags: tmpfs has none before Linux 6.6
    "mac_audit",     // audit's netlink socket is refused before the capability is asked for
    "module_tamper", // ways_out.rs
];

#[test]
fn every_right_that_a_medium_jail_lacks_is_attacked() {
    let medium = Level::Medium.rights();
    let attacked: BTreeSet<Right> = whole_table().into_iter().flat_map(|row| row.rights).collect();
    let untried: Vec<&str> = Right::all()
        .filter(|right| !medium.holds(*right) && !attacked.contains(right))
        .map(Right::name)
        .filter(|name| !ELSEWHERE.contains(name))
        .collect();
    assert_eq!(untried, Vec::<&str>::new());
}
