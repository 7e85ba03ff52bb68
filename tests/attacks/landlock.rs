//! Where the landlock body answers otherwise than the module: refused with another errno, open, or stricter. Each row has
//! its reason; one that ends otherwise than listed fails the test, so that the lists keep up with the body.

#![allow(dead_code, reason = "each test uses its part")]

use jailsh::kernel::{Description, Enforcement, Right};

use super::table::{Expectation, Row};

/// Rows that get through: the right they belong to, which `describe` must not call enforced, and why.
pub const OPEN: &[(&str, &str, &str)] = &[];

/// Rows that are refused as well as by the module: with which errno, and why with that one.
pub const OTHERWISE: &[(&str, &str, &str)] = &[];

/// Rows that work under the module, or get through there, and are refused here: with which errno, and why.
pub const STRICTER: &[(&str, &str, &str)] = &[];

/// What a member may do under the module to another of its jail, and not here: with which errno, and why.
pub const TO_SIBLINGS: &[(&str, &str, &str)] = &[];

/// How a connection ends to a socket of another jail, or of the host, whose path is in both roots.
pub const PATH_SOCKET: &str = "ok";

/// Refusals that need no reason: a capability that is not there, a call that the filter refuses, a path outside.
const REFUSALS: [&str; 2] = ["EPERM", "EACCES"];

fn listed(list: &[(&str, &str, &str)], row: &Row) -> Option<String> {
    list.iter().find(|(name, ..)| *name == row.name).map(|(_, what, _)| (*what).to_owned())
}

/// How a deed of a member on a member is refused, if it is.
pub fn to_sibling(name: &str) -> Option<&'static str> {
    TO_SIBLINGS.iter().find(|(row, ..)| *row == name).map(|(_, errno, _)| *errno)
}

fn is_one_of(list: &str, result: &str) -> bool {
    list.split('|').any(|one| one == result)
}

/// What is wrong with how a row ended in a jail, if anything.
pub fn verdict(row: &Row, result: &str) -> Option<String> {
    let name = &row.name;
    if listed(OPEN, row).is_some() {
        let through = row.in_chroot.iter().any(|one| one == result);
        return (!through).then(|| format!("{name}: {result} in the jail, so it is not open: take it off the list"));
    }
    if let Some(errno) = listed(STRICTER, row) {
        return (!is_one_of(&errno, result)).then(|| format!("{name}: {result} in the jail, not {errno} as listed"));
    }
    let fits = match row.expectation {
        Expectation::Denied => {
            let otherwise = listed(OTHERWISE, row);
            if let Some(errno) = otherwise {
                is_one_of(&errno, result)
            } else {
                REFUSALS.contains(&result) || row.in_jail.iter().any(|one| one == result)
            }
        }
        Expectation::Works | Expectation::Open => row.in_jail.iter().any(|one| one == result),
    };
    (!fits).then(|| format!("{name}: {result} in the jail"))
}

/// Open rows whose right the body claims to hold.
pub fn untold(description: &Description) -> Vec<String> {
    let claimed = |right: &str| {
        let right: Right = right.parse().unwrap_or_else(|()| panic!("no right {right}"));
        matches!(description.enforcement(right), None | Some(Enforcement::Enforced { .. }))
    };
    let untold = OPEN.iter().filter(|(_, right, _)| claimed(right));
    untold.map(|(name, right, _)| format!("{name}: open, but {right} is described as enforced")).collect()
}
