//! Roots, entering and the life of a jail, with real namespaces and real processes but without the module. Needs root.
//!
//! The cases fork, which only a process with one thread may: so this is a harness of its own, a process a case.

mod archives;
#[path = "../support/asked.rs"]
mod asked;
mod bases;
mod bench;
mod entering;
mod forged;
mod hostile;
mod kernel;
mod life;
mod running;
mod snapshots;
mod terminal;
mod trees;

use std::process::ExitCode;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use asked::Asked;

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
    let cases = [
        life::CASES,
        entering::CASES,
        running::CASES,
        terminal::CASES,
        hostile::CASES,
        bases::CASES,
        snapshots::CASES,
        archives::CASES,
        forged::CASES,
    ]
    .concat();
    let cases: Vec<Case> = cases.into_iter().filter(|(name, _)| asked.wants(name)).collect();
    if asked.list {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: {} cases of roots need root, for mounts and namespaces", cases.len());
        return ExitCode::SUCCESS;
    }
    println!("running {} cases", cases.len());
    let failed: Vec<&str> = cases.iter().filter(|(name, case)| !passes(name, *case)).map(|(name, _)| *name).collect();
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!("test result: {word}. {} passed; {} failed", cases.len() - failed.len(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a case in a process of its own and looks at what it left on the host.
fn passes(name: &str, case: fn()) -> bool {
    // In memory where there is such a place: the cases write much to disk and wait for it.
    let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let began = std::time::Instant::now();
    // SAFETY: this process has one thread.
    let status = match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            // Other tests may mount at the same time: only what lies in here is the case's.
            // SAFETY: this process has one thread.
            unsafe { std::env::set_var("TMPDIR", scratch.path()) };
            let done = std::panic::catch_unwind(case);
            // SAFETY: ends the case's process; its drops ran in the unwinding.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
    };
    let left = bench::mounts_below(scratch.path());
    if !left.is_empty() {
        println!("{name}: left mounts: {left:#?}");
    }
    let passed = matches!(status, WaitStatus::Exited(_, 0)) && left.is_empty();
    println!("case {name} ... {} ({} ms)", if passed { "ok" } else { "FAILED" }, began.elapsed().as_millis());
    passed
}
