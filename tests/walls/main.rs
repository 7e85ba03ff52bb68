//! The walls of the landlock body, closed around real processes of this machine, in a small root of their own. Needs root
//! and a kernel with Landlock; nothing here would change the host if a wall had a hole.
//!
//! What is closed in can never come out: so this is a harness of its own, a process a case.

#[path = "../support/asked.rs"]
mod asked;
mod denied;
mod outsiders;
mod stage;
mod works;

use std::process::ExitCode;
use std::time::Instant;

use asked::Asked;
use jailsh::kernel::landlock::probe;

/// A case: its name and what it does; it panics when something is not as it should be.
type Case = (&'static str, fn());

#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub const CASES: &[$crate::Case] = &[$((stringify!($name), $name as fn())),*];
    };
}

fn main() -> ExitCode {
    let asked = Asked::of_this_process();
    let cases = [denied::CASES, works::CASES, outsiders::CASES].concat();
    let cases: Vec<Case> = cases.into_iter().filter(|(name, _)| asked.wants(name)).collect();
    if asked.list {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: {} cases of walls need root, for mounts and for giving capabilities up", cases.len());
        return ExitCode::SUCCESS;
    }
    if let Err(error) = probe::abi() {
        println!("skipped: {} cases of walls need Landlock: {error}", cases.len());
        return ExitCode::SUCCESS;
    }
    println!("running {} cases", cases.len());
    let failed = cases.iter().filter(|(name, case)| !passes(name, *case)).count();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {} passed; {failed} failed", cases.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(name: &str, case: fn()) -> bool {
    let began = Instant::now();
    let passed = stage::in_a_process(case);
    println!("case {name} ... {} ({} ms)", if passed { "ok" } else { "FAILED" }, began.elapsed().as_millis());
    passed
}
