//! The table of attacks itself: it compiles without a warning on any machine, and leaves no right of the policy untried.
//! What the attacks achieve is asked in attacks.rs, in a guest.

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
