//! The program that tries probes from inside a jail: this one, under another name.

use std::process::ExitCode;

use nix::errno::Errno;

use super::attempt::attempt;
use super::running::Reach;
use crate::jail::fork;
use crate::jail::spec::probe::{Example, Probe};

/// What it is called in the jail; `main` goes by that.
pub const PROGRAM: &str = "jailsh-probe";

/// Exit status of who is not called as we call it, sysexits(3).
const USAGE: u8 = 64;
/// A child that could not be made or waited for, outside of errno(3).
pub const UNKNOWN: i32 = 255;

/// One argument.
enum Order {
    Probe(Probe),
    Reach(Reach),
}

impl Order {
    fn read(text: &str) -> Option<Order> {
        match text.parse() {
            Ok(Example::Probe(probe)) => Some(Order::Probe(probe)),
            _ => text.parse().ok().map(Order::Reach),
        }
    }

    fn attempt(&self) -> Result<(), Errno> {
        match self {
            Order::Probe(probe) => attempt(probe),
            Order::Reach(reach) => reach.attempt(),
        }
    }
}

/// Tries each argument in a child of its own, and prints the answers in order: 0 or an errno, a line each.
pub fn main() -> ExitCode {
    let Some(orders) = std::env::args().skip(1).map(|text| Order::read(&text)).collect::<Option<Vec<Order>>>() else {
        eprintln!("{PROGRAM}: this is not how probes are tried; use jailsh probe or jailsh profile check --real");
        return ExitCode::from(USAGE);
    };
    // A loader may have run it, and would give its own name to what is listed of denials. A name is all that is set.
    let _ = crate::kernel::system::name_process(c"jailsh-probe");
    for order in orders {
        let child = fork::in_child(|| order.attempt().map_or_else(|errno| errno as i32, |()| 0));
        println!("{}", child.ok().and_then(fork::wait).unwrap_or(UNKNOWN));
    }
    ExitCode::SUCCESS
}
