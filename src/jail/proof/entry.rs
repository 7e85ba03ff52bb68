//! The program that tries probes from inside a jail: this one, under another name.

use std::process::ExitCode;

use super::attempt::attempt;
use crate::jail::fork;
use crate::jail::spec::probe::{Example, Probe};

/// What it is called in the jail; `main` goes by that.
pub const PROGRAM: &str = "jailsh-probe";

/// Exit status of who is not called as we call it, sysexits(3).
const USAGE: u8 = 64;
/// A child that could not be made or waited for, outside of errno(3).
pub const UNKNOWN: i32 = 255;

/// Tries each argument in a child of its own, and prints the answers in order: 0 or an errno, a line each.
pub fn main() -> ExitCode {
    let probe = |text: String| match text.parse() {
        Ok(Example::Probe(probe)) => Some(probe),
        _ => None,
    };
    let Some(probes) = std::env::args().skip(1).map(probe).collect::<Option<Vec<Probe>>>() else {
        eprintln!("{PROGRAM}: this is not how probes are tried; use jailsh profile check --real");
        return ExitCode::from(USAGE);
    };
    for probe in probes {
        let child = fork::in_child(|| attempt(&probe).map_or_else(|errno| errno as i32, |()| 0));
        println!("{}", child.ok().and_then(fork::wait).unwrap_or(UNKNOWN));
    }
    ExitCode::SUCCESS
}
