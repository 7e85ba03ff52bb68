//! Cases of a harness of its own, one after the other: each in a process with one thread, for cases fork, and in a mount
//! namespace of its own, so that a case or a harness that is killed leaves no mount on the host.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::bench::mounts_below;

/// A case: its name and what it does; it panics when something is not as it should be.
pub type Case = (&'static str, fn());

/// Runs them and says how each ended; `about`: what they are cases of.
pub fn run_all(about: &str, cases: &[Case]) -> ExitCode {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: {} cases of {about} need root, for mounts and namespaces", cases.len());
        return ExitCode::SUCCESS;
    }
    println!("running {} cases", cases.len());
    let failed: Vec<&str> = cases.iter().filter(|(name, case)| !passes(name, *case)).map(|(name, _)| *name).collect();
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!("test result: {word}. {} passed; {} failed", cases.len() - failed.len(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(name: &str, case: fn()) -> bool {
    // In memory where there is such a place: the cases write much to disk and wait for it.
    let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let began = Instant::now();
    // SAFETY: this process has one thread.
    let status = match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            // SAFETY: this process has one thread.
            unsafe { std::env::set_var("TMPDIR", scratch.path()) };
            let done = std::panic::catch_unwind(|| {
                part_from_the_hosts_mounts();
                case();
            });
            let left = mounts_below(scratch.path());
            if !left.is_empty() {
                println!("{name}: left mounts: {left:#?}");
            }
            // SAFETY: ends the case's process; its drops ran in the unwinding.
            unsafe { libc::_exit(i32::from(done.is_err() || !left.is_empty())) }
        }
        ForkResult::Parent { child } => waitpid(child, None).expect("waitpid"),
    };
    let passed = matches!(status, WaitStatus::Exited(_, 0)) && mounts_below(scratch.path()).is_empty();
    println!("case {name} ... {} ({} ms)", if passed { "ok" } else { "FAILED" }, began.elapsed().as_millis());
    passed
}

/// What the host mounts and unmounts is still seen.
fn part_from_the_hosts_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    let flags = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    mount(None::<&Path>, "/", None::<&Path>, flags, None::<&Path>).expect("mounts that do not reach the host");
}
