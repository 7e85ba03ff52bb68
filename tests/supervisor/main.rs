//! start, stop and supervise with real jails: roots, namespaces, processes and monitors, but a kernel body that enforces
//! nothing. Needs root.
//!
//! Entering a jail forks, which only a process with one thread may: so this is a harness of its own, a process a case.

#[path = "../support/asked.rs"]
mod asked;
#[allow(dead_code, reason = "shared with the tests of roots, which use all of it")]
#[path = "../roots/bench.rs"]
mod bench;
mod cases;
#[allow(dead_code, reason = "shared with the tests of roots, which use all of it")]
#[path = "../roots/kernel.rs"]
mod kernel;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use jailsh::supervise::{TITLE, monitor_main_over};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use asked::Asked;

fn main() -> ExitCode {
    if std::env::args().next().is_some_and(|name| name.starts_with(TITLE)) {
        return monitor_main_over(|config| {
            let state = config.run_dir.parent().expect("a scratch directory").join("kernel");
            Ok(Rc::new(kernel::Plain::new(config, state)))
        });
    }
    let asked = Asked::of_this_process();
    let cases: Vec<_> = cases::CASES.iter().filter(|(name, _)| asked.wants(name)).collect();
    if asked.list {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: {} cases of supervisors need root, for mounts and namespaces", cases.len());
        return ExitCode::SUCCESS;
    }
    println!("running {} cases", cases.len());
    let failed = cases.iter().filter(|(name, case)| !passes(name, *case)).count();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {} passed; {failed} failed", cases.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a case in a process of its own and looks at what it left on the host.
fn passes(name: &str, case: fn()) -> bool {
    let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let began = Instant::now();
    // SAFETY: this process has one thread.
    let status = match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            // Other tests may mount at the same time: only what lies in here is the case's.
            // SAFETY: this process has one thread.
            unsafe { std::env::set_var("TMPDIR", scratch.path()) };
            let done = std::panic::catch_unwind(case);
            // SAFETY: ends the case's process; its drops ran in the unwinding.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        ForkResult::Parent { child } => waitpid(child, None).expect("waitpid"),
    };
    let left = bench::mounts_below(scratch.path());
    if !left.is_empty() {
        println!("{name}: left mounts: {left:#?}");
    }
    let passed = matches!(status, WaitStatus::Exited(_, 0)) && left.is_empty();
    println!("case {name} ... {} ({} ms)", if passed { "ok" } else { "FAILED" }, began.elapsed().as_millis());
    passed
}
